import assert from 'node:assert/strict'
import { once } from 'node:events'
import { it } from 'node:test'
import { Worker } from 'node:worker_threads'
import { createProcessMetrics } from './process-metrics.ts'

it('tells memory, CPU time and the heap of each thread, of those that live', async () => {
  const render = createProcessMetrics()
  const worker = new Worker('require("node:worker_threads").parentPort.once("message", () => {})', { eval: true, name: 'aside' })
  await once(worker, 'online')
  const text = await render()
  for (const line of [
    /^process_resident_memory_bytes \d{7,}$/m,
    /^process_cpu_seconds_total \d+(\.\d+)?$/m,
    /^k3ts_thread_heap_used_bytes\{thread="main"\} \d{7,}$/m,
    /^k3ts_thread_heap_used_bytes\{thread="aside"\} \d{6,}$/m,
    /^k3ts_thread_external_bytes\{thread="aside"\} \d+$/m,
  ])
    assert.match(text, line)
  await worker.terminate()
  assert.doesNotMatch(await render(), /aside/)
})
