import { podTotal } from '../../api/rules/pod-resources.ts'
import type { Container, LimitRange, LimitRangeItem, PersistentVolumeClaim, Pod } from '../../api/types/core-v1.ts'
import { formatQuantity } from '../../meta/quantity.ts'
import type { Work } from '../resources/resource-def.ts'
import type { AdmissionAttributes, AdmissionPlugin, ObjectReader } from './admission.ts'
import { denied, joinProblems } from './denied.ts'
import { type Bound, maxProblem, maxRequestProblem, minProblem, type ResourceList, ratioProblem, type Usage } from './limit-constraints.ts'
import { CLAIMS, isCreateOf, isUpdateOf, isWriteOf, LIMIT_RANGES, PODS } from './target.ts'

const ANNOTATION = 'kubernetes.io/limit-ranger'

/** Defaults and bounds that LimitRanges put on pods and claims. Source: kubernetes, plugin/pkg/admission/limitranger. */
export function limitRanger({ reader }: { readonly reader: ObjectReader }): AdmissionPlugin {
  return {
    name: 'LimitRanger',
    handles: (attributes) => isCreateOf(attributes, PODS) || isUpdateOf(attributes, PODS, 'resize') || isWriteOf(attributes, CLAIMS),
    admit: (attributes) => {
      if (!isCreateOf(attributes, PODS)) return
      const ranges = reader.list<LimitRange>(LIMIT_RANGES, attributes.namespace)
      for (const range of ranges) setDefaults(attributes.object as Work<Pod>, range)
    },
    validate: (attributes) => {
      if (attributes.operation === 'UPDATE' && attributes.object?.metadata.deletionTimestamp !== undefined) return
      for (const range of reader.list<LimitRange>(LIMIT_RANGES, attributes.namespace)) assertWithin(attributes, range)
    },
  }
}

function setDefaults(pod: Work<Pod>, range: LimitRange): void {
  const items = range.spec.limits.filter((item) => item.type === 'Container')
  const defaults: Usage = {
    requests: Object.assign({}, ...items.map((item) => item.defaultRequest)) as ResourceList,
    limits: Object.assign({}, ...items.map((item) => item.default)) as ResourceList,
  }
  const notes = [
    ...pod.spec.containers.flatMap((container) => fill(container, defaults, 'container')),
    ...(pod.spec.initContainers ?? []).flatMap((container) => fill(container, defaults, 'init container')),
  ]
  if (notes.length > 0)
    pod.metadata.annotations = { ...pod.metadata.annotations, [ANNOTATION]: `LimitRanger plugin set: ${notes.join('; ')}` }
}

function fill(container: Work<Container>, defaults: Usage, label: string): string[] {
  return (['requests', 'limits'] as const).flatMap((kind) => {
    const own = container.resources[kind] ?? {}
    const missing = Object.keys(defaults[kind]).filter((name) => own[name] === undefined)
    if (missing.length === 0) return []
    container.resources[kind] = { ...own, ...Object.fromEntries(missing.map((name) => [name, defaults[kind][name] ?? '0'])) }
    return [`${missing.sort().join(', ')} ${kind === 'requests' ? 'request' : 'limit'} for ${label} ${container.name}`]
  })
}

function assertWithin(attributes: AdmissionAttributes, range: LimitRange): void {
  const problems = range.spec.limits.flatMap((item) =>
    attributes.def.kind === 'Pod'
      ? podProblems(attributes.object as Pod, item)
      : claimProblems(attributes.object as PersistentVolumeClaim, item),
  )
  if (problems.length > 0) throw denied(attributes, joinProblems(problems))
}

function podProblems(pod: Pod, item: LimitRangeItem): readonly string[] {
  if (item.type === 'Container') {
    return [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].flatMap(({ resources }) =>
      boundProblems(item, { requests: resources.requests ?? {}, limits: resources.limits ?? {} }),
    )
  }
  if (item.type !== 'Pod') return []
  return boundProblems(item, { requests: totalOf(pod, 'requests'), limits: totalOf(pod, 'limits') })
}

function totalOf({ spec }: Pod, kind: 'requests' | 'limits'): ResourceList {
  return Object.fromEntries([...podTotal(spec, kind)].map(([name, quantity]) => [name, formatQuantity(quantity)]))
}

function boundProblems(item: LimitRangeItem, usage: Usage): readonly string[] {
  const check = (list: ResourceList | undefined, problemOf: (bound: Bound, usage: Usage) => string | undefined): string[] =>
    Object.entries(list ?? {}).flatMap(([resource, amount]) => problemOf({ itemType: item.type, resource, amount }, usage) ?? [])
  return [...check(item.min, minProblem), ...check(item.max, maxProblem), ...check(item.maxLimitRequestRatio, ratioProblem)]
}

function claimProblems(claim: PersistentVolumeClaim, item: LimitRangeItem): readonly string[] {
  if (item.type !== 'PersistentVolumeClaim') return []
  const usage: Usage = { requests: claim.spec.resources.requests ?? {}, limits: {} }
  const bound = ([resource, amount]: readonly [string, string]): Bound => ({ itemType: item.type, resource, amount })
  return [
    ...Object.entries(item.min ?? {}).flatMap((entry) => minProblem(bound(entry), usage) ?? []),
    ...Object.entries(item.max ?? {}).flatMap((entry) => maxRequestProblem(bound(entry), usage) ?? []),
  ]
}
