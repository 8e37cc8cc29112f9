import type { Policy } from '../../api/types/audit-v1.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { UserInfo } from '../auth/auth.ts'
import type { ApiRequest } from '../request.ts'
import type { RequestInfo } from '../request-info.ts'
import { attempted } from './attempted.ts'
import { type EventState, eventLine, objectRefOf } from './event.ts'
import { type AuditRule, auditRules } from './match.ts'
import { requestUri, sourceIps, userAgentOf } from './origin.ts'
import type { Level, Stage } from './policy.ts'
import { AuditTrail } from './trail.ts'

/** Where the lines go. */
export interface AuditSink {
  /** Never throws and never waits. */
  write(line: string): void
  /** While the log cannot take more: settles when it can. Requests wait for it, so that none goes unrecorded. */
  readonly room: Promise<void> | undefined
}

export interface Auditor {
  /** The record of a request from its start; undefined when the policy wants nothing of it. */
  begin(request: ApiRequest, info: RequestInfo, start: AuditStart): AuditTrail | undefined
  /** A request that was answered with 401. */
  unauthenticated(request: ApiRequest, info: RequestInfo, start: AuditStart): void
  readonly sink: AuditSink
  /** Prometheus text. */
  metrics(): string
}

export interface AuditStart {
  readonly auditId: string
  readonly nowMs: number
  /** Watches and streams tell when their answer begins. */
  readonly isLong: boolean
}

const NOBODY: UserInfo = { name: '', groups: [] }

/** Records requests as the policy says. Source: apiserver, endpoints/filters/audit.go. */
export function createAuditor({
  policy,
  sink,
  clock,
}: {
  readonly policy: Policy
  readonly sink: AuditSink
  readonly clock: Clock
}): Auditor {
  const ruleFor = auditRules(policy)
  let events = 0
  const levels = new Map<Level, number>()
  const emitter = (rule: AuditRule) => (state: EventState, stage: Stage, nowMs: number) => {
    if (rule.omitStages.has(stage)) return
    events += 1
    sink.write(eventLine(state, stage, nowMs))
  }
  const decide = (user: UserInfo, info: RequestInfo): AuditRule | undefined => {
    const rule = ruleFor(user, info)
    levels.set(rule.level, (levels.get(rule.level) ?? 0) + 1)
    return rule.level === 'None' ? undefined : rule
  }
  return {
    sink,
    begin(request, info, start) {
      const rule = decide(request.user, info)
      if (rule === undefined) return undefined
      const state = { ...startOf(request, info, start, rule), user: request.user }
      return new AuditTrail(state, rule, { emit: emitter(rule), clock, isLong: start.isLong })
    },
    unauthenticated(request, info, start) {
      const rule = decide(NOBODY, info)
      if (rule === undefined) return
      const message = attempted(request.headers)
      const state = {
        ...startOf(request, info, start, rule),
        responseStatus: { status: 'Failure', message, reason: 'Unauthorized', code: 401 },
      }
      emitter(rule)(state as EventState, 'ResponseStarted', clock.now())
    },
    metrics: () =>
      [
        '# HELP apiserver_audit_event_total Audit events generated.',
        '# TYPE apiserver_audit_event_total counter',
        `apiserver_audit_event_total ${events}`,
        '# HELP apiserver_audit_level_total Requests by the level at which they are audited.',
        '# TYPE apiserver_audit_level_total counter',
        ...[...levels].map(([level, count]) => `apiserver_audit_level_total{level="${level}"} ${count}`),
        '',
      ].join('\n'),
  }
}

function startOf(request: ApiRequest, info: RequestInfo, { auditId, nowMs }: AuditStart, { level }: AuditRule): EventState {
  return {
    level,
    auditId,
    uri: requestUri(request),
    verb: info.verb,
    sourceIps: sourceIps(request),
    userAgent: userAgentOf(request),
    objectRef: objectRefOf(info),
    receivedMs: nowMs,
  }
}
