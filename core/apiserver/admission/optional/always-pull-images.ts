import type { Pod, PodSpec } from '../../../api/types/core-v1.ts'
import type { Work } from '../../resources/resource-def.ts'
import type { AdmissionPlugin } from '../admission.ts'
import { denied } from '../denied.ts'
import { isWriteOf, PODS } from '../target.ts'

type AnyContainer = Pick<PodSpec['containers'][number], 'image' | 'imagePullPolicy'>

/** Images are pulled anew for each pod, so that nobody runs a private image only because the node has it. Off by default. */
export const alwaysPullImages: AdmissionPlugin = {
  name: 'AlwaysPullImages',
  handles: (attributes) => isWriteOf(attributes, PODS),
  admit: ({ object, oldObject }) => {
    const old = oldObject === undefined ? undefined : imagesOf((oldObject as Pod).spec)
    for (const container of containersOf((object as Work<Pod>).spec)) {
      // NOTE: an update that changes no image leaves running pods alone.
      if (old?.has(container.image ?? '') !== true) container.imagePullPolicy = 'Always'
    }
  },
  validate: (attributes) => {
    if (attributes.operation !== 'CREATE') return
    const other = containersOf((attributes.object as Pod).spec).find(({ imagePullPolicy }) => imagePullPolicy !== 'Always')
    if (other === undefined) return
    throw denied(
      attributes,
      `imagePullPolicy: Unsupported value: ${JSON.stringify(other.imagePullPolicy ?? '')}: supported values: "Always"`,
    )
  },
}

function containersOf<T extends AnyContainer>(spec: {
  readonly containers: readonly T[]
  readonly initContainers?: readonly T[] | undefined
}): readonly T[] {
  return [...(spec.initContainers ?? []), ...spec.containers]
}

function imagesOf(spec: PodSpec): ReadonlySet<string> {
  return new Set(containersOf(spec).map(({ image }) => image ?? ''))
}
