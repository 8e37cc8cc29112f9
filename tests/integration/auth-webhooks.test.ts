import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import type { AdmissionAttributes, AdmissionPlugin } from '../../core/apiserver/admission/admission.ts'
import { defaultTolerationSeconds } from '../../core/apiserver/admission/default-toleration-seconds.ts'
import { NAMESPACES } from '../../core/apiserver/admission/target.ts'
import { createWebhookClient, type WebhookClient } from '../../core/apiserver/admission/webhook/client.ts'
import { mutatingAdmissionWebhook } from '../../core/apiserver/admission/webhook/mutating.ts'
import { validatingAdmissionWebhook } from '../../core/apiserver/admission/webhook/validating.ts'
import { RESOURCES } from '../../core/apiserver/resources/index.ts'
import { silentLogger } from '../../core/observability/log.ts'
import { altNamesOf } from '../../core/pki/alt-names.ts'
import { createAuthority, issue } from '../../core/pki/authority.ts'
import { writeOf } from '../helpers/admission.ts'
import { FakeReader } from '../helpers/object-reader.ts'

type Request = {
  uid: string
  object: { metadata: { annotations?: Record<string, string>; labels?: Record<string, string> } }
  dryRun: boolean
}
type Answer = (request: Request, path: string) => object | Promise<object>

const authority = createAuthority('hooks-ca', Date.now())
const caBundle = Buffer.from(authority.certificatePem).toString('base64')

