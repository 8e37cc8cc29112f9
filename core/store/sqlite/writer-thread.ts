import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { invariant } from '../../runtime/invariant.ts'
import { Checkpoints } from './checkpoints.ts'
import { toDriverFailure } from './errors.ts'
import { LogFile, type RowBatch } from './log-file.ts'
import { unpack, type WriterReply, type WriterRequest } from './writer-messages.ts'

/** Entry point of the writer thread: answers each request after it is on disk, checkpoints after the answer. */
function requirePort(): MessagePort {
  invariant(parentPort !== null, 'runs as a worker thread')
  return parentPort
}

const port = requirePort()

const file = new LogFile((workerData as { readonly path: string }).path)
const checkpoints = new Checkpoints(file)
const reply = (message: WriterReply): void => port.postMessage(message)

port.on('message', (request: WriterRequest) => {
  try {
    handle(request)
  } catch (err) {
    reply({ ok: false, failure: toDriverFailure(err) })
  }
})
reply({ ok: true, result: 0 })

function handle(request: WriterRequest): void {
  switch (request.type) {
    case 'append':
      append(unpack(request.batch))
      return
    case 'remove':
      file.remove(request.slice)
      reply({ ok: true, result: request.slice.revisions.length })
      checkpoints.touched(request.slice.revisions.length)
      return
    case 'vacuum':
      vacuum(request.maxPages)
      return
    case 'close':
      checkpoints.stop()
      file.close()
      reply({ ok: true, result: 0 })
      port.close()
  }
}

function append(batch: RowBatch): void {
  file.append(batch)
  reply({ ok: true, result: batch.revisions.length })
  checkpoints.committed(batch)
}

function vacuum(maxPages: number): void {
  const pages = file.vacuum(maxPages)
  reply({ ok: true, result: pages })
  checkpoints.touched(pages)
}
