import { humanDuration } from '../../../meta/duration.ts'
import { formatLabelSelector, type LabelSelectorLike } from '../../../meta/selector.ts'

export const NONE = '<none>'
export const UNSET = '<unset>'
export const UNKNOWN = '<unknown>'

/** Time since an RFC 3339 timestamp; `<unknown>` when there is none. */
export function age(timestamp: string | undefined, nowMs: number): string {
  if (timestamp === undefined || timestamp === '') return UNKNOWN
  return humanDuration(nowMs - Date.parse(timestamp))
}

type Map = Readonly<Record<string, string>> | undefined

/** `k=v` pairs sorted by key. */
export function labels(map: Map): string {
  const keys = Object.keys(map ?? {}).sort()
  return keys.length === 0 ? NONE : keys.map((key) => `${key}=${map?.[key] ?? ''}`).join(',')
}

export const selectorText = (selector: LabelSelectorLike | undefined): string => formatLabelSelector(selector)

interface Named {
  readonly name: string
  readonly image?: string | undefined
}

export const containerNames = (containers: readonly Named[] | undefined): string => (containers ?? []).map((c) => c.name).join(',')
export const containerImages = (containers: readonly Named[] | undefined): string => (containers ?? []).map((c) => c.image ?? '').join(',')

/** Joined with commas, `empty` when there is nothing to join. */
export const joined = (items: readonly string[] | undefined, empty = NONE): string =>
  items === undefined || items.length === 0 ? empty : items.join(',')

/** The first three, and how many more there are. */
export function firstThree(items: readonly string[], empty: string, total = items.length): string {
  if (items.length === 0) return empty
  const shown = items.slice(0, 3).join(',')
  return total > 3 ? `${shown} + ${total - 3} more...` : shown
}

/** Sorted addresses of a load balancer, ip before host name. */
export function loadBalancerAddresses(
  ingress: readonly { readonly ip?: string | undefined; readonly hostname?: string | undefined }[] | undefined,
): string {
  const found = new Set<string>()
  for (const { ip, hostname } of ingress ?? []) if ((ip ?? hostname ?? '') !== '') found.add(ip ?? hostname ?? '')
  return [...found].sort().join(',')
}

const ACCESS_MODES: readonly (readonly [string, string])[] = [
  ['ReadWriteOnce', 'RWO'],
  ['ReadOnlyMany', 'ROX'],
  ['ReadWriteMany', 'RWX'],
  ['ReadWriteOncePod', 'RWOP'],
]

/** Short forms in their fixed order, each once. */
export const accessModes = (modes: readonly string[] | undefined): string =>
  ACCESS_MODES.filter(([mode]) => modes?.includes(mode) === true)
    .map(([, short]) => short)
    .join(',')

/** Kind with its group in lower case: `daemonset.apps`. */
export function kindWithGroup(kind: string, apiVersion: string): string {
  const slash = apiVersion.indexOf('/')
  return (slash < 0 ? kind : `${kind}.${apiVersion.slice(0, slash)}`).toLowerCase()
}

interface Condition {
  readonly type: string
  readonly status: string
}

export const conditionOf = <C extends Condition>(conditions: readonly C[] | undefined, type: string): C | undefined =>
  conditions?.find((condition) => condition.type === type)

/** First condition of the type is there and True. */
export const isTrue = (conditions: readonly Condition[] | undefined, type: string): boolean =>
  conditionOf(conditions, type)?.status === 'True'
