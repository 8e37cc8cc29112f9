import type { Container, PodSpec, SecurityContext } from '../../../api/types/core-v1.ts'

/** A pod or a pod template, as far as policies look at it. */
export interface PodLike {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> | undefined } | undefined
  readonly spec: PodSpec
}

/** What a check found: a short reason, and where. */
export interface Violation {
  readonly reason: string
  readonly detail: string
}

export type CheckPod = (pod: PodLike) => Violation | undefined

/** One rule of a policy level as it changed over the minor versions of Kubernetes. */
export interface Check {
  readonly id: string
  readonly level: 'baseline' | 'restricted'
  /** Ascending; the last one with `since` at or below the wanted minor version counts. */
  readonly versions: readonly CheckVersion[]
}

export interface CheckVersion {
  readonly since: number
  readonly run: CheckPod
  /** Checks of the baseline that this one includes. */
  readonly overrides?: readonly string[]
}

/** The fields that main, init and ephemeral containers share. */
export type AnyContainer = Omit<Container, 'restartPolicy'>

/** Init containers first, as Kubernetes reports them. */
export function containersOf({ spec }: PodLike): readonly AnyContainer[] {
  return [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])]
}

export function quoted(items: Iterable<string>): string {
  return [...items].map((item) => `"${item}"`).join(', ')
}

export function plural(word: string, count: number): string {
  return count === 1 ? word : `${word}s`
}

/** `container "a"` or `containers "a", "b"`. */
export function containerList(names: readonly string[]): string {
  return `${plural('container', names.length)} ${quoted(names)}`
}

/** Names of the containers for which the test holds. */
export function namesWhere(pod: PodLike, test: (container: AnyContainer) => boolean): readonly string[] {
  return containersOf(pod)
    .filter(test)
    .map((container) => container.name)
}

/** The values, in containers and in the pod, of one field of both security contexts. */
export interface Setters<T> {
  /** `pod`, `pod and container "a"`. */
  readonly who: string
  readonly values: readonly T[]
}

/** Who sets a field to something `isBad`; undefined when nobody does. */
export function badSetters<T>(
  pod: PodLike,
  read: {
    readonly pod: (context: NonNullable<PodSpec['securityContext']>) => T | undefined
    readonly container: (context: SecurityContext) => T | undefined
  },
  isBad: (value: T) => boolean,
): Setters<T> | undefined {
  const values: T[] = []
  const collect = (value: T | undefined): boolean => {
    if (value === undefined || !isBad(value)) return false
    values.push(value)
    return true
  }
  const context = pod.spec.securityContext
  const who = context !== undefined && collect(read.pod(context)) ? ['pod'] : []
  const names = namesWhere(pod, ({ securityContext }) => securityContext !== undefined && collect(read.container(securityContext)))
  if (names.length > 0) who.push(containerList(names))
  return who.length === 0 ? undefined : { who: who.join(' and '), values }
}

export function sortedUnique(values: Iterable<string>): readonly string[] {
  return [...new Set(values)].sort()
}
