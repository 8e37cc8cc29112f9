import { isSidecar } from '../../../../api/rules/pod-containers.ts'
import { qosClassOf } from '../../../../api/rules/qos.ts'
import type { Container, Pod } from '../../../../api/types/core-v1.ts'
import { deepEqual } from '../../../../meta/deep-equal.ts'
import { type FieldError, forbidden, invalid } from '../../../../meta/field-error.ts'
import type { Problems } from '../../validation/common.ts'
import { MIRROR } from './annotations.ts'
import { checkPodSpec } from './spec.ts'
import { difference } from './update.ts'

const isStatic = ({ metadata }: Pod): boolean => metadata.annotations?.[MIRROR] !== undefined

/** Debug containers are added, never changed or taken away. Source: shared validation facts, core/PodEphemeralContainersUpdate. */
export function validateEphemeralContainers(next: Pod, old: Pod): readonly FieldError[] {
  const problems: Problems = []
  checkPodSpec(next, 'spec', false, problems)
  if (isStatic(next)) problems.push(forbidden('', 'static pods do not support ephemeral containers'))
  const now = new Map(next.spec.ephemeralContainers?.map((container) => [container.name, container]))
  for (const before of old.spec.ephemeralContainers ?? []) {
    const after = now.get(before.name)
    const name = JSON.stringify(before.name)
    const at = 'spec.ephemeralContainers'
    if (after === undefined) problems.push(forbidden(at, `existing ephemeral containers ${name} may not be removed\n`))
    else if (!deepEqual(after, before))
      problems.push(forbidden(at, `existing ephemeral containers ${name} may not be changed\n${difference(after, before)}`))
  }
  return problems
}

/** Source: shared validation facts, core/PodResize and below. */
export function validateResize(next: Pod, old: Pod): readonly FieldError[] {
  const problems: Problems = []
  checkPodSpec(next, 'spec', false, problems)
  if (isStatic(old)) problems.push(forbidden('', 'static pods cannot be resized'))
  if (old.spec.os?.name === 'windows') problems.push(forbidden('', 'windows pods cannot be resized'))
  if (old.spec.resources !== undefined)
    problems.push(
      forbidden(
        '',
        'resize of pods with pod-level resources is forbidden when InPlacePodLevelResourcesVerticalScalingEnabled feature gate is disabled',
      ),
    )
  if (!checkOrder(next, old, problems)) return problems
  checkContainers(next.spec.containers, old.spec.containers, 'spec.containers', problems)
  checkContainers(next.spec.initContainers ?? [], old.spec.initContainers ?? [], 'spec.initContainers', problems)
  if (qosClassOf(next.spec) !== (old.status.qosClass ?? qosClassOf(old.spec)))
    problems.push(invalid('spec', old.status.qosClass ?? '', 'Pod QOS Class may not change as a result of resizing'))
  return problems
}

/** False when the lists do not name the same containers in the same order. */
function checkOrder({ spec }: Pod, old: Pod, problems: Problems): boolean {
  const before = problems.length
  for (const list of ['containers', 'initContainers'] as const) {
    const [after, was] = [spec[list] ?? [], old.spec[list] ?? []]
    if (after.length !== was.length) problems.push(forbidden(`spec.${list}`, `${list} may not be added or removed on resize`))
    else
      after.forEach(({ name }, i) => {
        if (name !== was[i]?.name) problems.push(forbidden(`spec.${list}[${i}].name`, `${list} may not be renamed or reordered on resize`))
      })
  }
  return problems.length === before
}

function checkContainers(next: readonly Container[], old: readonly Container[], path: string, problems: Problems): void {
  next.forEach((container, i) => {
    const before = old[i]
    if (before === undefined || deepEqual(container.resources, before.resources)) return
    if (path === 'spec.initContainers' && !isSidecar(before))
      problems.push(forbidden('spec', 'resources for non-sidecar init containers are immutable'))
    checkKept(container, before, `${path}[${i}].resources`, problems)
    const side = path === 'spec.initContainers' ? 'only cpu and memory resources for sidecar containers are mutable' : undefined
    if (!onlyComputeChanged(container, before)) problems.push(forbidden('spec', side ?? 'only cpu and memory resources are mutable'))
  })
}

function checkKept(next: Container, old: Container, path: string, problems: Problems): void {
  for (const list of ['requests', 'limits'] as const) {
    const gone = Object.keys(old.resources[list] ?? {}).some((name) => next.resources[list]?.[name] === undefined)
    if (gone) problems.push(forbidden(`${path}.${list}`, `resource ${list} cannot be removed`))
  }
}

function onlyComputeChanged({ resources }: Container, old: Container): boolean {
  const rest = (list: Readonly<Record<string, string>> | undefined): object =>
    Object.fromEntries(Object.entries(list ?? {}).filter(([name]) => name !== 'cpu' && name !== 'memory'))
  return (
    deepEqual(rest(resources.limits), rest(old.resources.limits)) &&
    deepEqual(rest(resources.requests), rest(old.resources.requests)) &&
    deepEqual(resources.claims, old.resources.claims)
  )
}
