import type { Endpoint, EndpointSlice } from '../../../core/api/types/discovery-v1.ts'
import { deepEqual } from '../../../core/meta/deep-equal.ts'
import { type PortGroup, portKey } from './desired.ts'

/** Changes to the slices of one Service and address family. */
export interface SlicePlan {
  readonly create: readonly PortGroup[]
  readonly update: readonly EndpointSlice[]
  readonly remove: readonly EndpointSlice[]
}

export const MAX_ENDPOINTS = 100

/**
 * The fewest writes that bring slices to what is wanted: endpoints stay where they are, new ones fill slices that change
 * anyway, then those with room, then new slices. One slice without endpoints stays, so that readers see that there are
 * none. `labels` are what every slice must carry.
 */
export function planSlices(
  existing: readonly EndpointSlice[],
  wanted: ReadonlyMap<string, PortGroup>,
  labels: Readonly<Record<string, string>>,
): SlicePlan {
  const groups = wanted.size === 0 ? new Map([['', { ports: [], endpoints: [] }]]) : wanted
  const byKey = Map.groupBy(existing, ({ ports }) => portKey(ports))
  const plan = { create: [] as PortGroup[], update: [] as EndpointSlice[], remove: [] as EndpointSlice[] }
  for (const [key, slices] of byKey) if (!groups.has(key)) plan.remove.push(...slices)
  for (const [key, group] of groups) planGroup(byKey.get(key) ?? [], group, labels, plan)
  return reuse(plan, labels)
}

interface Draft {
  readonly slice: EndpointSlice
  readonly endpoints: Endpoint[]
  changed: boolean
}

function planGroup(
  existing: readonly EndpointSlice[],
  { ports, endpoints }: PortGroup,
  labels: Readonly<Record<string, string>>,
  plan: { readonly create: PortGroup[]; readonly update: EndpointSlice[]; readonly remove: EndpointSlice[] },
): void {
  const waiting = new Map(endpoints.map((endpoint) => [endpointId(endpoint), endpoint]))
  const drafts = existing.map((slice) => keepWanted(slice, waiting, labels))
  fill(
    drafts.filter(({ changed }) => changed),
    waiting,
  )
  // The fullest slice that takes them all, to leave whole slices untouched.
  const room = (draft: Draft): number => MAX_ENDPOINTS - draft.endpoints.length
  const fitting = drafts.filter((draft) => !draft.changed && room(draft) >= waiting.size).sort((a, b) => room(a) - room(b))
  if (waiting.size > 0 && waiting.size < MAX_ENDPOINTS) fill(fitting.slice(0, 1), waiting)
  const keepOne = endpoints.length === 0
  for (const [index, { slice, endpoints: next, changed }] of drafts.entries()) {
    if (next.length === 0 && !(keepOne && index === 0)) plan.remove.push(slice)
    else if (changed) plan.update.push({ ...slice, metadata: { ...slice.metadata, labels }, endpoints: next })
  }
  const rest = [...waiting.values()]
  for (let start = 0; start < rest.length; start += MAX_ENDPOINTS)
    plan.create.push({ ports, endpoints: rest.slice(start, start + MAX_ENDPOINTS) })
  if (keepOne && drafts.length === 0) plan.create.push({ ports, endpoints: [] })
}

/** Takes from `waiting` what the slice has already. */
function keepWanted(slice: EndpointSlice, waiting: Map<string, Endpoint>, labels: Readonly<Record<string, string>>): Draft {
  const endpoints: Endpoint[] = []
  let changed = !deepEqual(slice.metadata.labels ?? {}, labels)
  for (const old of slice.endpoints) {
    const id = endpointId(old)
    const next = waiting.get(id)
    waiting.delete(id)
    if (next !== undefined) endpoints.push(next)
    if (next === undefined || !deepEqual(old, next)) changed = true
  }
  return { slice, endpoints, changed }
}

function fill(drafts: readonly Draft[], waiting: Map<string, Endpoint>): void {
  for (const draft of drafts) {
    for (const [id, endpoint] of waiting) {
      if (draft.endpoints.length >= MAX_ENDPOINTS) break
      draft.endpoints.push(endpoint)
      waiting.delete(id)
      draft.changed = true
    }
  }
}

/** A slice that would be removed takes over what would be created: one write instead of two. */
function reuse(plan: SlicePlan, labels: Readonly<Record<string, string>>): SlicePlan {
  const remove = [...plan.remove]
  const create: PortGroup[] = []
  const update = [...plan.update]
  for (const group of plan.create) {
    const slice = remove.pop()
    if (slice === undefined) create.push(group)
    else update.push({ ...slice, metadata: { ...slice.metadata, labels }, ports: group.ports, endpoints: group.endpoints })
  }
  return { create, update, remove }
}

function endpointId({ targetRef, addresses }: Endpoint): string {
  return `${targetRef?.uid ?? ''}|${addresses.join()}`
}
