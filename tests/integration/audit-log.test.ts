import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { type AuditLog, openAuditLog } from '../../core/cli/audit-log.ts'
import { type AuditArgs, apiServerArgs } from '../../core/config/component-args.ts'
import { silentLogger } from '../../core/observability/log.ts'
import { systemClock } from '../../core/runtime/clock.ts'
import { RotatingFile } from '../../core/runtime/rotating-file.ts'
import { startTestApiServer, type TestApiServer } from '../helpers/api-server.ts'
import { callsTo, type Engine } from '../helpers/engine.ts'
import { eventually } from '../helpers/eventually.ts'
import { type Tools, tools } from '../helpers/kubectl.ts'
import { type TemporaryFolder, temporaryFolder } from '../helpers/temporary-folder.ts'

const POLICY = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
omitManagedFields: true
rules:
  - level: None
    users: ["system:apiserver"]
  - level: Metadata
    resources: [{ group: "", resources: [secrets, serviceaccounts/token] }]
  - level: RequestResponse
    resources: [{ group: "", resources: [configmaps] }]
  - level: Request
    verbs: [create, update, patch, delete]
  - level: Metadata
`

interface AuditEvent {
  readonly level: string
  readonly auditID: string
  readonly stage: string
  readonly requestURI: string
  readonly verb: string
  readonly user: { readonly username?: string; readonly groups?: readonly string[] }
  readonly impersonatedUser?: { readonly username: string }
  readonly sourceIPs: readonly string[]
  readonly userAgent: string
  readonly objectRef?: { readonly resource: string; readonly name?: string; readonly subresource?: string }
  readonly responseStatus: { readonly code: number; readonly message?: string; readonly reason?: string }
  readonly requestObject?: { readonly data?: unknown; readonly kind?: string }
  readonly responseObject?: { readonly data?: unknown; readonly metadata?: { readonly managedFields?: unknown; readonly uid?: string } }
  readonly annotations?: Readonly<Record<string, string>>
}

describe('the audit log', () => {
  let folder: TemporaryFolder
  let path: string
  let audit: AuditLog
  let server: TestApiServer
  let kubectl: Tools['kubectl']
  let call: Engine['call']

  before(async () => {
    folder = await temporaryFolder('audit')
    path = join(folder.path, 'logs', 'audit.log')
    const policyFile = join(folder.path, 'policy.yaml')
    await writeFile(policyFile, POLICY)
    const problems: string[] = []
    const { audit: args } = apiServerArgs([`audit-log-path=${path}`, `audit-policy-file=${policyFile}`, 'audit-log-format=json'], problems)
    assert.deepEqual(problems, [])
    assert.ok(args)
    audit = await openAuditLog(args, { clock: systemClock, log: silentLogger })
    server = await startTestApiServer({ audit: audit.auditor, moreMetrics: [audit.metrics] })
    ;({ kubectl } = await tools(server.kubeconfig, server.folder))
    call = callsTo(server.api.handle)
  })
  after(async () => {
    await server[Symbol.asyncDispose]()
    await audit.close()
    await folder[Symbol.asyncDispose]()
  })

  async function events(wanted: (event: AuditEvent) => boolean): Promise<readonly AuditEvent[]> {
    let found: readonly AuditEvent[] = []
    await eventually(async () => {
      const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '')
      found = lines.map((line) => JSON.parse(line) as AuditEvent).filter(wanted)
      assert.notEqual(found.length, 0)
    })
    return found
  }

  it('is readable by its owner alone', async () => {
    await events(() => true).catch(() => undefined)
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.equal((await stat(join(folder.path, 'logs'))).mode & 0o777, 0o700)
  })

  it('shows what kubectl did, with bodies where the policy asks for them', async () => {
    assert.equal((await kubectl(['create', 'configmap', 'settings', '--from-literal=colour=blue'])).code, 0)
    const [made] = await events(({ verb, objectRef }) => verb === 'create' && objectRef?.resource === 'configmaps')
    assert.deepEqual(
      [made?.level, made?.stage, made?.user.username, made?.objectRef?.name, made?.responseStatus.code, made?.sourceIPs],
      ['RequestResponse', 'ResponseComplete', 'system:admin', 'settings', 201, ['127.0.0.1']],
    )
    assert.match(made?.userAgent ?? '', /^kubectl\//)
    assert.match(made?.requestURI ?? '', /^\/api\/v1\/namespaces\/default\/configmaps\?fieldManager=kubectl-create/)
    assert.deepEqual(made?.requestObject?.data, { colour: 'blue' })
    assert.deepEqual(made.responseObject?.data, { colour: 'blue' })
    assert.equal(made.responseObject.metadata?.managedFields, undefined)
    assert.equal(made.annotations?.['authorization.k8s.io/decision'], 'allow')
    assert.equal((await kubectl(['delete', 'configmap', 'settings'])).code, 0)
    const [gone] = await events(({ verb, objectRef }) => verb === 'delete' && objectRef?.resource === 'configmaps')
    assert.equal(gone?.requestObject?.kind, 'DeleteOptions')
  })

  it('keeps bodies of Secrets and tokens out at the level Metadata', async () => {
    assert.equal((await kubectl(['create', 'secret', 'generic', 'door', '--from-literal=password=opensesame'])).code, 0)
    const [made] = await events(({ verb, objectRef }) => verb === 'create' && objectRef?.resource === 'secrets')
    assert.deepEqual(
      [made?.level, made?.objectRef?.name, made?.requestObject, made?.responseObject],
      ['Metadata', 'door', undefined, undefined],
    )
    assert.equal((await kubectl(['create', 'serviceaccount', 'robot'])).code, 0)
    const { stdout: token } = await kubectl(['create', 'token', 'robot'])
    assert.match(token, /^ey/)
    const client = ['--token', token.trim(), '--kubeconfig', '/dev/null', '--server', `https://127.0.0.1:${server.port}`]
    const refused = await kubectl([...client, '--insecure-skip-tls-verify', 'get', 'nodes', '-v0'])
    assert.equal(refused.code, 1)
    const [denied] = await events(({ user, objectRef }) => user.username?.endsWith(':robot') === true && objectRef?.resource === 'nodes')
    assert.deepEqual(
      [denied?.responseStatus.code, denied?.responseStatus.reason, denied?.annotations?.['authorization.k8s.io/decision']],
      [403, 'Forbidden', 'forbid'],
    )
    const text = await readFile(path, 'utf8')
    for (const secret of ['opensesame', Buffer.from('opensesame').toString('base64'), token.trim()])
      assert.equal(text.includes(secret), false)
  })

  it('tells by which binding somebody may, and who acted as whom', async () => {
    await call('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      metadata: { name: 'janes-view' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:aggregate-to-view' },
      subjects: [{ kind: 'User', name: 'jane', apiGroup: 'rbac.authorization.k8s.io' }],
    })
    await eventually(async () => assert.equal((await kubectl(['get', 'pods', '--as', 'jane'])).code, 0))
    const [seen] = await events(
      ({ impersonatedUser, responseStatus }) => impersonatedUser?.username === 'jane' && responseStatus.code === 200,
    )
    assert.equal(seen?.user.username, 'system:admin')
    assert.equal(
      seen.annotations?.['authorization.k8s.io/reason'],
      'RBAC: allowed by ClusterRoleBinding "janes-view" of ClusterRole "system:aggregate-to-view" to User "jane"',
    )
  })

  it('shows watches at their start and end', async () => {
    const url = '/api/v1/namespaces/default/pods?timeoutSeconds=1&watch=true'
    assert.deepEqual(await kubectl(['get', '--raw', url]), { code: 0, stdout: '', stderr: '' })
    const seen = await events(({ requestURI, stage }) => requestURI === url && stage !== 'RequestReceived')
    await eventually(async () => {
      const stages = (await events(({ auditID }) => auditID === seen[0]?.auditID)).map(({ stage }) => stage)
      assert.deepEqual(stages, ['ResponseStarted', 'ResponseComplete'])
    })
  })

  it('shows exec, attach and port-forward, but no token among their protocols', async () => {
    for (const subresource of ['exec', 'attach', 'portforward']) {
      const url = `wss://127.0.0.1:${server.port}/api/v1/namespaces/default/pods/none/${subresource}?command=id&token=geheim`
      const socket = new WebSocket(url, ['v5.channel.k8s.io', 'base64url.bearer.authorization.k8s.io.Z2VoZWlt'], {
        rejectUnauthorized: false,
      })
      await new Promise((resolve) => socket.on('error', resolve).on('close', resolve))
      const admin = await call('GET', `/api/v1/namespaces/default/pods/none/${subresource}?command=id&token=geheim`)
      assert.equal(admin.status >= 400, true)
      const seen = await events(({ objectRef, user }) => objectRef?.subresource === subresource && user.username === 'admin')
      assert.deepEqual(
        seen.map(({ stage }) => stage),
        ['ResponseStarted', 'ResponseComplete'],
      )
      assert.match(seen[0]?.requestURI ?? '', /command=id&token=REDACTED$/)
      const [unknown] = await events(({ objectRef, user }) => objectRef?.subresource === subresource && user.username === undefined)
      assert.deepEqual([unknown?.responseStatus.code, unknown?.responseStatus.message], [401, 'Authentication failed, attempted: bearer'])
    }
    assert.doesNotMatch(await readFile(path, 'utf8'), /geheim|Z2VoZWlt/)
  })

  it('carries what admission policies want recorded', async () => {
    const group = '/apis/admissionregistration.k8s.io/v1'
    const spec = {
      matchConstraints: { resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }] },
      validations: [{ expression: 'true' }, { expression: "object.metadata.name != 'odd'", message: 'too odd' }],
      auditAnnotations: [
        { key: 'name', valueExpression: "'made ' + object.metadata.name" },
        { key: 'nothing', valueExpression: 'null' },
      ],
    }
    const binding = { policyName: 'names.example.com', validationActions: ['Audit'] }
    assert.equal(
      (await call('POST', `${group}/validatingadmissionpolicies`, { metadata: { name: 'names.example.com' }, spec })).status,
      201,
    )
    assert.equal(
      (await call('POST', `${group}/validatingadmissionpolicybindings`, { metadata: { name: 'all' }, spec: binding })).status,
      201,
    )
    const made = await call('POST', '/api/v1/namespaces/default/configmaps', { metadata: { name: 'odd' } })
    assert.equal(made.status, 201)
    const [event] = await events(({ auditID, stage }) => auditID === made.headers['audit-id'] && stage === 'ResponseComplete')
    assert.deepEqual(event?.annotations, {
      'authorization.k8s.io/decision': 'allow',
      'authorization.k8s.io/reason': '',
      'names.example.com/name': 'made odd',
      'validation.policy.admission.k8s.io/validation_failure': JSON.stringify([
        { message: 'too odd', policy: 'names.example.com', binding: 'all', expressionIndex: 1, validationActions: ['Audit'] },
      ]),
    })
  })

  it('is counted', async () => {
    const { text } = await call('GET', '/metrics')
    assert.match(text, /^apiserver_audit_event_total [1-9]/m)
    assert.match(text, /^apiserver_audit_error_total\{plugin="log"\} 0$/m)
  })
})

