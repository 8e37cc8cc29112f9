import type { CertificateSigner, RequestFacts, SigningRequest } from '../../controllers/runtime/context.ts'
import type { FromNodeThread, ToNodeThread } from './node-thread-data.ts'

/** The node thread's side: asks the main thread, which holds the keys. */
export class MainThreadSigner implements CertificateSigner {
  readonly #tell: (message: FromNodeThread) => void
  readonly #waiting = new Map<number, { readonly resolve: (result: unknown) => void; readonly reject: (err: Error) => void }>()
  #lastId = 0

  constructor(tell: (message: FromNodeThread) => void) {
    this.#tell = tell
  }

  inspect(requestPem: string): Promise<RequestFacts> {
    return this.#ask('inspect', requestPem) as Promise<RequestFacts>
  }

  sign(request: SigningRequest): Promise<string> {
    return this.#ask('sign', request) as Promise<string>
  }

  settle(message: Extract<ToNodeThread, { readonly type: 'answer' }>): void {
    const waiting = this.#waiting.get(message.id)
    this.#waiting.delete(message.id)
    if (message.error === undefined) waiting?.resolve(message.result)
    else waiting?.reject(new Error(message.error))
  }

  #ask(method: 'inspect' | 'sign', argument: unknown): Promise<unknown> {
    this.#lastId += 1
    const id = this.#lastId
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#tell({ type: 'ask', id, method, argument })
    })
  }
}

/** The main thread's side. Rejects when the request cannot be read or signed. */
export function answerSigner(
  ask: Extract<FromNodeThread, { readonly type: 'ask' }>,
  signer: CertificateSigner,
  signal: AbortSignal,
): Promise<unknown> {
  return ask.method === 'inspect' ? signer.inspect(ask.argument as string, signal) : signer.sign(ask.argument as SigningRequest, signal)
}
