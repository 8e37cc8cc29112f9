import type { Pod } from '../../api/types/core-v1.ts'
import type { AttachRequest, ExecRequest } from '../cri/index.ts'

/** What the kubelet's HTTPS API needs to know of the pods on this node. */
export interface PodDirectory {
  /** Pods as the node runs them, with their status. */
  pods(): readonly Pod[]
  find(namespace: string, name: string): Pod | undefined
  /** Identifier of the newest container of that name, running or not; `running` is true only while its process lives. */
  container(pod: Pod, name: string): { readonly id: string; readonly running: boolean } | undefined
  sandbox(pod: Pod): string | undefined
  /** Log file of the newest container, or of the one before it. */
  logPath(pod: Pod, container: string, previous: boolean): string | undefined
}

/** The runtime's streaming server hands out one-time addresses for sessions. */
export interface StreamingRuntime {
  exec(request: ExecRequest, signal: AbortSignal): Promise<string>
  attach(request: AttachRequest, signal: AbortSignal): Promise<string>
  portForward(sandboxId: string, ports: readonly number[], signal: AbortSignal): Promise<string>
}

/** The client behind a verified certificate or a token, as far as the API server's authorizer has to decide. */
export interface Caller {
  readonly name: string
  readonly groups: readonly string[]
}

export class KubeletHttpError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** `/metrics/resource`, which is `/metrics` as well, `/metrics/cadvisor` and `/metrics/probes`. */
export type MetricSet = 'resource' | 'cadvisor' | 'probes'

const METRIC_SETS: Readonly<Record<string, MetricSet>> = { '': 'resource', resource: 'resource', cadvisor: 'cadvisor', probes: 'probes' }

export type Action =
  | { readonly kind: 'logs'; readonly namespace: string; readonly pod: string; readonly container: string; readonly query: URLSearchParams }
  | {
      readonly kind: 'exec' | 'attach'
      readonly namespace: string
      readonly pod: string
      readonly container: string
      readonly query: URLSearchParams
    }
  | { readonly kind: 'port-forward'; readonly namespace: string; readonly pod: string; readonly query: URLSearchParams }
  | { readonly kind: 'pods' | 'runningpods' | 'configz' | 'healthz' | 'stats' }
  | { readonly kind: 'metrics'; readonly set: MetricSet }

/** Node subresource that guards the path, and the verb. Source: Kubernetes docs, kubelet authorization. */
export function requiredAccess(action: Action, method: string): { readonly verb: string; readonly subresource: string } {
  const verb =
    method === 'GET' || method === 'HEAD' ? 'get' : method === 'POST' ? 'create' : method === 'PUT' ? 'update' : method.toLowerCase()
  switch (action.kind) {
    case 'metrics':
      return { verb, subresource: 'metrics' }
    case 'stats':
      return { verb, subresource: 'stats' }
    case 'healthz':
      return { verb, subresource: 'healthz' }
    case 'configz':
      return { verb, subresource: 'configz' }
    case 'pods':
    case 'runningpods':
      return { verb, subresource: 'pods' }
    case 'logs':
    case 'exec':
    case 'attach':
    case 'port-forward':
      return { verb, subresource: 'proxy' }
  }
}

/** No parts at all for a path that is no URI. */
function partsOf(path: string): readonly string[] {
  try {
    return path
      .split('/')
      .filter((part) => part !== '')
      .map((part) => decodeURIComponent(part))
  } catch {
    // leads nowhere
    return []
  }
}

/** Undefined: no such path. Session paths may carry the pod's uid before the container. */
export function parseAction(path: string, query: URLSearchParams): Action | undefined {
  const parts = partsOf(path)
  const [head = '', namespace = '', pod = ''] = parts
  const container = parts.at(-1) ?? ''
  switch (head) {
    case 'containerLogs':
      return parts.length === 4 ? { kind: 'logs', namespace, pod, container, query } : undefined
    case 'exec':
    case 'attach':
      return parts.length === 4 || parts.length === 5 ? { kind: head, namespace, pod, container, query } : undefined
    case 'portForward':
      return parts.length === 3 || parts.length === 4 ? { kind: 'port-forward', namespace, pod, query } : undefined
    case 'pods':
    case 'runningpods':
    case 'configz':
    case 'healthz':
      return parts.length === 1 ? { kind: head } : undefined
    case 'metrics':
      return parts.length <= 2 && METRIC_SETS[namespace] !== undefined ? { kind: head, set: METRIC_SETS[namespace] } : undefined
    case 'stats':
      return parts[1] === 'summary' ? { kind: 'stats' } : undefined
    default:
      return undefined
  }
}
