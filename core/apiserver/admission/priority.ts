import type { Pod } from '../../api/types/core-v1.ts'
import type { PriorityClass } from '../../api/types/scheduling-v1.ts'
import type { Work } from '../resources/resource-def.ts'
import type { AdmissionAttributes, AdmissionPlugin, ObjectReader } from './admission.ts'
import { denied } from './denied.ts'
import { isWriteOf, PODS, PRIORITY_CLASSES } from './target.ts'

interface Resolved {
  readonly className: string
  readonly value: number
  readonly preemptionPolicy: Pod['spec']['preemptionPolicy']
}

/** Turns the name of a priority class into a number, and keeps the default class unique. Source: kubernetes, plugin/pkg/admission/priority. */
export function priority({ reader }: { readonly reader: ObjectReader }): AdmissionPlugin {
  return {
    name: 'Priority',
    handles: (attributes) => isWriteOf(attributes, PODS) || isWriteOf(attributes, PRIORITY_CLASSES),
    admit: (attributes) => {
      if (attributes.def.kind !== 'Pod') return
      if (attributes.operation === 'CREATE') resolve(attributes, reader)
      else keep(attributes)
    },
    validate: (attributes) => {
      if (attributes.def.kind === 'PriorityClass') assertOnlyDefault(attributes, reader)
    },
  }
}

/** Clients that know nothing of the resolved fields send none; they must not be lost. */
function keep({ object, oldObject }: AdmissionAttributes): void {
  const { spec } = object as Work<Pod>
  const old = (oldObject as Pod).spec
  if (spec.priority === undefined && old.priority !== undefined) spec.priority = old.priority
  if (spec.preemptionPolicy === undefined && old.preemptionPolicy !== undefined) spec.preemptionPolicy = old.preemptionPolicy
}

function resolve(attributes: AdmissionAttributes, reader: ObjectReader): void {
  const { spec } = attributes.object as Work<Pod>
  const { className, value, preemptionPolicy } = classFor(attributes, spec.priorityClassName ?? '', reader)
  if (className !== '') spec.priorityClassName = className
  if (spec.priority !== undefined && spec.priority !== value) {
    throw denied(
      attributes,
      `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
    )
  }
  spec.priority = value
  if (preemptionPolicy === undefined) return
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== preemptionPolicy) {
    throw denied(
      attributes,
      `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${preemptionPolicy} from the given PriorityClass name`,
    )
  }
  spec.preemptionPolicy = preemptionPolicy
}

function classFor(attributes: AdmissionAttributes, name: string, reader: ObjectReader): Resolved {
  const found = name === '' ? defaultOf(reader) : reader.get<PriorityClass>(PRIORITY_CLASSES, '', name)
  if (found !== undefined) return { className: found.metadata.name, value: found.value, preemptionPolicy: found.preemptionPolicy }
  if (name !== '') throw denied(attributes, `no PriorityClass with name ${name} was found`)
  return { className: '', value: 0, preemptionPolicy: 'PreemptLowerPriority' }
}

/** The lowest when, by a race, there are several. */
function defaultOf(reader: ObjectReader): PriorityClass | undefined {
  const defaults = reader.list<PriorityClass>(PRIORITY_CLASSES).filter(({ globalDefault }) => globalDefault === true)
  return [...defaults].sort((a, b) => a.value - b.value)[0]
}

function assertOnlyDefault(attributes: AdmissionAttributes, reader: ObjectReader): void {
  const next = attributes.object as PriorityClass
  if (next.globalDefault !== true) return
  const current = defaultOf(reader)
  if (current === undefined || (attributes.operation === 'UPDATE' && current.metadata.name === next.metadata.name)) return
  throw denied(attributes, `PriorityClass ${current.metadata.name} is already marked as default. Only one default can exist`)
}
