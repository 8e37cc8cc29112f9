import { podTotal } from '../../api/rules/pod-resources.ts'
import type { Pod } from '../../api/types/core-v1.ts'
import { formatQuantity, parseQuantity, toUnits } from '../../meta/quantity.ts'

/** Bytes on the node's disk that a pod has written. */
export interface LocalUse {
  /** Writable layer and logs, by container name. */
  readonly containers: ReadonlyMap<string, number>
  /** emptyDir volumes on disk, by volume name. */
  readonly volumes: ReadonlyMap<string, number>
}

const EPHEMERAL = 'ephemeral-storage'

/** Whether anything limits what the pod writes: only then is it worth measuring. */
export function hasLocalLimits({ spec }: Pod): boolean {
  return limitedVolumes(spec).length > 0 || podTotal(spec, 'limits').has(EPHEMERAL)
}

/**
 * What the pod has too much of, in the words of its eviction: a volume, the pod as a whole, or one container, in this order.
 * Source: Kubernetes documentation, "Local ephemeral storage", and the kubelet's messages.
 */
export function exceededLimit({ spec }: Pod, { containers, volumes }: LocalUse): string | undefined {
  for (const { name, sizeLimit } of limitedVolumes(spec)) {
    if ((volumes.get(name) ?? 0) > bytes(sizeLimit)) return `Usage of EmptyDir volume "${name}" exceeds the limit "${sizeLimit}". `
  }
  const limit = podTotal(spec, 'limits').get(EPHEMERAL)
  const total = sum(containers) + sum(volumes)
  if (limit !== undefined && total > toUnits(limit))
    return `Pod ephemeral local storage usage exceeds the total limit of containers ${formatQuantity(limit)}. `
  for (const { name, resources } of spec.containers) {
    const own = resources.limits?.[EPHEMERAL]
    if (own !== undefined && (containers.get(name) ?? 0) > bytes(own))
      return `Container ${name} exceeded its local ephemeral storage limit "${own}". `
  }
  return undefined
}

function limitedVolumes({ volumes = [] }: Pod['spec']): readonly { readonly name: string; readonly sizeLimit: string }[] {
  return volumes.flatMap(({ name, emptyDir }) => {
    const { sizeLimit } = emptyDir ?? {}
    return sizeLimit === undefined || bytes(sizeLimit) === 0 ? [] : [{ name, sizeLimit }]
  })
}

const bytes = (text: string): number => toUnits(parseQuantity(text))
const sum = (amounts: ReadonlyMap<string, number>): number => [...amounts.values()].reduce((total, amount) => total + amount, 0)
