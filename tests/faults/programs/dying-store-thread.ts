import { parentPort } from 'node:worker_threads'

/** A writer thread that dies with its third request, before it serves it. */
let requests = 0
parentPort?.on('message', () => {
  requests += 1
  if (requests === 3) process.exit(7)
})
// NOTE: not at the top, where it would listen before the listener above.
await import('../../../core/store/sqlite/writer-thread.ts')
