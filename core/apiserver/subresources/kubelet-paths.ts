import type { Pod } from '../../api/types/core-v1.ts'
import { type FieldError, invalid, required } from '../../meta/field-error.ts'
import { badRequest, invalidObject } from '../errors.ts'
import { isTrue } from '../request-info.ts'
import { containerOf } from './pod-container.ts'

/**
 * Requests about pods as the kubelet knows them: path and query of its own API. Pure. Source: kubernetes,
 * registry/core/pod/strategy.go (LogLocation, streamLocation, PortForwardLocation).
 */
export function logPath(pod: Pod, query: URLSearchParams): string {
  rejectLogOptions(query)
  const container = containerOf(pod, query.get('container') ?? '')
  const params = new URLSearchParams()
  for (const flag of ['follow', 'previous', 'timestamps']) if (isTrue(query.get(flag))) params.set(flag, 'true')
  for (const name of ['sinceSeconds', 'sinceTime', 'tailLines', 'limitBytes', 'stream']) {
    const value = query.get(name)
    if (value !== null && value !== '') params.set(name, value)
  }
  return withQuery(podPath('containerLogs', pod, container), params)
}

/** Throws StatusError Invalid without a command, BadRequest for a container that cannot be meant. */
export function execPath(pod: Pod, query: URLSearchParams): string {
  const command = query.getAll('command')
  if (command.length === 0) throw invalidObject({ group: '', kind: 'PodExecOptions' }, pod.metadata.name, [required('command')])
  const params = streamParams(query)
  for (const part of command) params.append('command', part)
  return withQuery(podPath('exec', pod, containerOf(pod, query.get('container') ?? '')), params)
}

/** Throws StatusError BadRequest for a container that cannot be meant. */
export function attachPath(pod: Pod, query: URLSearchParams): string {
  return withQuery(podPath('attach', pod, containerOf(pod, query.get('container') ?? '')), streamParams(query))
}

/** SPDY names its ports in each stream; only WebSocket requests have them in the query. */
export function portForwardPath(pod: Pod, query: URLSearchParams): string {
  const params = new URLSearchParams()
  const ports = query.getAll('ports').flatMap((text) => text.split(','))
  if (ports.length > 0) params.set('port', ports.join(','))
  return withQuery(podPath('portForward', pod), params)
}

const STREAMS: readonly (readonly [ours: string, kubelets: string])[] = [
  ['stdin', 'input'],
  ['stdout', 'output'],
  ['stderr', 'error'],
  ['tty', 'tty'],
]

function streamParams(query: URLSearchParams): URLSearchParams {
  const params = new URLSearchParams()
  for (const [ours, kubelets] of STREAMS) if (isTrue(query.get(ours))) params.set(kubelets, '1')
  if (!['input', 'output', 'error'].some((name) => params.has(name)))
    throw badRequest('you must specify at least 1 of stdin, stdout, stderr')
  return params
}

function podPath(kind: string, { metadata }: Pod, container?: string): string {
  const parts = [kind, metadata.namespace ?? '', metadata.name, ...(container === undefined ? [] : [container])]
  return `/${parts.map(encodeURIComponent).join('/')}`
}

function withQuery(path: string, params: URLSearchParams): string {
  return params.size === 0 ? path : `${path}?${params.toString()}`
}

/** Throws StatusError Invalid. Source: kubernetes, ValidatePodLogOptions. */
function rejectLogOptions(query: URLSearchParams): void {
  const problems: FieldError[] = []
  const number = (name: string): number | undefined => {
    const text = query.get(name)
    if (text === null || text === '') return undefined
    if (!/^-?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`)
    return Number(text)
  }
  const lines = number('tailLines')
  if (lines !== undefined && lines < 0) problems.push(invalid('tailLines', lines, 'must be greater than or equal to 0'))
  const bytes = number('limitBytes')
  if (bytes !== undefined && bytes < 1) problems.push(invalid('limitBytes', bytes, 'must be greater than 0'))
  const seconds = number('sinceSeconds')
  const time = query.get('sinceTime') ?? ''
  if (seconds !== undefined && time !== '')
    problems.push({
      reason: 'FieldValueForbidden',
      field: '',
      message: 'Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified',
    })
  else if (seconds !== undefined && seconds < 1) problems.push(invalid('sinceSeconds', seconds, 'must be greater than 0'))
  if (time !== '' && Number.isNaN(Date.parse(time)))
    throw badRequest(`parsing time ${JSON.stringify(time)} as "2006-01-02T15:04:05Z07:00": cannot parse`)
  if (problems.length > 0) throw invalidObject({ group: '', kind: 'PodLogOptions' }, '', problems)
}
