import type { Status } from '../../meta/status-error.ts'
import { toMicroTimestamp } from '../../meta/time.ts'
import type { UserInfo } from '../auth/auth.ts'
import type { RequestInfo } from '../request-info.ts'
import type { Level, Stage } from './policy.ts'

/** What is known of a request at one of its stages; bodies are JSON texts. */
export interface EventState {
  readonly level: Level
  readonly auditId: string
  readonly uri: string
  readonly verb: string
  /** Absent: nobody was authenticated. */
  readonly user?: UserInfo | undefined
  readonly impersonated?: UserInfo | undefined
  readonly sourceIps: readonly string[]
  readonly userAgent?: string | undefined
  readonly objectRef?: ObjectRef | undefined
  readonly responseStatus?: ResponseStatus | undefined
  readonly requestObject?: string | undefined
  readonly responseObject?: string | undefined
  readonly receivedMs: number
  readonly annotations?: ReadonlyMap<string, string> | undefined
}

export interface ObjectRef {
  readonly resource: string
  readonly namespace: string
  readonly name: string
  readonly uid?: string | undefined
  readonly apiGroup: string
  readonly apiVersion: string
  readonly resourceVersion?: string | undefined
  readonly subresource: string
}

export type ResponseStatus = Partial<Pick<Status, 'status' | 'message' | 'reason' | 'details' | 'code'>>

export function objectRefOf(info: RequestInfo): ObjectRef | undefined {
  if (info.kind === 'path') return undefined
  const { resource, namespace, name, group: apiGroup, version: apiVersion, subresource } = info
  return { resource, namespace, name, apiGroup, apiVersion, subresource }
}

/** One line of the log, with the fields in the order of Kubernetes. Source: apiserver, pkg/apis/audit/v1/types.go. */
export function eventLine(state: EventState, stage: Stage, nowMs: number): string {
  const { level, auditId: auditID, uri: requestURI, verb, user, impersonated, userAgent, objectRef, responseStatus, receivedMs } = state
  const head = {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level,
    auditID,
    stage,
    requestURI,
    verb,
    user: user === undefined ? {} : shownUser(user),
    impersonatedUser: impersonated === undefined ? undefined : shownUser(impersonated),
    sourceIPs: state.sourceIps.length === 0 ? undefined : state.sourceIps,
    userAgent,
    objectRef: objectRef === undefined ? undefined : shownRef(objectRef),
    responseStatus: responseStatus === undefined ? undefined : shownStatus(responseStatus),
  }
  const tail = {
    requestReceivedTimestamp: toMicroTimestamp(receivedMs),
    stageTimestamp: toMicroTimestamp(nowMs),
    annotations: state.annotations === undefined || state.annotations.size === 0 ? undefined : sorted(state.annotations),
  }
  const bodies = `${member('requestObject', state.requestObject)}${member('responseObject', state.responseObject)}`
  return `${JSON.stringify(head).slice(0, -1)}${bodies},${JSON.stringify(tail).slice(1)}\n`
}

function member(name: string, json: string | undefined): string {
  return json === undefined ? '' : `,"${name}":${json}`
}

function shownUser({ name, uid, groups, extra }: UserInfo): object {
  return {
    username: present(name),
    uid: present(uid),
    groups: groups.length === 0 ? undefined : groups,
    extra: extra === undefined || Object.keys(extra).length === 0 ? undefined : extra,
  }
}

function shownRef({ resource, namespace, name, uid, apiGroup, apiVersion, resourceVersion, subresource }: ObjectRef): object {
  return {
    resource: present(resource),
    namespace: present(namespace),
    name: present(name),
    uid: present(uid),
    apiGroup: present(apiGroup),
    apiVersion: present(apiVersion),
    resourceVersion: present(resourceVersion),
    subresource: present(subresource),
  }
}

function shownStatus({ status, message, reason, details, code }: ResponseStatus): object {
  return { metadata: {}, status: present(status), message: present(message), reason: present(reason), details, code }
}

function present<T extends string>(text: T | undefined): T | undefined {
  return text === '' ? undefined : text
}

function sorted(annotations: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  return Object.fromEntries([...annotations].sort(([a], [b]) => (a < b ? -1 : 1)))
}
