/**
 * Watches the manifest folder and deploys each file by itself: one bad file never blocks another. Driven by file events; a
 * file that fails is tried again with a growing pause. Removing a file removes nothing from the cluster.
 */

import { statSync } from 'node:fs'
import { basename } from 'node:path'
import { watch } from 'chokidar'
import type { Logger } from '../../core/observability/log.ts'
import { isAborted } from '../../core/runtime/abort.ts'
import type { Clock } from '../../core/runtime/clock.ts'
import type { Component } from '../../core/runtime/component.ts'
import { WorkQueue } from '../../core/runtime/work-queue.ts'
import { ApplyError, deployFile, type FileRun } from './addon-file.ts'
import { type ManifestFile, ManifestFiles } from './files.ts'
import { ManifestError } from './parse.ts'

export interface ManifestDeps extends Omit<FileRun, 'signal'> {
  readonly clock: Clock
  readonly folder: string
  readonly disable: readonly string[]
  readonly log: Logger
  /** Called once, when every file that was there at the start has been tried. */
  readonly onFirstPass?: (failed: readonly string[]) => void
}

/** A file is read once it has not changed for this long: editors and scp write in several steps. */
const QUIET_MS = 100
const RETRY_BASE_MS = 500
const RETRY_MAX_MS = 15_000

export function manifestFolder(deps: ManifestDeps): Component {
  return {
    name: 'manifest folder',
    start: async (signal) => {
      const queue = new WorkQueue<string>({ clock: deps.clock, baseMs: RETRY_BASE_MS, maxMs: RETRY_MAX_MS })
      const watcher = watch(deps.folder, { ignoreInitial: true, followSymlinks: true, alwaysStat: false })
      watcher.on('error', (err) => deps.log.warn({ err }, 'Watching the manifest folder failed'))
      await new Promise<void>((resolve) => watcher.once('ready', resolve))
      // NOTE: read when the watch stands, and followed from the same moment on: what comes earlier is read, what comes later is told.
      const files = new ManifestFiles(deps.folder, deps.disable)
      const enqueue = (paths: readonly string[]): void => paths.forEach((path) => queue.add(path))
      watcher.on('add', (path) => enqueue(files.add(path))).on('change', (path) => enqueue(files.add(path)))
      watcher.on('unlink', (path) => enqueue(files.remove(path)))
      const first = new FirstPass(files.all(), deps.onFirstPass)
      enqueue(first.paths)
      signal.addEventListener('abort', () => queue.shutDown(), { once: true })
      const done = work({ queue, files, first }, deps, signal).finally(() => watcher.close())
      return { done }
    },
  }
}

/** Every file is applied whatever its checksum until it has succeeded once since the start. */
class FirstPass {
  readonly paths: readonly string[]
  readonly #waiting: Set<string>
  readonly #unforced = new Set<string>()
  readonly #failed = new Set<string>()
  readonly #onDone: ((failed: readonly string[]) => void) | undefined

  constructor(files: readonly ManifestFile[], onDone: ((failed: readonly string[]) => void) | undefined) {
    this.paths = files.map((file) => file.path)
    this.#waiting = new Set(this.paths)
    this.#onDone = onDone
    if (this.#waiting.size === 0) onDone?.([])
  }

  isForced(path: string): boolean {
    return !this.#unforced.has(path)
  }

  settle(path: string, ok: boolean): void {
    if (ok) this.#unforced.add(path)
    if (!this.#waiting.delete(path)) return
    if (!ok) this.#failed.add(basename(path))
    if (this.#waiting.size === 0) this.#onDone?.([...this.#failed])
  }
}

interface Work {
  readonly queue: WorkQueue<string>
  readonly files: ManifestFiles
  readonly first: FirstPass
}

async function work({ queue, files, first }: Work, deps: ManifestDeps, signal: AbortSignal): Promise<void> {
  for (let path = await queue.take(); path !== undefined; path = await queue.take()) {
    try {
      await untilQuiet(path, deps, signal)
      const file = files.fileAt(path)
      if (file !== undefined) await deployFile(file, first.isForced(path), { ...deps, signal })
      queue.forget(path)
      first.settle(path, true)
    } catch (err) {
      if (isAborted(signal)) return
      const expected = err instanceof ManifestError || err instanceof ApplyError
      deps.log[expected ? 'warn' : 'error'](
        { file: path, err: expected ? undefined : err, reason: (err as Error).message },
        'Manifest not applied, retrying',
      )
      first.settle(path, false)
      queue.addRateLimited(path)
    } finally {
      queue.done(path)
    }
  }
}

async function untilQuiet(path: string, deps: ManifestDeps, signal: AbortSignal): Promise<void> {
  for (;;) {
    const changedMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
    // Truncated: files carry fractions of a millisecond, the clock does not; a time in the future counts as quiet.
    const age = deps.clock.now() - Math.trunc(changedMs)
    if (age < 0 || age >= QUIET_MS) return
    await deps.clock.sleep(QUIET_MS - age, signal)
  }
}
