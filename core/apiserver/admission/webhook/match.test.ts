import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Write, writeOf } from '../../../../tests/helpers/admission.ts'
import { FakeReader } from '../../../../tests/helpers/object-reader.ts'
import type { RuleWithOperations } from '../../../api/types/admissionregistration-v1.ts'
import type { ResourceDef } from '../../resources/resource-def.ts'
import { NAMESPACES } from '../target.ts'
import type { Hook } from './hook.ts'
import { isExempt, matchHook } from './match.ts'
import { buildReview, readResponse, refusal } from './review.ts'
import { serviceAddress } from './service-address.ts'

const rule = (more: Partial<RuleWithOperations> = {}): RuleWithOperations => ({
  operations: ['*'],
  apiGroups: [''],
  apiVersions: ['v1'],
  resources: ['pods'],
  ...more,
})
const hook = (more: Partial<Hook> = {}): Hook => ({
  id: 'c/h/0',
  name: 'h.example.com',
  clientConfig: { url: 'https://x' },
  rules: [rule()],
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
  ...more,
})
const pod = { metadata: { name: 'web', namespace: 'default', labels: { app: 'web' } } }

describe('webhook rules', () => {
  const reader = new FakeReader()
  reader.put(NAMESPACES, { metadata: { name: 'default', labels: { team: 'a' } } } as never)
  const matches = (subject: Hook, write: Write, equivalents: readonly ResourceDef[] = []): boolean =>
    matchHook(subject, writeOf(write), {
      reader,
      authorizer: { authorize: () => ({ allowed: true, reason: '' }) },
      equivalents: () => equivalents,
    }) !== undefined

  for (const { title, rules, write, want } of [
    { title: 'the resource itself', rules: rule(), write: { object: pod }, want: true },
    { title: 'not its subresource', rules: rule(), write: { object: pod, subresource: 'status' }, want: false },
    {
      title: 'a subresource by name',
      rules: rule({ resources: ['pods/status'] }),
      write: { object: pod, subresource: 'status' },
      want: true,
    },
    { title: 'all subresources', rules: rule({ resources: ['pods/*'] }), write: { object: pod, subresource: 'exec' }, want: true },
    { title: 'a star without subresources', rules: rule({ resources: ['*'] }), write: { object: pod, subresource: 'status' }, want: false },
    { title: 'a subresource of all', rules: rule({ resources: ['*/status'] }), write: { object: pod, subresource: 'status' }, want: true },
    { title: 'an operation', rules: rule({ operations: ['UPDATE'] }), write: { object: pod }, want: false },
    { title: 'a group', rules: rule({ apiGroups: ['apps'] }), write: { object: pod }, want: false },
    { title: 'a scope', rules: rule({ scope: 'Cluster' }), write: { object: pod }, want: false },
    {
      title: 'a cluster-scoped object',
      rules: rule({ scope: 'Cluster', resources: ['nodes'] }),
      write: { resource: 'nodes', object: pod },
      want: true,
    },
  ]) {
    it(`match ${title}: ${want}`, () => {
      assert.equal(matches(hook({ rules: [rules] }), write), want)
    })
  }

  it('look at the labels of namespace, new and old object', () => {
    const namespaceSelector = (team: string): Hook => hook({ namespaceSelector: { matchLabels: { team } } })
    assert.equal(matches(namespaceSelector('a'), { object: pod }), true)
    assert.equal(matches(namespaceSelector('b'), { object: pod }), false)
    const objectSelector = hook({ objectSelector: { matchLabels: { app: 'web' } } })
    const bare = { metadata: { name: 'web' } }
    assert.equal(matches(objectSelector, { object: bare }), false)
    assert.equal(matches(objectSelector, { object: bare, oldObject: pod }), true)
    assert.throws(() => matches(namespaceSelector('a'), { object: pod, namespace: 'gone' }), { code: 404 })
  })

  it('match other versions unless told not to', () => {
    const other = { group: '', version: 'v2', resource: 'pods', kind: 'Pod' } as ResourceDef
    const rules = [rule({ apiVersions: ['v2'] })]
    assert.equal(matches(hook({ rules }), { object: pod }, [other]), true)
    assert.equal(matches(hook({ rules, matchPolicy: 'Exact' }), { object: pod }, [other]), false)
  })

  it('never concern webhook configurations', () => {
    assert.equal(isExempt(writeOf({ group: 'admissionregistration.k8s.io', resource: 'mutatingwebhookconfigurations', object: pod })), true)
  })
})

