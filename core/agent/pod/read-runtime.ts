import { open } from 'node:fs/promises'
import { ignoreMissing } from '../../runtime/missing-file.ts'
import { isCriCode, type RuntimeService } from '../cri/index.ts'
import type { RuntimeContainer, RuntimeContainerStatus, Sandbox, SandboxStatus } from '../cri/types.ts'
import { type LogOptions, parseLogLine, renderLine } from '../stream/log-format.ts'
import type { ContainerRecord, PodRuntime } from './pod-runtime.ts'
import { podUidSelector, readContainerFacts } from './runtime-labels.ts'

/** Source: Kubernetes documentation, "Customizing the termination message". */
const MAX_MESSAGE_BYTES = 4096
const MAX_LOG_MESSAGE_BYTES = 2048
const MAX_LOG_MESSAGE_LINES = 80
/** Enough for the bytes wanted even when a record of the longest kind (16 KiB) is cut at the beginning. */
const LOG_TAIL_BYTES = 32 * 1024
const PLAIN: LogOptions = {
  follow: false,
  tailLines: undefined,
  sinceMs: undefined,
  timestamps: false,
  limitBytes: undefined,
  stream: 'All',
}

/** Reads pods from the runtime; remembers containers that have ended, since those change no more. */
export class RuntimeReader {
  readonly #runtime: RuntimeService
  readonly #ended = new Map<string, ContainerRecord>()

  constructor(runtime: RuntimeService) {
    this.#runtime = runtime
  }

  async pod(uid: string, signal: AbortSignal): Promise<PodRuntime> {
    const filter = { labels: podUidSelector(uid) }
    const [sandboxes, containers] = await Promise.all([
      this.#runtime.listPodSandboxes(filter, signal),
      this.#runtime.listContainers(filter, signal),
    ])
    return this.assemble(uid, sandboxes, containers, signal)
  }

  async assemble(
    uid: string,
    sandboxes: readonly Sandbox[],
    containers: readonly RuntimeContainer[],
    signal: AbortSignal,
  ): Promise<PodRuntime> {
    const statuses = await Promise.all(sandboxes.map((sandbox) => this.#sandbox(sandbox, signal)))
    const records = await Promise.all(containers.map((container) => this.#container(container, signal)))
    const present = <T>(item: T | undefined): item is T => item !== undefined
    const newestFirst = (a: { readonly createdAtMs: number }, b: { readonly createdAtMs: number }): number => b.createdAtMs - a.createdAtMs
    const sorted = statuses.filter(present).sort(newestFirst)
    const { name = '', namespace = '' } = sorted[0] ?? {}
    return { uid, name, namespace, sandboxes: sorted, containers: records.filter(present).sort(newestFirst) }
  }

  /** Drops what is remembered of containers that no longer exist. */
  keepOnly(ids: ReadonlySet<string>): void {
    for (const id of this.#ended.keys()) if (!ids.has(id)) this.#ended.delete(id)
  }

  async #sandbox(sandbox: Sandbox, signal: AbortSignal): Promise<SandboxStatus | undefined> {
    if (!sandbox.isReady) return { ...sandbox, ips: [], isHostNetwork: false }
    return absentIsFine(this.#runtime.podSandboxStatus(sandbox.id, signal))
  }

  async #container(container: RuntimeContainer, signal: AbortSignal): Promise<ContainerRecord | undefined> {
    const known = this.#ended.get(container.id)
    if (known !== undefined) return known
    const status = await absentIsFine(this.#runtime.containerStatus(container.id, signal))
    if (status === undefined) return undefined
    const record = await toRecord(container, status)
    if (record.phase === 'exited') this.#ended.set(record.id, record)
    return record
  }
}

/** Between a list and a look at one of its items the item may go away. */
async function absentIsFine<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result
  } catch (err) {
    if (isCriCode(err, 'NotFound')) return undefined
    throw err
  }
}

async function toRecord(container: RuntimeContainer, status: RuntimeContainerStatus): Promise<ContainerRecord> {
  const facts = readContainerFacts(status.labels, status.annotations)
  return {
    id: status.id,
    name: facts.name === '' ? status.name : facts.name,
    sandboxId: container.sandboxId,
    phase: status.phase,
    restartCount: facts.restartCount,
    createdAtMs: status.createdAtMs,
    startedAtMs: status.startedAtMs,
    finishedAtMs: status.finishedAtMs,
    exitCode: status.exitCode,
    reason: status.reason,
    message: status.phase === 'exited' ? await terminationMessage(status) : status.message,
    image: status.image,
    imageId: status.imageRef === '' ? status.imageId : status.imageRef,
    hash: facts.hash,
    graceSeconds: facts.graceSeconds,
    resources: status.resources,
    user: status.user,
    logPath: status.logPath,
  }
}

async function terminationMessage(status: RuntimeContainerStatus): Promise<string> {
  const { terminationMessagePath, terminationMessagePolicy } = readContainerFacts(status.labels, status.annotations)
  const mount = status.mounts.find(({ containerPath }) => terminationMessagePath !== '' && containerPath === terminationMessagePath)
  const own = mount === undefined ? '' : await head(mount.hostPath, MAX_MESSAGE_BYTES)
  if (own !== '') return own
  const wantsLog = terminationMessagePolicy === 'FallbackToLogsOnError' && status.exitCode !== 0
  const fromLog = wantsLog ? await logTail(status.logPath) : ''
  return fromLog === '' ? status.message : fromLog
}

async function head(path: string, limit: number): Promise<string> {
  const file = await ignoreMissing(open(path, 'r'))
  if (file === undefined) return ''
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(limit), 0, limit, 0)
    return buffer.subarray(0, bytesRead).toString('utf8')
  } finally {
    await file.close()
  }
}

/** The last lines of a log as its reader would see them; a last line without a line break has none here either. */
async function logTail(path: string): Promise<string> {
  const file = await ignoreMissing(open(path, 'r'))
  if (file === undefined) return ''
  try {
    const { size } = await file.stat()
    const from = Math.max(0, size - LOG_TAIL_BYTES)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(LOG_TAIL_BYTES), 0, LOG_TAIL_BYTES, from)
    return lastMessages(buffer.subarray(0, bytesRead))
  } finally {
    await file.close()
  }
}

/** Text of the last records in CRI's format; what is no whole record at the beginning is left out. */
export function lastMessages(log: Buffer): string {
  const records = log.toString('latin1').split('\n').slice(0, -1)
  const lines = records.flatMap((line) => parseLogLine(Buffer.from(line, 'latin1')) ?? [])
  const bytes = lines.slice(-MAX_LOG_MESSAGE_LINES).flatMap((line) => renderLine(line, PLAIN) ?? [])
  return Buffer.concat(bytes).subarray(-MAX_LOG_MESSAGE_BYTES).toString('utf8')
}
