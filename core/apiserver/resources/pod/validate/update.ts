import type { Container, Pod, PodSpec } from '../../../../api/types/core-v1.ts'
import { deepEqual } from '../../../../meta/deep-equal.ts'
import { forbidden, invalid, required } from '../../../../meta/field-error.ts'
import { rangeText } from '../../../../meta/names.ts'
import { isEmpty, type Problems } from '../../validation/common.ts'
import { APP_ARMOR_PREFIX } from '../profiles.ts'
import { MIRROR } from './annotations.ts'

const MAX_INT32 = 2_147_483_647
const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution'

const MUTABLE_TEXT =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,' +
  '`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)'

/** What an update of a pod may change, and how. Source: shared validation facts, core/PodUpdate. */
export function checkPodUpdate(next: Pod, old: Pod, problems: Problems): void {
  checkAnnotationUpdate(next, old, problems)
  const containers = checkImages(next.spec.containers, old.spec.containers, 'spec.containers', problems)
  const initContainers = checkImages(next.spec.initContainers ?? [], old.spec.initContainers ?? [], 'spec.initContainers', problems)
  if (!containers || !initContainers) return
  if (!checkDeadline(next.spec.activeDeadlineSeconds, old.spec.activeDeadlineSeconds, problems)) return
  checkAddedTolerations(next.spec, old.spec, problems)
  const gated = (old.spec.schedulingGates?.length ?? 0) > 0
  checkRemovedGates(next.spec, old.spec, problems)
  if (gated) checkGatedUpdate(next.spec, old.spec, problems)
  const rest = withOldMutables(next.spec, old.spec, gated)
  if (!deepEqual(rest, old.spec)) problems.push(forbidden('spec', `${MUTABLE_TEXT}\n${difference(rest, old.spec)}`))
}

const NO_ANNOTATIONS: Readonly<Record<string, string>> = {}

/** Annotations that a running pod was made by. */
export function checkAnnotationUpdate({ metadata }: Pod, { metadata: before }: Pod, problems: Problems): void {
  if (metadata.annotations === before.annotations) return
  const { annotations: next = NO_ANNOTATIONS } = metadata
  const { annotations: old = NO_ANNOTATIONS } = before
  for (const key of new Set([...Object.keys(old), ...Object.keys(next)])) {
    if (next[key] === old[key]) continue
    const done = old[key] === undefined ? 'add' : 'remove or update'
    const at = `metadata.annotations[${key}]`
    if (key.startsWith(APP_ARMOR_PREFIX)) problems.push(forbidden(at, `may not ${done} AppArmor annotations`))
    if (key === MIRROR) problems.push(forbidden(at, `may not ${done} mirror pod annotation`))
  }
}

/** False when containers came or went: then nothing else is worth comparing. */
function checkImages(next: readonly Container[], old: readonly Container[], path: string, problems: Problems): boolean {
  if (next.length !== old.length) {
    problems.push(forbidden(path, 'pod updates may not add or remove containers'))
    return false
  }
  next.forEach(({ image = '' }, i) => {
    if (image === '') problems.push(required(`${path}[${i}].image`))
    else if (image !== image.trim()) problems.push(invalid(`${path}[${i}].image`, image, 'must not have leading or trailing whitespace'))
  })
  return true
}

/** It may be set, or made shorter, and never taken away. False for a value that hides what else is wrong, as in Kubernetes. */
function checkDeadline(next: number | undefined, old: number | undefined, problems: Problems): boolean {
  const at = 'spec.activeDeadlineSeconds'
  if (next === undefined) {
    if (old !== undefined) problems.push(invalid(at, null, 'must not update from a positive integer to nil value'))
    return true
  }
  const before = problems.length
  if (next < 0 || next > MAX_INT32) problems.push(invalid(at, next, rangeText(0, MAX_INT32)))
  else if (old !== undefined && old < next) problems.push(invalid(at, next, 'must be less than or equal to previous value'))
  return problems.length === before
}