describe('admission reviews', () => {
  it('say what is asked', () => {
    const attributes = writeOf({ object: pod, dryRun: true })
    const { apiVersion, request } = buildReview(hook({ admissionReviewVersions: ['v2', 'v1'] }), attributes, { def: attributes.def })
    assert.equal(apiVersion, 'admission.k8s.io/v1')
    assert.match(request.uid, /^[0-9a-f-]{36}$/)
    assert.deepEqual(
      { ...request, uid: '' },
      {
        uid: '',
        kind: { group: '', version: 'v1', kind: 'Pod' },
        resource: { group: '', version: 'v1', resource: 'pods' },
        requestKind: { group: '', version: 'v1', kind: 'Pod' },
        requestResource: { group: '', version: 'v1', resource: 'pods' },
        name: 'web',
        namespace: 'default',
        operation: 'CREATE',
        userInfo: { username: 'jane', groups: ['system:authenticated'] },
        object: { ...pod, apiVersion: 'v1', kind: 'Pod' },
        oldObject: null,
        dryRun: true,
        options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
      },
    )
    assert.throws(
      () => buildReview(hook({ admissionReviewVersions: ['v2'] }), attributes, { def: attributes.def }),
      /known AdmissionReview versions/,
    )
  })

  it('are answered to the point', () => {
    const attributes = writeOf({ object: pod })
    const review = buildReview(hook(), attributes, { def: attributes.def })
    const { uid } = review.request
    const answer = (response: object, more: object = {}): unknown => ({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response,
      ...more,
    })
    assert.equal(readResponse(answer({ uid, allowed: true }), review).allowed, true)
    assert.throws(() => readResponse(answer({ uid: 'x', allowed: true }), review), /expected response.uid=/)
    assert.throws(() => readResponse(answer({ uid, allowed: true, patch: 'W10=' }), review), /response.patch but not response.patchType/)
    assert.throws(
      () => readResponse(answer({ uid, allowed: true, patch: 'W10=', patchType: 'Merge' }), review),
      /unsupported webhook response.patchType/,
    )
    assert.throws(
      () => readResponse(answer({ uid, allowed: true }, { kind: 'X' }), review),
      /expected webhook response of admission.k8s.io\/v1, Kind=AdmissionReview/,
    )
    assert.throws(() => readResponse(null, review), /Kind=AdmissionReview, got , Kind=/)
    assert.throws(() => readResponse(answer({}, { response: null }), review), /response was absent/)
    for (const [path, wrong] of [
      ['allowed', { allowed: 'yes' }],
      ['patch', { patch: 5, patchType: 'JSONPatch' }],
      ['warnings', { warnings: [{}] }],
      ['status', { status: 'no' }],
      ['status.code', { status: { code: 'x' } }],
      ['status.message', { status: { message: {} } }],
    ] as const)
      assert.throws(
        () => readResponse(answer({ uid, allowed: true, ...wrong }), review),
        new RegExp(`response.${path} is of the wrong type`),
      )
  })

  it('refuse with their own code and words', () => {
    const name = 'admission webhook "h.example.com" denied the request'
    assert.deepEqual(
      [refusal(hook(), { message: 'no', code: 403, reason: 'Forbidden' } as never)].map(({ message, code, reason }) => ({
        message,
        code,
        reason,
      })),
      [{ message: `${name}: no`, code: 403, reason: 'Forbidden' }],
    )
    assert.deepEqual(
      [refusal(hook(), undefined)].map(({ message, code }) => ({ message, code })),
      [{ message: `${name} without explanation`, code: 400 }],
    )
    assert.equal(refusal(hook(), { message: 'x', code: 200 } as never).code, 400)
    assert.equal(refusal(hook(), { message: 'x', code: 70_000 } as never).code, 599)
  })
})

describe('addresses of a service', () => {
  it('are ready endpoints of the port', () => {
    const reader = new FakeReader()
    const find = (port = 443): string => {
      const { host, port: found } = serviceAddress(reader, 'ns', 'svc', port)
      return `${host}:${found}`
    }
    assert.throws(() => find(), { message: 'service "svc" not found' })
    reader.put({ group: '', resource: 'services' }, {
      metadata: { name: 'svc', namespace: 'ns' },
      spec: { ports: [{ name: 'https', port: 443 }] },
    } as never)
    assert.throws(() => find(), { message: 'no endpoints available for service "svc"' })
    assert.throws(() => find(80), { message: 'no service port 80 found for service "svc"' })
    const endpoint = (address: string, ready: boolean): object => ({ addresses: [address], conditions: { ready } })
    reader.put({ group: 'discovery.k8s.io', resource: 'endpointslices' }, {
      metadata: { name: 'svc-x', namespace: 'ns', labels: { 'kubernetes.io/service-name': 'svc' } },
      ports: [
        { name: 'http', port: 80 },
        { name: 'https', port: 8443 },
      ],
      endpoints: [endpoint('10.0.0.1', false), endpoint('10.0.0.2', true)],
    } as never)
    assert.equal(find(), '10.0.0.2:8443')
  })
})
