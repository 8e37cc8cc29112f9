import { StoreError } from '../../store/store.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { CacheSnapshot, Entry, ResourceCache } from '../cache/cache.ts'
import { badRequest, expired } from '../errors.ts'
import { type ContinueToken, decodeContinue, encodeContinue } from './continue-token.ts'
import type { ListOptions } from './list-options.ts'
import type { Selection } from './selection.ts'
import { waitForRevision } from './wait-for-revision.ts'

/** One page of a list. */
export interface Page {
  readonly revision: number
  readonly entries: readonly Entry[]
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string; readonly remainingItemCount?: number }
}

/** The history that a token or an exact revision asks for is gone; `token` lets the client go on without it. */
export class ListExpired extends Error {
  readonly reason: ReturnType<typeof expired>
  readonly token: string | undefined

  constructor(message: string, token?: string) {
    super(message)
    this.reason = expired(message)
    this.token = token
  }
}

const GONE = 'The resourceVersion for the provided list is too old.'
const INCONSISTENT =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.'

/**
 * Finds what a list shows, by the table of resourceVersion semantics. Throws ListExpired, StatusError BadRequest or Timeout.
 * Source: Kubernetes documentation, "Semantics for get and list"; shared facts on the protobuf envelope, "List semantics".
 */
export async function readPage(
  cache: ResourceCache,
  selection: Selection,
  options: ListOptions,
  wait: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Page> {
  const { continueToken, resourceVersion, match, limit } = options
  if (continueToken !== '') {
    if (resourceVersion !== '' && resourceVersion !== '0')
      throw badRequest('specifying resource version is not allowed when using continue')
    return continuedPage(cache, selection, options, decodeContinue(continueToken))
  }
  const revision = Number(resourceVersion)
  if (revision === 0) return pageOf(cache, selection, { limit })
  await waitForRevision(cache, revision, wait.clock, wait.signal)
  const isExact = match === 'Exact' || (match === '' && limit > 0)
  return pageOf(cache, selection, isExact ? { limit, atRevision: revision } : { limit })
}

function continuedPage(cache: ResourceCache, selection: Selection, { limit }: ListOptions, token: ContinueToken): Page {
  const startAfter = keyParts(token.afterKey)
  if (token.revision < 0) return pageOf(cache, selection, { limit, startAfter })
  try {
    return pageOf(cache, selection, { limit, startAfter, atRevision: token.revision })
  } catch (err) {
    if (!(err instanceof ListExpired)) throw err
    throw new ListExpired(INCONSISTENT, encodeContinue({ ...token, revision: -1 }))
  }
}

interface PageBounds {
  readonly limit: number
  readonly startAfter?: { readonly namespace: string; readonly name: string }
  readonly atRevision?: number
}

function pageOf(cache: ResourceCache, selection: Selection, bounds: PageBounds): Page {
  const { matches, name, namespace } = selection
  if (name !== undefined && bounds.atRevision === undefined && (namespace !== '' || !selection.namespaced)) return oneName(cache, selection)
  const snapshot = snapshotOf(cache, namespace, matches === undefined ? bounds : { ...bounds, limit: 0 })
  const { revision } = snapshot
  if (matches === undefined) return pageFrom(revision, snapshot.entries, snapshot.remaining, selection)
  const { entries, more } = filtered(snapshot.entries, matches, bounds.limit)
  return pageFrom(revision, entries, more ? 1 : 0, selection)
}

/** A list that can only have one name is a lookup. */
function oneName(cache: ResourceCache, { namespace, name = '', matches }: Selection): Page {
  const entry = cache.get(namespace, name)
  const found = entry !== undefined && (matches === undefined || matches(entry))
  return { revision: cache.revision, entries: found ? [entry] : [], metadata: { resourceVersion: String(cache.revision) } }
}

function snapshotOf(cache: ResourceCache, namespace: string, bounds: PageBounds): CacheSnapshot {
  try {
    return cache.list({ namespace, ...bounds })
  } catch (err) {
    if (err instanceof StoreError && err.code === 'Compacted') throw new ListExpired(GONE)
    throw err
  }
}

function filtered(all: readonly Entry[], matches: (entry: Entry) => boolean, limit: number): { entries: readonly Entry[]; more: boolean } {
  if (limit === 0) return { entries: all.filter(matches), more: false }
  const entries: Entry[] = []
  for (const entry of all) {
    if (!matches(entry)) continue
    if (entries.length === limit) return { entries, more: true }
    entries.push(entry)
  }
  return { entries, more: false }
}

function pageFrom(revision: number, entries: readonly Entry[], remaining: number, selection: Selection): Page {
  const resourceVersion = String(revision)
  const last = entries.at(-1)
  if (remaining === 0 || last === undefined) return { revision, entries, metadata: { resourceVersion } }
  const afterKey = last.namespace === '' ? last.name : `${last.namespace}/${last.name}`
  const token = encodeContinue({ revision, afterKey })
  const counted = !selection.isNarrowed && { remainingItemCount: remaining }
  return { revision, entries, metadata: { resourceVersion, continue: token, ...counted } }
}

function keyParts(key: string): { readonly namespace: string; readonly name: string } {
  const slash = key.indexOf('/')
  return slash < 0 ? { namespace: '', name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}
