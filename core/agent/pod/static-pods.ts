import { createHash } from 'node:crypto'
import { type FSWatcher, watch } from 'node:fs'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { load } from 'js-yaml'
import type { Pod } from '../../api/types/core-v1.ts'
import type { Logger } from '../../observability/log.ts'
import { isAborted } from '../../runtime/abort.ts'
import { type Clock, toTimestamp } from '../../runtime/clock.ts'
import { ignoreMissing } from '../../runtime/missing-file.ts'

/** Source: Kubernetes documentation, "Create static Pods"; kubelet annotations. */
const CONFIG_SOURCE = 'kubernetes.io/config.source'
export const CONFIG_HASH = 'kubernetes.io/config.hash'
export const CONFIG_MIRROR = 'kubernetes.io/config.mirror'
const CONFIG_SEEN = 'kubernetes.io/config.seen'

export interface StaticPodDeps {
  readonly dir: string
  readonly nodeName: string
  readonly clock: Clock
  readonly log: Logger
  /** Called with all static pods whenever the folder changed. */
  readonly onChange: (pods: readonly Pod[]) => void
}

const QUIET_MS = 200

/** Reads the folder of static pods and follows it until the signal aborts. A file that is no pod is logged and skipped. */
export async function followStaticPods(deps: StaticPodDeps, signal: AbortSignal): Promise<void> {
  const { dir, clock, log, onChange } = deps
  await mkdir(dir, { recursive: true, mode: 0o700 })
  let wake: (() => void) | undefined
  let changed = true
  const onEvent = (): void => {
    changed = true
    wake?.()
  }
  let watcher: FSWatcher | undefined
  try {
    watcher = watch(dir, onEvent)
    watcher.on('error', (err) => log.warn({ err, dir }, 'The folder of static pods can no longer be followed'))
  } catch (err) {
    log.warn({ err, dir }, 'The folder of static pods cannot be followed')
  }
  signal.addEventListener('abort', onEvent, { once: true })
  while (!isAborted(signal)) {
    if (!changed) await new Promise<void>((resolve) => (wake = resolve))
    changed = false
    if (isAborted(signal)) break
    onChange(await readStaticPods(deps))
    await clock.sleep(QUIET_MS, signal).catch(() => undefined)
  }
  signal.removeEventListener('abort', onEvent)
  watcher?.close()
}

/** Pods from the files of a folder; a file that cannot be used is logged and left out. */
export async function readStaticPods({ dir, nodeName, clock, log }: Omit<StaticPodDeps, 'onChange'>): Promise<readonly Pod[]> {
  const found: Pod[] = []
  for (const name of ((await ignoreMissing(readdir(dir))) ?? []).sort()) {
    if (name.startsWith('.') || !/\.(ya?ml|json|manifest)$/.test(name)) continue
    const file = join(dir, name)
    try {
      const text = await readFile(file, 'utf8')
      found.push(toStaticPod(load(text), { nodeName, file, now: toTimestamp(clock.now()) }))
    } catch (err) {
      log.error({ err, file }, 'This static pod cannot be read')
    }
  }
  return found
}

/** Fills in what makes a file's pod one of this node. Throws Error when it is no pod. The uid follows from the content. */
export function toStaticPod(source: unknown, where: { readonly nodeName: string; readonly file: string; readonly now: string }): Pod {
  const raw = source as { readonly [K in keyof Pod]?: Pod[K] | undefined } | null
  if (raw?.kind !== 'Pod' || raw.apiVersion !== 'v1') throw new Error('not a v1 Pod')
  const { spec } = raw
  if (raw.metadata?.name === undefined || spec === undefined || spec.containers.length === 0)
    throw new Error('a name and at least one container are required')
  const hash = createHash('md5')
    .update(JSON.stringify({ host: where.nodeName, file: where.file, raw }))
    .digest('hex')
  const annotations = { ...raw.metadata.annotations, [CONFIG_HASH]: hash, [CONFIG_SOURCE]: 'file', [CONFIG_SEEN]: where.now }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...raw.metadata,
      name: `${raw.metadata.name}-${where.nodeName}`,
      namespace: raw.metadata.namespace ?? 'default',
      uid: hash,
      annotations,
      resourceVersion: '',
      creationTimestamp: where.now,
    },
    spec: {
      ...spec,
      nodeName: where.nodeName,
      containers: spec.containers.map(withDefaults),
      initContainers: spec.initContainers?.map(withDefaults),
      restartPolicy: spec.restartPolicy ?? 'Always',
      terminationGracePeriodSeconds: spec.terminationGracePeriodSeconds ?? 30,
      tolerations: [...(spec.tolerations ?? []), { operator: 'Exists', effect: 'NoExecute' }],
    },
    status: { phase: 'Pending' },
  }
}

/** The few defaults that running a container needs; the API server fills in the mirror's own. */
function withDefaults(container: Pod['spec']['containers'][number]): Pod['spec']['containers'][number] {
  return {
    ...container,
    // A file may leave out what the API always has.
    resources: { ...container.resources },
    terminationMessagePath: container.terminationMessagePath ?? '/dev/termination-log',
    terminationMessagePolicy: container.terminationMessagePolicy ?? 'File',
  }
}
