import { getHeapStatistics, type HeapInfo } from 'node:v8'
import type { Worker } from 'node:worker_threads'

/** Figures of a heap, in bytes; what `v8.getHeapStatistics` says of a thread. */
type Heap = Pick<HeapInfo, 'used_heap_size' | 'total_heap_size' | 'external_memory'>

const HEAP_GAUGES = [
  ['k3ts_thread_heap_used_bytes', 'Objects in the heap of a thread, garbage included.', 'used_heap_size'],
  ['k3ts_thread_heap_committed_bytes', 'Memory that the heap of a thread holds.', 'total_heap_size'],
  ['k3ts_thread_external_bytes', 'Memory outside the heap that objects of a thread keep: buffers, texts of programs.', 'external_memory'],
] as const satisfies readonly (readonly [string, string, keyof Heap])[]

/**
 * Memory and CPU time of this process and the heaps of its threads as Prometheus text. Knows the threads that start after this call.
 * Names of the process figures: Prometheus, "Writing client libraries".
 */
export function createProcessMetrics(): () => Promise<string> {
  const workers = new Set<Worker>()
  process.on('worker', (worker) => {
    workers.add(worker)
    worker.once('exit', () => workers.delete(worker))
  })
  return async () => {
    const heaps: (readonly [thread: string, heap: Heap])[] = [['main', getHeapStatistics()]]
    for (const worker of workers) {
      // A thread that ends meanwhile has no heap any more.
      const heap = await worker.getHeapStatistics().catch(() => undefined)
      if (heap !== undefined) heaps.push([worker.threadName ?? String(worker.threadId), heap])
    }
    return [...processLines(), ...HEAP_GAUGES.flatMap(([name, help, field]) => heapLines(name, help, heaps, field)), ''].join('\n')
  }
}

function processLines(): string[] {
  const { user, system } = process.cpuUsage()
  return [
    '# HELP process_resident_memory_bytes Resident memory size in bytes.',
    '# TYPE process_resident_memory_bytes gauge',
    `process_resident_memory_bytes ${process.memoryUsage.rss()}`,
    '# HELP process_cpu_seconds_total Total user and system CPU time spent in seconds.',
    '# TYPE process_cpu_seconds_total counter',
    `process_cpu_seconds_total ${(user + system) / 1e6}`,
  ]
}

function heapLines(name: string, help: string, heaps: readonly (readonly [string, Heap])[], field: keyof Heap): string[] {
  const values = heaps.map(([thread, heap]) => `${name}{thread="${thread}"} ${heap[field]}`)
  return [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, ...values]
}
