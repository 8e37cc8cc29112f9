/** Thread of controllers, scheduler and agent: one shared cache of parsed objects, away from the API server's heap. */
import { setMaxListeners } from 'node:events'
import { parentPort, workerData } from 'node:worker_threads'
import type { Logger } from '../observability/log.ts'
import { systemClock } from '../runtime/clock.ts'
import { runNode } from './compose-node.ts'
import type { FromNodeThread, NodeThreadData, ToNodeThread } from './node-thread-data.ts'
import { createServerLog } from './server-log.ts'
import { MainThreadSigner } from './thread-signer.ts'

if (parentPort === null) throw new Error('this file is the entry point of a thread')
const main = parentPort
const data = workerData as NodeThreadData
const log: Logger = createServerLog(data.config)
const life = new AbortController()
setMaxListeners(0, life.signal)
const tell = (message: FromNodeThread): void => main.postMessage(message)
const signer = new MainThreadSigner(tell)

main.on('message', (message: ToNodeThread) => {
  if (message.type === 'stop') life.abort(new Error('the server stops'))
  else signer.settle(message)
})

try {
  await runNode(
    {
      data,
      log,
      clock: systemClock,
      signer,
      reached: (name, failed) => tell({ type: 'milestone', name, ...(failed !== undefined && { failed }) }),
    },
    life.signal,
  )
  tell({ type: 'stopped' })
} catch (err) {
  if (life.signal.aborted) tell({ type: 'stopped' })
  else {
    life.abort(err)
    log.error({ err }, 'The node thread failed')
    tell({ type: 'failed', message: (err as Error).message })
  }
} finally {
  for (const port of Object.values(data.ports)) port.close()
  main.close()
}
