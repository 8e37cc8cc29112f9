import type { Pod } from '../../api/types/core-v1.ts'
import type { RuntimeClass } from '../../api/types/node-v1.ts'
import { deepEqual } from '../../meta/deep-equal.ts'
import { parseQuantity } from '../../meta/quantity.ts'
import type { Work } from '../resources/resource-def.ts'
import type { AdmissionAttributes, AdmissionPlugin, ObjectReader } from './admission.ts'
import { denied } from './denied.ts'
import { isCreateOf, PODS, RUNTIME_CLASSES } from './target.ts'

const MISMATCH = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"

/** Overhead and scheduling of a pod come from its runtime class. Source: kubernetes, plugin/pkg/admission/runtimeclass. */
export function runtimeClass({ reader }: { readonly reader: ObjectReader }): AdmissionPlugin {
  return {
    name: 'RuntimeClass',
    handles: (attributes) => isCreateOf(attributes, PODS),
    admit: (attributes) => {
      const found = classOf(attributes, reader)
      if (found === undefined) return
      setOverhead(attributes, found)
      setScheduling(attributes, found)
    },
    validate: (attributes) => {
      const { overhead } = (attributes.object as Pod).spec
      const wanted = classOf(attributes, reader)?.overhead?.podFixed
      if (wanted !== undefined) {
        if (!isSameAmount(overhead, wanted)) throw denied(attributes, MISMATCH)
      } else if (overhead !== undefined) {
        throw denied(attributes, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead')
      }
    },
  }
}

function classOf(attributes: AdmissionAttributes, reader: ObjectReader): RuntimeClass | undefined {
  const name = (attributes.object as Pod).spec.runtimeClassName
  if (name === undefined) return undefined
  const found = reader.get<RuntimeClass>(RUNTIME_CLASSES, '', name)
  if (found === undefined) throw denied(attributes, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`)
  return found
}

function setOverhead(attributes: AdmissionAttributes, { overhead }: RuntimeClass): void {
  const wanted = overhead?.podFixed
  if (wanted === undefined) return
  const { spec } = attributes.object as Work<Pod>
  if (spec.overhead !== undefined && !isSameAmount(spec.overhead, wanted)) throw denied(attributes, MISMATCH)
  spec.overhead = { ...wanted }
}

function setScheduling(attributes: AdmissionAttributes, { scheduling }: RuntimeClass): void {
  if (scheduling === undefined) return
  const { spec } = attributes.object as Work<Pod>
  const selector = { ...spec.nodeSelector }
  for (const [key, value] of Object.entries(scheduling.nodeSelector ?? {})) {
    const own = selector[key]
    if (own !== undefined && own !== value) {
      throw denied(attributes, `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`)
    }
    selector[key] = value
  }
  if (Object.keys(selector).length > 0) spec.nodeSelector = selector
  const tolerations = spec.tolerations ?? []
  const missing = (scheduling.tolerations ?? []).filter((wanted) => !tolerations.some((own) => deepEqual(own, wanted)))
  if (missing.length > 0) spec.tolerations = [...tolerations, ...structuredClone(missing)]
}

function isSameAmount(a: Readonly<Record<string, string>> | undefined, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a ?? {})
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => parseQuantity(a?.[key]).nano === parseQuantity(b[key]).nano && b[key] !== undefined)
  )
}