describe('files of the audit log', () => {
  const open = async (args: AuditArgs): Promise<unknown> => openAuditLog(args, { clock: systemClock, log: silentLogger })

  it('that cannot be used are named with the field', async () => {
    await using folder = await temporaryFolder('audit-files')
    const policyFile = join(folder.path, 'policy.yaml')
    const args = { path: join(folder.path, 'audit.log'), policyFile, maxSize: 1, maxBackups: 0, maxAgeDays: 0, compress: false }
    await assert.rejects(open(args), /^Error: --kube-apiserver-arg=audit-policy-file=.*policy\.yaml: ENOENT/)
    await writeFile(policyFile, 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{ level: Everything }]\n')
    await assert.rejects(open(args), /policy\.yaml: rules\[0\]\.level: Unsupported value: "Everything"/)
    await writeFile(policyFile, 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{ level: None }]\n')
    await assert.rejects(open({ ...args, path: folder.path }), /^Error: --kube-apiserver-arg=audit-log-path=.*EISDIR/)
  })

  it('are put aside by size, counted, aged and compressed', async () => {
    await using folder = await temporaryFolder('audit-rotation')
    const path = join(folder.path, 'sub', 'audit.log')
    await mkdir(join(folder.path, 'sub'))
    await writeFile(join(folder.path, 'sub', 'audit-2001-01-01T00-00-00.000.log'), 'old\n')
    await writeFile(join(folder.path, 'sub', 'audit-other.log'), 'not ours\n')
    let now = Date.UTC(2026, 10, 21, 12, 0, 0, 7)
    const clock = { ...systemClock, now: () => now }
    const limits = { maxBytes: 10, maxBackups: 2, maxAgeMs: 3600_000, compress: true }
    const file = await RotatingFile.open({ path, ...limits, clock, onError: (err) => assert.fail(String(err)) })
    for (const line of ['1111\n', '2222\n', '3333\n', '44444444444444\n', '5\n']) {
      now += 1000
      await file.append([line])
    }
    await file.append(['6666666\n', '7777777\n'])
    await file.close()
    assert.deepEqual((await readdir(join(folder.path, 'sub'))).sort(), [
      'audit-2026-11-21T12-00-05.007.log.gz',
      'audit-2026-11-21T12-00-05.008.log.gz',
      'audit-other.log',
      'audit.log',
    ])
    assert.equal(await readFile(path, 'utf8'), '7777777\n')
    assert.equal((await stat(path)).mode & 0o777, 0o600)
  })
})
