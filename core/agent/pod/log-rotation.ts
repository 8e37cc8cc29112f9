import { createReadStream, createWriteStream } from 'node:fs'
import { readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { Logger } from '../../observability/log.ts'
import { isAborted } from '../../runtime/abort.ts'
import type { Clock } from '../../runtime/clock.ts'
import { ignoreMissing } from '../../runtime/missing-file.ts'
import type { RuntimeService } from '../cri/index.ts'
import { type ContainerRecord, isRunning } from './pod-runtime.ts'
import type { RuntimeCache } from './runtime-cache.ts'

export interface LogRotationDeps {
  readonly runtime: Pick<RuntimeService, 'reopenContainerLog'>
  readonly cache: Pick<RuntimeCache, 'uids' | 'get'>
  readonly clock: Clock
  readonly log: Logger
  /** `maxFiles` counts the one being written. */
  readonly limits: { readonly maxBytes: number; readonly maxFiles: number }
}

const CHECK_MS = 10_000

/** Keeps container logs small: a full one is set aside, older ones are compressed, the oldest go. Source: kubelet, containerLogMaxSize. */
export async function rotateLogs(deps: LogRotationDeps, signal: AbortSignal): Promise<void> {
  const { cache, clock, log } = deps
  while (!isAborted(signal)) {
    await clock.sleep(CHECK_MS, signal).catch(() => undefined)
    const running = cache.uids().flatMap((uid) => cache.get(uid).containers.filter(isRunning))
    for (const record of running) {
      if (isAborted(signal)) return
      await rotateIfFull(record, deps, signal).catch((err: unknown) => {
        if (!isAborted(signal)) log.warn({ err, file: record.logPath }, 'Container log not rotated')
      })
    }
  }
}

/** Puts a log beyond its size aside and has the runtime begin a new one. Rejects, with the log back in its place, when the runtime does not. */
export async function rotateIfFull(
  record: Pick<ContainerRecord, 'id' | 'logPath'>,
  deps: LogRotationDeps,
  signal: AbortSignal,
): Promise<void> {
  const { logPath } = record
  const info = logPath === '' ? undefined : await ignoreMissing(stat(logPath))
  if (info === undefined || info.size < deps.limits.maxBytes) return
  await tidy(logPath, deps.limits.maxFiles)
  // Same form as the kubelet's: 20060102-150405.
  const stamp = new Date(deps.clock.now()).toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-')
  const aside = `${logPath}.${stamp}`
  await rename(logPath, aside)
  try {
    await deps.runtime.reopenContainerLog(record.id, signal)
  } catch (err) {
    await rename(aside, logPath)
    throw err
  }
}

/** Compresses all set-aside logs but the newest (readers may still be in it) and removes the oldest. */
async function tidy(logPath: string, maxFiles: number): Promise<void> {
  const dir = dirname(logPath)
  const prefix = `${basename(logPath)}.`
  const names = (await readdir(dir)).filter((name) => name.startsWith(prefix))
  for (const name of names.filter((candidate) => candidate.endsWith('.tmp'))) await rm(join(dir, name), { force: true })
  const aside = names.filter((name) => !name.endsWith('.tmp')).sort()
  // Room for the one being written and the one about to be set aside.
  const surplus = aside.splice(0, Math.max(0, aside.length - (maxFiles - 2)))
  for (const name of surplus) await rm(join(dir, name), { force: true })
  for (const name of aside) if (!name.endsWith('.gz')) await compress(join(dir, name))
}

async function compress(path: string): Promise<void> {
  await pipeline(createReadStream(path), createGzip(), createWriteStream(`${path}.tmp`))
  await rename(`${path}.tmp`, `${path}.gz`)
  await rm(path)
}
