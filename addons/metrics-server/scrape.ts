/** What a container or node had used at a moment. */
export interface Point {
  readonly atMs: number
  /** CPU time since its start, in nanoseconds. */
  readonly cpuNanos: number
  readonly memoryBytes: number
  /** When the container began; absent for nodes. */
  readonly startMs?: number
}

/** One answer of a kubelet. */
export interface NodeScrape {
  readonly node: Point | undefined
  /** By `namespace/name` of the pod, then by container. */
  readonly pods: ReadonlyMap<string, ReadonlyMap<string, Point>>
}

interface Draft {
  atMs?: number
  cpuNanos?: number
  memoryBytes?: number
  startMs?: number
}

const SECOND_NANOS = 1e9
const LINE = /^(?:node|container)_(cpu_usage_seconds_total|memory_working_set_bytes|start_time_seconds)(?:\{([^}]*)\})? (\S+)(?: (-?\d+))?$/
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g

/**
 * Reads a kubelet's /metrics/resource. Pods of which a container used no CPU or memory at all are left out: the kubelet
 * does not know them yet. Source: metrics-server, scraper and decoder of resource metrics.
 */
export function parseScrape(text: string, nowMs: number): NodeScrape {
  const node: Draft = {}
  const pods = new Map<string, Map<string, Draft>>()
  for (const line of text.split('\n')) {
    const [, metric = '', labels, value = '', stamp] = LINE.exec(line) ?? []
    if (metric === '') continue
    const draft = line.startsWith('node_') ? node : containerOf(labels ?? '', pods)
    if (draft !== undefined) note(draft, metric, Number(value), stamp === undefined ? undefined : Number(stamp))
  }
  return { node: pointOf(node, nowMs), pods: new Map([...pods].flatMap(([key, drafts]) => podOf(key, drafts, nowMs))) }
}

function containerOf(labels: string, pods: Map<string, Map<string, Draft>>): Draft | undefined {
  const found: Record<string, string> = {}
  for (const [, name = '', value = ''] of labels.matchAll(LABEL)) found[name] = value
  const { namespace, pod, container } = found
  if (namespace === undefined || pod === undefined || container === undefined || container === '') return undefined
  const key = `${namespace}/${pod}`
  const containers = pods.get(key) ?? new Map<string, Draft>()
  pods.set(key, containers)
  const draft = containers.get(container) ?? {}
  containers.set(container, draft)
  return draft
}

function note(draft: Draft, metric: string, value: number, stampMs: number | undefined): void {
  if (!Number.isFinite(value)) return
  if (metric === 'start_time_seconds') draft.startMs = value * 1000
  else if (metric === 'memory_working_set_bytes') draft.memoryBytes = value
  else {
    draft.cpuNanos = Math.round(value * SECOND_NANOS)
    // The moment of the CPU counter is the one that rates are made of.
    if (stampMs !== undefined) draft.atMs = stampMs
  }
}

function podOf(key: string, drafts: ReadonlyMap<string, Draft>, nowMs: number): readonly [string, ReadonlyMap<string, Point>][] {
  const points = new Map<string, Point>()
  for (const [name, draft] of drafts) {
    const point = pointOf(draft, nowMs)
    if (point === undefined) return []
    points.set(name, point)
  }
  return [[key, points]]
}

function pointOf({ atMs = 0, cpuNanos = 0, memoryBytes = 0, startMs }: Draft, nowMs: number): Point | undefined {
  if (cpuNanos === 0 || memoryBytes === 0) return undefined
  return { atMs: atMs === 0 ? nowMs : atMs, cpuNanos, memoryBytes, ...(startMs !== undefined && { startMs }) }
}
