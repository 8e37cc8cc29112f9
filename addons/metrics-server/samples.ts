import type { NodeScrape, Point } from './scrape.ts'

/** What was used on average over a window. */
export interface Usage {
  readonly cpuNanoCores: number
  readonly memoryBytes: number
  /** End of the window. */
  readonly atMs: number
  readonly windowMs: number
}

interface Series {
  readonly last: Point
  /** Absent until there are two to compare. */
  readonly previous?: Point
}

/** A container this young has its start for a first sample, where CPU time was zero. Source: metrics-server, storage. */
const FRESH_MIN_MS = 10_000

/** The two latest samples of each node and container, and nothing older. What a scrape does not have any more is forgotten. */
export class Samples {
  readonly #resolutionMs: number
  #nodes: ReadonlyMap<string, Series> = new Map()
  #pods: ReadonlyMap<string, ReadonlyMap<string, Series>> = new Map()

  constructor(resolutionMs: number) {
    this.#resolutionMs = resolutionMs
  }

  /** True once anything was scraped. */
  get ready(): boolean {
    return this.#nodes.size > 0 || this.#pods.size > 0
  }

  /** `scrapes` by node; nodes that did not answer are left out. */
  store(scrapes: ReadonlyMap<string, NodeScrape>): void {
    const nodes = new Map<string, Series>()
    const pods = new Map<string, ReadonlyMap<string, Series>>()
    for (const [name, { node, pods: scraped }] of scrapes) {
      if (node !== undefined) nodes.set(name, next(node, this.#nodes.get(name)))
      for (const [key, containers] of scraped) {
        const known = this.#pods.get(key)
        pods.set(key, new Map([...containers].map(([container, point]) => [container, this.#nextOf(point, known?.get(container))])))
      }
    }
    this.#nodes = nodes
    this.#pods = pods
  }

  node(name: string): Usage | undefined {
    const series = this.#nodes.get(name)
    return series && usageOf(series)
  }

  /** By container, in the order of their names; undefined when no container was measured twice. */
  pod(key: string): ReadonlyMap<string, Usage> | undefined {
    const usages = [...(this.#pods.get(key) ?? [])]
      .map(([name, series]) => [name, usageOf(series)] as const)
      .filter((entry): entry is [string, Usage] => entry[1] !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
    return usages.length === 0 ? undefined : new Map(usages)
  }

  #nextOf(point: Point, known: Series | undefined): Series {
    const { startMs, atMs } = point
    const ageMs = startMs === undefined ? Number.POSITIVE_INFINITY : atMs - startMs
    if (startMs !== undefined && ageMs >= FRESH_MIN_MS && ageMs < this.#resolutionMs) {
      return { last: point, previous: { atMs: startMs, cpuNanos: 0, memoryBytes: 0 } }
    }
    const restarted = known !== undefined && startMs !== undefined && startMs >= known.last.atMs
    return next(point, restarted ? undefined : known)
  }
}

/** A kubelet that has nothing new shows the old point again: the one before it stays. */
function next(point: Point, known: Series | undefined): Series {
  if (known === undefined) return { last: point }
  const previous = point.atMs > known.last.atMs ? known.last : known.previous
  return previous === undefined || previous.atMs >= point.atMs ? { last: point } : { last: point, previous }
}

/** A counter that went back belongs to something that began anew. */
function usageOf({ last, previous }: Series): Usage | undefined {
  if (previous === undefined || last.cpuNanos < previous.cpuNanos) return undefined
  const windowMs = last.atMs - previous.atMs
  const cpuNanoCores = Math.floor((last.cpuNanos - previous.cpuNanos) / (windowMs / 1000))
  return { cpuNanoCores, memoryBytes: last.memoryBytes, atMs: last.atMs, windowMs }
}