describe('admission webhooks over real TLS', () => {
  let server: Server
  let port = 0
  let answer: Answer = () => ({ allowed: true })
  let paths: string[] = []
  before(async () => {
    const altNames = altNamesOf(['hooks.tools.svc', '127.0.0.1'])
    const leaf = issue(authority, { subject: { commonName: 'hooks', organizations: [] }, usages: ['serverAuth'], altNames }, Date.now())
    server = createServer({ cert: leaf.certificatePem, key: leaf.keyPem }, (req, res) => {
      const chunks: Buffer[] = []
      req.on('data', (chunk: Buffer) => chunks.push(chunk))
      req.on('end', () => {
        paths.push(req.url ?? '')
        const { request } = JSON.parse(Buffer.concat(chunks).toString()) as { request: Request }
        void Promise.resolve(answer(request, req.url ?? '')).then((response) => {
          res.setHeader('content-type', 'application/json')
          res.end(
            JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid: request.uid, ...response } }),
          )
        })
      })
    })
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    port = (server.address() as AddressInfo).port
  })
  after(() => {
    server.closeAllConnections()
    server.close()
  })

  let reader = new FakeReader()
  let client: WebhookClient
  beforeEach(() => {
    reader = new FakeReader()
    client = createWebhookClient(reader)
    paths = []
    answer = () => ({ allowed: true })
    reader.put(NAMESPACES, { metadata: { name: 'default' } })
    reader.put({ group: '', resource: 'services' }, {
      metadata: { name: 'hooks', namespace: 'tools' },
      spec: { ports: [{ port: 443 }] },
    } as never)
    reader.put({ group: 'discovery.k8s.io', resource: 'endpointslices' }, {
      metadata: { name: 'hooks-1', namespace: 'tools', labels: { 'kubernetes.io/service-name': 'hooks' } },
      ports: [{ port }],
      endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
    } as never)
  })
  afterEach(async () => {
    await client[Symbol.asyncDispose]()
  })

  const service = (path: string): object => ({ service: { namespace: 'tools', name: 'hooks', path }, caBundle })
  const configure = (kind: 'mutating' | 'validating', ...hooks: object[]): void => {
    const webhooks = hooks.map((hook, index) => ({
      name: `h${index}.example.com`,
      rules: [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*'] }],
      clientConfig: service(`/h${index}`),
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
      failurePolicy: 'Fail',
      timeoutSeconds: 5,
      ...hook,
    }))
    reader.put({ group: 'admissionregistration.k8s.io', resource: `${kind}webhookconfigurations` }, {
      metadata: { name: 'c' },
      webhooks,
    } as never)
  }
  const def = RESOURCES.find(({ group, resource }) => group === '' && resource === 'pods')
  assert.ok(def)
  const write = (warnings: string[] = [], more: object = {}): AdmissionAttributes => {
    const object = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web', namespace: 'default' },
      spec: { containers: [{ name: 'a', image: 'x' }] },
    }
    return { ...writeOf({ object, warnings, ...more }), def }
  }
  const plugins = (builtIn: readonly AdmissionPlugin[] = []): { mutating: AdmissionPlugin; validating: AdmissionPlugin } => {
    const deps = {
      reader,
      authorizer: { authorize: () => ({ allowed: true, reason: '' }) },
      client,
      log: silentLogger,
      equivalents: () => [],
    }
    return { mutating: mutatingAdmissionWebhook({ ...deps, builtIn }), validating: validatingAdmissionWebhook(deps) }
  }
  const patch = (...operations: object[]): object => ({
    allowed: true,
    patchType: 'JSONPatch',
    patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
  })

  it('change the object, which is normalised and defaulted again', async () => {
    configure('mutating', {})
    answer = () => patch({ op: 'add', path: '/spec/nodeSelector', value: { a: 'b' } }, { op: 'add', path: '/spec/bogus', value: 1 })
    const attributes = write()
    const { object } = attributes
    await plugins().mutating.admit?.(attributes)
    assert.equal(attributes.object, object)
    const { spec } = object as unknown as { spec: Record<string, unknown> }
    assert.deepEqual(spec['nodeSelector'], { a: 'b' })
    assert.equal('bogus' in spec, false)
    assert.equal(spec['restartPolicy'], 'Always')
    assert.deepEqual(paths, ['/h0?timeout=5s'])
  })

  it('are asked again when the object changed after them', async () => {
    configure('mutating', { reinvocationPolicy: 'IfNeeded' }, {})
    answer = (_request, path) =>
      path.startsWith('/h1') ? patch({ op: 'add', path: '/metadata/labels', value: { x: 'y' } }) : { allowed: true }
    const attributes = write()
    await plugins([defaultTolerationSeconds]).mutating.admit?.(attributes)
    assert.deepEqual(
      paths.map((path) => path.slice(0, 3)),
      ['/h0', '/h1', '/h0'],
    )
    const { spec } = attributes.object as unknown as { spec: { tolerations: object[] } }
    assert.equal(spec.tolerations.length, 2, 'built-in plugins ran again')
  })

  it('refuse in their own words, and warn', async () => {
    configure('validating', {}, {})
    const warnings: string[] = []
    answer = (_request, path) =>
      path.startsWith('/h1')
        ? { allowed: false, status: { code: 403, message: 'not on Fridays', reason: 'Forbidden' } }
        : { allowed: true, warnings: ['careful'], auditAnnotations: { seen: 'yes' } }
    const told: string[] = []
    const annotate = (key: string, value: string): void => void told.push(`${key}=${value}`)
    await assert.rejects(async () => plugins().validating.validate?.({ ...write(warnings), annotate }), {
      code: 403,
      message: 'admission webhook "h1.example.com" denied the request: not on Fridays',
    })
    assert.deepEqual(warnings, ['careful'])
    assert.deepEqual(told, ['h0.example.com/seen=yes'])
  })

  it('that fail stop the write, or are passed over, as their policy says', async () => {
    configure('validating', {
      clientConfig: { ...service('/'), caBundle: Buffer.from(createAuthority('other', Date.now()).certificatePem).toString('base64') },
    })
    await assert.rejects(async () => plugins().validating.validate?.(write()), {
      code: 500,
      message:
        /^Internal error occurred: failed calling webhook "h0.example.com": failed to call webhook: Post "https:\/\/hooks.tools.svc\/\?timeout=5s": .*certificate/,
    })
    configure('validating', { clientConfig: { url: 'https://127.0.0.1:1/', caBundle }, failurePolicy: 'Ignore' })
    await plugins().validating.validate?.(write())
    assert.deepEqual(paths, [])
  })

  it('that take too long count as failed', async () => {
    configure('validating', { timeoutSeconds: 1 })
    answer = async () => new Promise((resolve) => setTimeout(resolve, 3_000, { allowed: true }).unref())
    await assert.rejects(async () => plugins().validating.validate?.(write()), /context deadline exceeded/)
  })

  it('with side effects stay out of dry runs', async () => {
    configure('validating', { sideEffects: 'Some' })
    await assert.rejects(async () => plugins().validating.validate?.(write([], { dryRun: true })), {
      code: 400,
      message: 'admission webhook "h0.example.com" does not support dry run',
    })
  })

  it('with conditions are asked when all hold; a condition that fails counts as the failure policy says', async () => {
    const conditions = (...expressions: string[]): object => ({
      matchConditions: expressions.map((expression, index) => ({ name: `c${index}`, expression })),
    })
    configure('validating', conditions("object.metadata.name == 'web'", "request.operation == 'CREATE'"))
    await plugins().validating.validate?.(write())
    assert.equal(paths.length, 1)
    configure('validating', conditions('object.nothing == 1', 'false'))
    await plugins().validating.validate?.(write())
    assert.equal(paths.length, 1)
    configure('validating', conditions('object.nothing == 1'))
    await assert.rejects(async () => plugins().validating.validate?.(write()), {
      code: 403,
      message: 'pods "web" is forbidden: failed to evaluate match condition "c0": no such key: nothing',
    })
    configure('validating', { ...conditions('object.nothing == 1'), failurePolicy: 'Ignore' })
    await plugins().validating.validate?.(write())
    assert.equal(paths.length, 1)
  })

  it('with a patch that does not fit leave the object as it was', async () => {
    configure('mutating', {})
    answer = () => patch({ op: 'replace', path: '/spec/absent/field', value: 1 })
    const attributes = write()
    const before = structuredClone(attributes.object)
    await assert.rejects(async () => plugins().mutating.admit?.(attributes), { code: 500, message: /the patch cannot be applied/ })
    assert.deepEqual(attributes.object, before)
  })
})
