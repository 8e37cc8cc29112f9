import type { KubeObject } from '../../meta/object.ts'
import type { Status } from '../../meta/status-error.ts'
import { isAborted } from '../../runtime/abort.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Decision, UserInfo } from '../auth/auth.ts'
import type { ApiRequest, ApiResponse, RequestAudit } from '../request.ts'
import { type Body, bodyText, objectText, parseBody, written } from './bodies.ts'
import type { EventState, ResponseStatus } from './event.ts'
import type { AuditRule } from './match.ts'
import type { Stage } from './policy.ts'

interface TrailDeps {
  readonly emit: (state: EventState, stage: Stage, nowMs: number) => void
  readonly clock: Clock
  readonly isLong: boolean
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** What becomes of one request, told to the log at each of its stages. */
export class AuditTrail implements RequestAudit {
  readonly #state: Mutable<EventState>
  readonly #rule: AuditRule
  readonly #deps: TrailDeps
  readonly #annotations = new Map<string, string>()
  #sent: Body | undefined
  #problem: string | undefined
  #isOver = false

  constructor(state: EventState, rule: AuditRule, deps: TrailDeps) {
    this.#state = { ...state, annotations: this.#annotations }
    this.#rule = rule
    this.#deps = deps
    deps.emit(this.#state, 'RequestReceived', state.receivedMs)
  }

  /** What was said first stays. */
  annotate(key: string, value: string): void {
    if (!this.#annotations.has(key)) this.#annotations.set(key, value)
  }

  decided({ allowed, reason }: Decision): void {
    this.annotate('authorization.k8s.io/decision', allowed ? 'allow' : 'forbid')
    this.annotate('authorization.k8s.io/reason', reason)
  }

  actsAs(user: UserInfo): void {
    this.#state.impersonated = user
  }

  sentObject(object: KubeObject): void {
    const { name, namespace, uid, resourceVersion } = object.metadata as Partial<KubeObject['metadata']>
    const { objectRef } = this.#state
    if (objectRef !== undefined) {
      this.#state.objectRef = {
        ...objectRef,
        name: objectRef.name === '' ? (name ?? '') : objectRef.name,
        namespace: objectRef.namespace === '' ? (namespace ?? '') : objectRef.namespace,
        uid,
        resourceVersion,
      }
    }
    if (this.#wantsRequest) this.#state.requestObject = objectText(object, this.#rule)
  }

  /** For what no handler hands over as an object: patches, options of a delete. */
  sentBody(bytes: Uint8Array, contentType: string | undefined): void {
    if (this.#wantsRequest && bytes.length > 0) this.#sent = { bytes, contentType }
  }

  /** A fault of this server, where Kubernetes' would panic. */
  failed(problem: string): void {
    this.#problem = problem
  }

  /** The answer, with a stream that tells when it ends. */
  answered(request: ApiRequest, response: ApiResponse): ApiResponse {
    this.#read(response)
    if (this.#problem !== undefined) {
      this.#end('Panic')
      return response
    }
    if (this.#deps.isLong) this.#emit('ResponseStarted')
    const { body } = response
    const isStream = body !== undefined && Symbol.asyncIterator in body && request.method !== 'HEAD'
    const isTunnel = body === undefined && request.upgrade !== undefined
    if ((!isStream && !isTunnel) || isAborted(request.signal)) {
      this.#end('ResponseComplete')
      return response
    }
    const { signal } = request
    const end = (): void => {
      signal.removeEventListener('abort', end)
      this.#end('ResponseComplete')
    }
    signal.addEventListener('abort', end, { once: true })
    return isStream ? { ...response, body: untilEnd(body, end) } : response
  }

  get #wantsRequest(): boolean {
    const { level } = this.#rule
    return level === 'Request' || level === 'RequestResponse'
  }

  #read({ status: code, headers, body }: ApiResponse): void {
    const { verb } = this.#state
    const bytes = wholeBody(body)
    const answer = bytes === undefined ? undefined : { bytes, contentType: headers['content-type'] }
    const isDelete = verb === 'delete' || verb === 'deletecollection'
    const status = answer !== undefined && (code >= 400 || isDelete) ? statusIn(answer) : undefined
    this.#state.responseStatus = this.#problem === undefined ? { ...status, code } : panicked(this.#problem)
    if (this.#sent !== undefined && this.#state.requestObject === undefined) {
      this.#state.requestObject = isDelete ? optionsText(this.#sent) : bodyText(this.#sent, this.#rule)
    }
    this.#sent = undefined
    if (answer !== undefined && this.#rule.level === 'RequestResponse') this.#state.responseObject = bodyText(answer, this.#rule)
  }

  #emit(stage: Stage): void {
    const { emit, clock } = this.#deps
    emit(this.#state, stage, clock.now())
  }

  #end(stage: Stage): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#emit(stage)
  }
}

function wholeBody(body: ApiResponse['body']): Uint8Array | undefined {
  if (body === undefined || body instanceof Uint8Array) return body
  return Symbol.asyncIterator in body ? undefined : Buffer.concat(body)
}

/** Clients leave the type of the options out. */
function optionsText(body: Body): string | undefined {
  const options = parseBody(body)
  return typeof options === 'object' && options !== null ? written({ kind: 'DeleteOptions', apiVersion: 'v1', ...options }) : undefined
}

function statusIn(body: Body): ResponseStatus | undefined {
  const { kind, status, message, reason, details } = (parseBody(body) ?? {}) as Partial<Status>
  return kind === 'Status' && typeof status === 'string' ? { status, message, reason, details } : undefined
}

function panicked(problem: string): ResponseStatus {
  return { status: 'Failure', message: `APIServer panic'd: ${problem}`, reason: 'InternalError', code: 500 }
}

async function* untilEnd(body: AsyncIterable<Uint8Array>, end: () => void): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } finally {
    end()
  }
}
