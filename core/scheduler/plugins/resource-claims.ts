import type { Plugin } from '../framework.ts'

const rejection = { plugin: 'DynamicResources', reasons: ['cannot allocate all claims'], isFinal: true }

/** Devices of claims are not handed out here, so a pod that needs some waits instead of running without them. */
export const resourceClaims: Plugin = {
  name: 'DynamicResources',
  begin: ({ pod }) => ((pod.spec.resourceClaims?.length ?? 0) === 0 ? undefined : { filter: () => rejection }),
  wakes: () => false,
}
