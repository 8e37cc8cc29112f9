import type { HTTPGetAction, Lifecycle, LifecycleHandler, Probe } from '../../../../api/types/core-v1.ts'
import { forbidden, invalid, required } from '../../../../meta/field-error.ts'
import { httpHeaderNameProblems } from '../../../../meta/names.ts'
import { checkEnum, checkFormat, checkNonNegative, checkPortOrName, type Problems } from '../../validation/common.ts'

const SCHEMES = ['HTTP', 'HTTPS']

/** `graceSeconds` is the pod's termination grace period. */
export function checkProbe(probe: Probe, at: string, graceSeconds: number, problems: Problems): void {
  checkHandler(probe, at, graceSeconds, problems)
  checkNonNegative(probe.initialDelaySeconds, `${at}.initialDelaySeconds`, problems)
  checkNonNegative(probe.timeoutSeconds, `${at}.timeoutSeconds`, problems)
  checkNonNegative(probe.periodSeconds, `${at}.periodSeconds`, problems)
  checkNonNegative(probe.successThreshold, `${at}.successThreshold`, problems)
  checkNonNegative(probe.failureThreshold, `${at}.failureThreshold`, problems)
  const grace = probe.terminationGracePeriodSeconds
  if (grace !== undefined && grace <= 0) problems.push(invalid(`${at}.terminationGracePeriodSeconds`, grace, 'must be greater than 0'))
}

/** Liveness and startup are decided by one success. */
export function checkSingleSuccess({ successThreshold }: Probe, path: string, problems: Problems): void {
  if (successThreshold !== 1) problems.push(invalid(`${path}.successThreshold`, successThreshold ?? 0, 'must be 1'))
}

/** Not being ready ends nothing, so there is no grace to give. */
export function checkNoGrace({ terminationGracePeriodSeconds: grace }: Probe, path: string, problems: Problems): void {
  if (grace !== undefined) problems.push(invalid(`${path}.terminationGracePeriodSeconds`, grace, 'must not be set for readinessProbes'))
}

export function checkLifecycle({ postStart, preStop }: Lifecycle, path: string, graceSeconds: number, problems: Problems): void {
  if (postStart !== undefined) checkHandler(postStart, `${path}.postStart`, graceSeconds, problems)
  if (preStop !== undefined) checkHandler(preStop, `${path}.preStop`, graceSeconds, problems)
}

type AnyHandler = Pick<Probe, 'exec' | 'httpGet' | 'tcpSocket' | 'grpc'> & Pick<LifecycleHandler, 'sleep'>

function checkHandler(handler: AnyHandler, path: string, graceSeconds: number, problems: Problems): void {
  let count = 0
  /** True for the first handler; a further one is reported and looked at no more. */
  const isFirst = (name: string): boolean => {
    count++
    if (count > 1) problems.push(forbidden(`${path}.${name}`, 'may not specify more than 1 handler type'))
    return count === 1
  }
  const { exec, httpGet, tcpSocket, grpc, sleep } = handler
  if (exec !== undefined && isFirst('exec') && (exec.command?.length ?? 0) === 0) problems.push(required(`${path}.exec.command`))
  if (httpGet !== undefined && isFirst('httpGet')) checkHttpGet(httpGet, `${path}.httpGet`, problems)
  if (tcpSocket !== undefined && isFirst('tcpSocket')) checkPortOrName(tcpSocket.port, `${path}.tcpSocket.port`, problems)
  if (grpc !== undefined && isFirst('grpc')) checkPortOrName(grpc.port, `${path}.grpc.port`, problems)
  if (sleep !== undefined && isFirst('sleep') && (sleep.seconds < 0 || sleep.seconds > graceSeconds))
    problems.push(
      invalid(`${path}.sleep`, sleep.seconds, `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`),
    )
  if (count === 0) problems.push(required(path, 'must specify a handler type'))
}

function checkHttpGet(get: HTTPGetAction, path: string, problems: Problems): void {
  if ((get.path ?? '') === '') problems.push(required(`${path}.path`))
  checkPortOrName(get.port, `${path}.port`, problems)
  checkEnum(get.scheme ?? '', `${path}.scheme`, SCHEMES, problems)
  for (const { name } of get.httpHeaders ?? []) checkFormat(name, `${path}.httpHeaders`, httpHeaderNameProblems, problems)
}
