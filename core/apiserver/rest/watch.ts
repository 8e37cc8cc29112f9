import { type Status, StatusError } from '../../meta/status-error.ts'
import { childController, isAborted } from '../../runtime/abort.ts'
import { StoreError } from '../../store/store.ts'
import type { CacheEvents, CacheWatch, Entry, ResourceCache } from '../cache/cache.ts'
import { fromStoreError, internalError, tooOldRevision } from '../errors.ts'
import { type EventOutput, eventOutput } from '../output/event-output.ts'
import { negotiate } from '../output/form.ts'
import { includeObjectOf } from '../output/table.ts'
import { isBuiltIn, prepareViews } from '../output/view.ts'
import type { ApiResponse } from '../request.ts'
import { formResponse } from '../response.ts'
import { type ListOptions, listOptions } from './list-options.ts'
import { namespaceOf, type RestRequest } from './rest-context.ts'
import { type Selection, selectionOf } from './selection.ts'
import { waitForRevision } from './wait-for-revision.ts'
import { serveWebSocket, wantsWebSocket } from './websocket-watch.ts'

/** GET with watch=true. Answers at once; what can no longer be served ends the stream with an ERROR event. */
export async function handleWatch(rest: RestRequest): Promise<ApiResponse> {
  const { request, def, services } = rest
  const form = negotiate(request.headers['accept'], { endpoint: 'watch', protobuf: isBuiltIn(def) })
  const options = listOptions(request.query, true)
  const include = includeObjectOf(request.query)
  const selection = selectionOf(def, namespaceOf(rest), request.query)
  const cache = services.cacheOf(def)
  if (options.sendInitialEvents === true) await waitForRevision(cache, Number(options.resourceVersion), services.clock, request.signal)
  const output = eventOutput({ def, form, include, now: () => services.clock.now() })
  const newest = cache.revision
  // NOTE: registered when the body is first read, so a body that nobody reads holds nothing.
  const start = (): WatchStart => startWatch(cache, selection, options, newest)
  const response = formResponse(200, form, watchBody({ rest, start, output, options }), true)
  return wantsWebSocket(request) ? serveWebSocket(request, response) : response
}

interface WatchStart {
  /** Shown as ADDED before anything else. */
  readonly initial: readonly Entry[]
  readonly revision: number
  readonly watch: CacheWatch | undefined
  /** Set instead of `watch`: the revision asked for is no longer in the history. */
  readonly tooOld?: ReturnType<typeof tooOldRevision>
}

/** Snapshot and registration happen in one turn, so there is neither a gap nor a repeat between them. */
function startWatch(cache: ResourceCache, selection: Selection, options: ListOptions, newest: number): WatchStart {
  const { namespace, name, matches } = selection
  const requested = Number(options.resourceVersion)
  const wantsState = options.sendInitialEvents ?? (options.resourceVersion === '' || requested === 0)
  const afterRevision = wantsState ? cache.revision : requested === 0 ? newest : requested
  const initial = wantsState ? stateOf(cache, selection) : []
  try {
    const watch = cache.watch({ namespace, afterRevision, ...(name !== undefined && { name }), ...(matches !== undefined && { matches }) })
    return { initial, revision: afterRevision, watch }
  } catch (err) {
    if (!(err instanceof StoreError) || err.code !== 'Compacted') throw err
    return { initial, revision: afterRevision, watch: undefined, tooOld: tooOldRevision(requested, cache.revision) }
  }
}

function stateOf(cache: ResourceCache, { namespace, name, matches, namespaced }: Selection): readonly Entry[] {
  if (name !== undefined && (!namespaced || namespace !== '')) {
    const entry = cache.get(namespace, name)
    return entry !== undefined && (matches === undefined || matches(entry)) ? [entry] : []
  }
  const { entries } = cache.list({ namespace })
  return matches === undefined ? entries : entries.filter(matches)
}

interface WatchRun {
  readonly rest: RestRequest
  readonly start: () => WatchStart
  readonly output: EventOutput
  readonly options: ListOptions
}

/** Bytes of the answer: the state, then one chunk for each batch of events, until the time is up or the client goes. */
async function* watchBody({ rest, start: begin, output, options }: WatchRun): AsyncGenerator<Uint8Array> {
  const { request, services, def } = rest
  if (isAborted(request.signal)) return
  const start = begin()
  if (start.watch === undefined) {
    if (start.tooOld !== undefined) yield output.error(start.tooOld.toStatus())
    return
  }
  using life = childController(request.signal)
  const timeUp = services.clock.sleep(watchMs(options, services.minWatchSeconds), life.signal).then(
    () => life.abort(new Error('the time of the watch is up')),
    () => undefined,
  )
  let { revision } = start
  try {
    await prepareViews(def, start.initial)
    yield* initialFrames(start.initial, output)
    if (options.sendInitialEvents === true && options.allowBookmarks) yield output.bookmark(revision, true)
    for (;;) {
      const batch = await start.watch.pull(life.signal)
      if (batch === undefined) return
      revision = batch.revision
      await prepareViews(
        def,
        batch.events.map(({ entry }) => entry),
      )
      const chunk = chunkOf(batch, output, options.allowBookmarks)
      if (chunk !== undefined) yield chunk
    }
  } catch (err) {
    if (err instanceof StoreError) yield output.error(statusOf(err, revision, rest))
    else if (err instanceof StatusError) yield output.error(err.toStatus())
    else if (!isAborted(life.signal)) throw err
    // A last bookmark lets the client resume where this watch ended.
    else if (!isAborted(request.signal) && options.allowBookmarks) yield output.bookmark(revision, false)
  } finally {
    start.watch.close()
    life.abort(new Error('the watch has ended'))
    await timeUp
  }
}

/** Fallen behind: 410. Everything else is a trouble of the store. */
function statusOf(err: StoreError, revision: number, { services, def }: RestRequest): Status {
  if (err.code === 'Compacted') return tooOldRevision(revision, services.cacheOf(def).revision).toStatus()
  const translated = fromStoreError(err, def, '')
  return (translated instanceof StatusError ? translated : internalError(err.message, err)).toStatus()
}

const SLAB_BYTES = 256 * 1024

function* initialFrames(entries: readonly Entry[], output: EventOutput): Generator<Uint8Array> {
  let frames: Uint8Array[] = []
  let bytes = 0
  for (const entry of entries) {
    const frame = output.added(entry)
    frames.push(frame)
    bytes += frame.length
    if (bytes < SLAB_BYTES) continue
    yield Buffer.concat(frames)
    frames = []
    bytes = 0
  }
  if (frames.length > 0) yield Buffer.concat(frames)
}

/** All events of a commit in one write. A batch without events tells the revision, for those who want bookmarks. */
function chunkOf({ revision, events }: CacheEvents, output: EventOutput, allowBookmarks: boolean): Uint8Array | undefined {
  const [first] = events
  if (first === undefined) return allowBookmarks ? output.bookmark(revision, false) : undefined
  return events.length === 1 ? output.event(first) : Buffer.concat(events.map((event) => output.event(event)))
}

function watchMs({ timeoutSeconds }: ListOptions, minSeconds: number): number {
  const seconds = timeoutSeconds === undefined || timeoutSeconds === 0 ? minSeconds * (1 + Math.random()) : timeoutSeconds
  return seconds * 1000
}