function checkAddedTolerations(next: PodSpec, old: PodSpec, problems: Problems): void {
  const key = (one: NonNullable<PodSpec['tolerations']>[number]): string =>
    JSON.stringify([one.key ?? '', one.operator ?? '', one.value ?? '', one.effect ?? ''])
  const kept = new Set(next.tolerations?.map(key))
  if (old.tolerations?.some((toleration) => !kept.has(key(toleration))) === true)
    problems.push(forbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds'))
}

function checkRemovedGates(next: PodSpec, old: PodSpec, problems: Problems): void {
  const before = new Set(old.schedulingGates?.map(({ name }) => name))
  next.schedulingGates?.forEach(({ name }, i) => {
    if (!before.has(name))
      problems.push(forbidden(`spec.schedulingGates[${i}].name`, `only deletion is allowed, but found new scheduling gate '${name}'`))
  })
}

/** A pod that is not scheduled yet may be told more about where to go, never less. */
function checkGatedUpdate(next: PodSpec, old: PodSpec, problems: Problems): void {
  if (Object.entries(old.nodeSelector ?? {}).some(([key, value]) => next.nodeSelector?.[key] !== value))
    problems.push(
      invalid(
        'spec.nodeSelector',
        next.nodeSelector ?? null,
        'only additions to spec.nodeSelector are allowed (no mutations or deletions)',
      ),
    )
  const before = old.affinity?.nodeAffinity?.[REQUIRED]?.nodeSelectorTerms ?? []
  if (before.length === 0) return
  const after = next.affinity?.nodeAffinity?.[REQUIRED]?.nodeSelectorTerms ?? []
  const at = `spec.affinity.nodeAffinity.${REQUIRED}.nodeSelectorTerms`
  if (after.length !== before.length) {
    problems.push(invalid(at, after, 'no additions/deletions to non-empty NodeSelectorTerms list are allowed'))
    return
  }
  before.forEach((term, i) => {
    if (!startsWith(after[i]?.matchExpressions, term.matchExpressions) || !startsWith(after[i]?.matchFields, term.matchFields))
      problems.push(invalid(`${at}[${i}]`, after[i], 'only additions are allowed (no mutations or deletions)'))
  })
}

function startsWith(next: readonly unknown[] = [], old: readonly unknown[] = []): boolean {
  return next.length >= old.length && old.every((item, i) => deepEqual(item, next[i]))
}

/** The new spec with everything that may change put back: what is left must be as it was. */
function withOldMutables(next: PodSpec, old: PodSpec, gated: boolean): PodSpec {
  const revivesGrace = (old.terminationGracePeriodSeconds ?? 0) < 0 && next.terminationGracePeriodSeconds === 1
  return {
    ...next,
    containers: withOldImages(next.containers, old.containers),
    initContainers: next.initContainers === undefined ? undefined : withOldImages(next.initContainers, old.initContainers ?? []),
    activeDeadlineSeconds: old.activeDeadlineSeconds,
    tolerations: old.tolerations,
    schedulingGates: old.schedulingGates,
    ...(revivesGrace && { terminationGracePeriodSeconds: old.terminationGracePeriodSeconds }),
    ...(gated && { nodeSelector: old.nodeSelector, affinity: withOldNodeAffinity(next.affinity, old.affinity) }),
  }
}

const withOldImages = (next: readonly Container[], old: readonly Container[]): Container[] =>
  next.map((container, i) => ({ ...container, image: old[i]?.image }))

type Affinity = PodSpec['affinity']

function withOldNodeAffinity(next: Affinity, old: Affinity): Affinity {
  const before = old?.nodeAffinity?.[REQUIRED]
  if (next?.nodeAffinity === undefined) return next
  const nodeAffinity = { ...next.nodeAffinity, [REQUIRED]: before }
  const bare = isEmpty(Object.fromEntries(Object.entries(nodeAffinity).filter(([, value]) => value !== undefined)))
  const affinity = { ...next, nodeAffinity: bare && old?.nodeAffinity === undefined ? undefined : nodeAffinity }
  return old === undefined && Object.values(affinity).every((value) => value === undefined) ? undefined : affinity
}

/** The changed fields, one a line, old before new. */
export function difference(next: object, old: object): string {
  const after = next as Readonly<Record<string, unknown>>
  const before = old as Readonly<Record<string, unknown>>
  const lines: string[] = []
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (deepEqual(after[key], before[key])) continue
    if (before[key] !== undefined) lines.push(`- ${key}: ${JSON.stringify(before[key])}`)
    if (after[key] !== undefined) lines.push(`+ ${key}: ${JSON.stringify(after[key])}`)
  }
  return lines.join('\n')
}
