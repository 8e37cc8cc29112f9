import type { Readable } from 'node:stream'
import { StatusError } from '../../meta/status-error.ts'
import { entityTooLarge } from '../errors.ts'
import type { HttpLimits } from './limits.ts'

const EMPTY = new Uint8Array(0)

/**
 * Reads a request's body whole. Rejects with StatusError `RequestEntityTooLarge` as soon as it is known to be longer than the
 * limit, `Timeout` when it trickles, `BadRequest` when the client leaves in the middle.
 */
export function readBody(stream: Readable, contentLength: string | undefined, limits: HttpLimits): Promise<Uint8Array> {
  if (contentLength === '0') return Promise.resolve(EMPTY)
  if (contentLength !== undefined && Number(contentLength) > limits.bodyBytes) return Promise.reject(entityTooLarge(limits.bodyBytes))
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    const timer = setTimeout(() => fail(new StatusError('Timeout', 'the request body did not arrive in time')), limits.bodyMs)
    const onData = (chunk: Buffer): void => {
      length += chunk.length
      chunks.push(chunk)
      if (length > limits.bodyBytes) fail(entityTooLarge(limits.bodyBytes))
    }
    const onEnd = (): void => {
      detach()
      resolve(chunks.length === 1 ? (chunks[0] ?? EMPTY) : Buffer.concat(chunks, length))
    }
    const onGone = (): void => fail(new StatusError('BadRequest', 'the request body ended too early'))
    const detach = (): void => {
      clearTimeout(timer)
      stream.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone)
    }
    const fail = (err: StatusError): void => {
      detach()
      stream.pause()
      reject(err)
    }
    stream.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone)
    if (stream.readableEnded) onEnd()
    else if (stream.destroyed) onGone()
  })
}
