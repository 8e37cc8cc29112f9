import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { systemClock } from '../../runtime/clock.ts'
import type { ApiRequest, ApiResponse } from '../request.ts'
import { requestInfo } from '../request-info.ts'
import { createAuditor } from './auditor.ts'
import { requestUri, sourceIps, userAgentOf } from './origin.ts'
import { readAuditPolicy } from './policy.ts'
import type { AuditTrail } from './trail.ts'

const RECEIVED = Date.UTC(2026, 10, 21, 12, 0, 0, 7)
const NOW = RECEIVED + 5
const clock = { ...systemClock, now: () => NOW }

interface Run {
  readonly events: Record<string, unknown>[]
  readonly lines: string[]
  readonly request: ApiRequest
  readonly trail: AuditTrail
}

function run(
  level: string,
  method: string,
  url: string,
  more: Partial<ApiRequest> & { readonly policy?: object; readonly isLong?: boolean } = {},
): Run {
  const lines: string[] = []
  const events: Record<string, unknown>[] = []
  const sink = {
    room: undefined,
    write(line: string) {
      lines.push(line)
      events.push(JSON.parse(line) as Record<string, unknown>)
    },
  }
  const policy = readAuditPolicy({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level }], ...more.policy })
  const [path = '', search = ''] = url.split('?')
  const request: ApiRequest = {
    method,
    path,
    search,
    query: new URLSearchParams(search),
    headers: { 'user-agent': 'test/1.0', authorization: 'Bearer top-secret' },
    body: () => Promise.resolve(new Uint8Array()),
    user: { name: 'jane', uid: '7', groups: ['devs'], extra: { scopes: ['a'] } },
    remoteAddress: '192.0.2.7',
    signal: new AbortController().signal,
    ...more,
  }
  const auditor = createAuditor({ policy, sink, clock })
  const trail = auditor.begin(request, requestInfo(method, path, request.query), {
    auditId: 'id-1',
    nowMs: RECEIVED,
    isLong: more.isLong ?? false,
  })
  assert.ok(trail)
  return { events, lines, request, trail }
}

const json = (status: number, value: object): ApiResponse => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: Buffer.from(`${JSON.stringify(value)}\n`),
})
const PODS = '/api/v1/namespaces/default/pods'
const POD = { kind: 'Pod', apiVersion: 'v1', metadata: { name: 'a', uid: 'u', resourceVersion: '5', managedFields: [{ manager: 'm' }] } }

describe('audit events', () => {
  it('have the fields and the order of Kubernetes', () => {
    const { lines, request, trail } = run('Metadata', 'GET', `${PODS}/a?limit=1`)
    trail.decided({ allowed: true, reason: 'RBAC: allowed' })
    trail.actsAs({ name: 'joe', groups: [] })
    trail.answered(request, json(200, POD))
    const start =
      '{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"id-1","stage":"RequestReceived",' +
      '"requestURI":"/api/v1/namespaces/default/pods/a?limit=1","verb":"get",' +
      '"user":{"username":"jane","uid":"7","groups":["devs"],"extra":{"scopes":["a"]}},'
    const origin =
      '"sourceIPs":["192.0.2.7"],"userAgent":"test/1.0","objectRef":{"resource":"pods","namespace":"default","name":"a","apiVersion":"v1"},'
    const received = '"requestReceivedTimestamp":"2026-11-21T12:00:00.007000Z",'
    assert.deepEqual(lines, [
      `${start}${origin}${received}"stageTimestamp":"2026-11-21T12:00:00.007000Z"}\n`,
      `${start.replace('RequestReceived', 'ResponseComplete')}"impersonatedUser":{"username":"joe"},${origin}` +
        `"responseStatus":{"metadata":{},"code":200},${received}"stageTimestamp":"2026-11-21T12:00:00.012000Z",` +
        '"annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":"RBAC: allowed"}}\n',
    ])
  })

  it('show bodies at their level only, and managers when they are wanted', async () => {
    for (const [level, hasRequest, hasResponse] of [
      ['Metadata', false, false],
      ['Request', true, false],
      ['RequestResponse', true, true],
    ] as const) {
      for (const omitManagedFields of [false, true]) {
        const { events, request, trail } = run(level, 'PUT', `${PODS}/a`, { policy: { omitManagedFields } })
        trail.sentObject(POD as never)
        trail.answered(request, json(200, POD))
        const event = events[1] as Readonly<
          Record<string, { readonly uid?: string; readonly metadata?: { readonly managedFields?: unknown } }>
        >
        assert.equal(event['objectRef']?.uid, 'u')
        assert.deepEqual([event['requestObject'] !== undefined, event['responseObject'] !== undefined], [hasRequest, hasResponse], level)
        if (hasRequest) assert.equal(event['requestObject']?.metadata?.managedFields === undefined, omitManagedFields)
        if (hasResponse) assert.equal(event['responseObject']?.metadata?.managedFields === undefined, omitManagedFields)
      }
    }
    await Promise.resolve()
  })

  it('show a patch as it came, and nothing of what cannot be read', () => {
    for (const [text, contentType, expected] of [
      ['{"spec":{"replicas":2}}', 'application/merge-patch+json', { spec: { replicas: 2 } }],
      ['[{"op":"remove","path":"/a"}]', 'application/json-patch+json', [{ op: 'remove', path: '/a' }]],
      ['kind: Pod\nspec: {}\n', 'application/apply-patch+yaml', { kind: 'Pod', spec: {} }],
      ['{"broken', 'application/json', undefined],
      ['{"kind":"Pod"},"stage":"Forged","x":{"a":1}', 'application/json', undefined],
      ['{"kind":"Pod",\n"spec":{}}', 'application/json', { kind: 'Pod', spec: {} }],
      [`${'['.repeat(200_000)}${']'.repeat(200_000)}`, 'application/json-patch+json', undefined],
      ['plain', 'text/plain', undefined],
    ] as const) {
      const { events, request, trail } = run('Request', 'PATCH', `${PODS}/a`)
      trail.sentBody(Buffer.from(text), contentType)
      trail.answered(request, json(200, POD))
      assert.deepEqual([events.length, events[1]?.['stage']], [2, 'ResponseComplete'])
      assert.deepEqual(events[1]?.['requestObject'], expected)
    }
  })

  it('tell the Status of a failure and of a deletion', () => {
    const gone = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'no',
      reason: 'NotFound',
      details: { name: 'a' },
      code: 404,
    }
    const { events, request, trail } = run('Metadata', 'GET', `${PODS}/a`)
    trail.answered(request, json(404, gone))
    assert.deepEqual(events[1]?.['responseStatus'], {
      metadata: {},
      status: 'Failure',
      message: 'no',
      reason: 'NotFound',
      details: { name: 'a' },
      code: 404,
    })
    const other = run('Metadata', 'DELETE', '/api/v1/nodes/a')
    other.trail.answered(other.request, json(200, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' }))
    assert.deepEqual(other.events[1]?.['responseStatus'], { metadata: {}, status: 'Success', code: 200 })
  })

  it('follow a stream to its end', async () => {
    const { events, request, trail } = run('RequestResponse', 'GET', `${PODS}?watch=1`, { isLong: true })
    async function* body(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from('{}\n'))
    }
    const answer = trail.answered(request, { status: 200, headers: { 'content-type': 'application/json' }, body: body() })
    const stages = (): unknown[] => events.map(({ stage }) => stage)
    assert.deepEqual(stages(), ['RequestReceived', 'ResponseStarted'])
    for await (const chunk of answer.body as AsyncIterable<Uint8Array>) assert.equal(chunk.length, 3)
    assert.deepEqual(stages(), ['RequestReceived', 'ResponseStarted', 'ResponseComplete'])
    assert.equal(events[2]?.['responseObject'], undefined)
  })

  it('follow a tunnel until the client goes, and once', () => {
    const life = new AbortController()
    const upgrade = {} as NonNullable<ApiRequest['upgrade']>
    const { events, request, trail } = run('Metadata', 'GET', `${PODS}/a/exec?command=id`, { isLong: true, signal: life.signal, upgrade })
    trail.answered(request, { status: 101, headers: {} })
    assert.deepEqual(events.at(-1)?.['responseStatus'], { metadata: {}, code: 101 })
    life.abort()
    assert.deepEqual(
      events.map(({ stage }) => stage),
      ['RequestReceived', 'ResponseStarted', 'ResponseComplete'],
    )
  })

  it('leave stages out, and tell a fault of the server as a panic', () => {
    const { events, request, trail } = run('Metadata', 'GET', PODS, { policy: { omitStages: ['RequestReceived'] } })
    trail.failed('oh')
    trail.answered(request, json(500, { kind: 'Status' }))
    assert.deepEqual(
      events.map(({ stage, responseStatus }) => [stage, (responseStatus as { readonly message?: string }).message]),
      [['Panic', "APIServer panic'd: oh"]],
    )
  })

  it('keep the first value of an annotation', () => {
    const { events, request, trail } = run('Metadata', 'GET', PODS)
    trail.annotate('b', '1')
    trail.annotate('b', '2')
    trail.annotate('a', '3')
    trail.answered(request, json(200, POD))
    assert.equal(JSON.stringify(events[1]?.['annotations']), '{"a":"3","b":"1"}')
  })
})

describe('the origin of a request', () => {
  it('is the chain of proxies and the peer', () => {
    const headers = { 'x-forwarded-for': '192.0.2.1, unknown, 2001:db8::1', 'x-real-ip': '192.0.2.1' }
    assert.deepEqual(sourceIps({ headers, remoteAddress: '::ffff:10.0.0.1' }), ['192.0.2.1', '2001:db8::1', '10.0.0.1'])
    assert.deepEqual(sourceIps({ headers: { 'x-real-ip': '192.0.2.9' }, remoteAddress: '192.0.2.9' }), ['192.0.2.9'])
    assert.deepEqual(sourceIps({ headers: {} }), ['127.0.0.1'])
  })

  it('shows no credentials of the query', () => {
    const shown = (search: string): string => requestUri({ path: '/p', search, query: new URLSearchParams(search) })
    assert.equal(shown('a=1&token=secret&b=%2F'), '/p?a=1&token=REDACTED&b=%2F')
    assert.equal(shown('%74oken=secret&access_token=x'), '/p?%74oken=REDACTED&access_token=REDACTED')
    assert.equal(shown(''), '/p')
  })

  it('cuts a long user agent', () => {
    assert.equal(userAgentOf({ headers: { 'user-agent': 'x'.repeat(2000) } })?.length, 1024 + '...TRUNCATED'.length)
  })
})
