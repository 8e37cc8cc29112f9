import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { eventually } from '../../../tests/helpers/eventually.ts'
import { FakeClock } from '../../../tests/helpers/fake-clock.ts'
import { FakeReader } from '../../../tests/helpers/object-reader.ts'
import type { ClusterRole, ClusterRoleBinding } from '../../api/types/rbac-v1.ts'
import { StatusError } from '../../meta/status-error.ts'
import { silentLogger } from '../../observability/log.ts'
import { RbacAuthorizer } from '../auth/rbac/authorizer.ts'
import { BindingIndex } from '../auth/rbac/binding-index.ts'
import { bootstrapObjects } from './bootstrap.ts'
import { firstServiceAddress } from './cluster-objects.ts'
import { keepClusterObjects } from './keep.ts'
import { rbacObjects } from './rbac/index.ts'

const RBAC = 'rbac.authorization.k8s.io'
const CLUSTER_ROLES = { group: RBAC, resource: 'clusterroles' }
const BINDINGS = { group: RBAC, resource: 'clusterrolebindings' }
const settings = {
  serviceCidr: '10.43.0.0/16',
  apiServerAddresses: ['10.0.0.5'],
  apiServerPort: 6443,
  clientCaPem: 'client',
  requestHeaderCaPem: 'front',
  requestHeaderAllowedNames: ['system:auth-proxy'],
}

/** Paths such as /apis/GROUP/VERSION[/namespaces/NS]/PLURAL[/NAME]. */
function parse(url: string): { group: string; resource: string; namespace?: string; name?: string } {
  const parts = url
    .replace(/\/status$/, '')
    .split('/')
    .slice(1)
  const group = parts[0] === 'api' ? '' : (parts[1] ?? '')
  const rest = parts.slice(parts[0] === 'api' ? 2 : 3)
  const [namespace, resource = '', name] = rest[0] === 'namespaces' && rest.length > 2 ? rest.slice(1) : [undefined, ...rest]
  return { group, resource, ...(namespace !== undefined && { namespace }), ...(name !== undefined && { name: decodeURIComponent(name) }) }
}

describe('bootstrap objects', () => {
  let reader = new FakeReader()
  let requests: string[] = []
  beforeEach(() => {
    reader = new FakeReader()
    requests = []
  })
  const request = async (method: string, path: string, body?: object): Promise<void> => {
    requests.push(`${method} ${path}`)
    const { name, ...type } = parse(path)
    if (method === 'DELETE') reader.remove(type, { name: name ?? '', ...(type.namespace !== undefined && { namespace: type.namespace }) })
    else reader.put(type, { status: {}, ...structuredClone(body) } as never)
    return Promise.resolve()
  }
  const run = (): Promise<void> => bootstrapObjects({ request, reader, settings, nowMs: Date.UTC(2026, 5, 1) })

  it('are all made once, and a second run asks for nothing', async () => {
    await run()
    const { roles, bindings } = rbacObjects()
    assert.equal(roles.length + bindings.length, 131)
    assert.ok(requests.includes('POST /api/v1/namespaces'))
    assert.ok(requests.includes('POST /api/v1/namespaces/default/services'))
    const others = requests.filter((line) => !line.startsWith('POST'))
    assert.deepEqual(others, ['PUT /apis/networking.k8s.io/v1/servicecidrs/kubernetes/status'])
    requests = []
    await run()
    assert.deepEqual(requests, [])
  })

  it('give controllers and users their rights', async () => {
    await run()
    const rbac = new RbacAuthorizer(new BindingIndex(reader))
    const may = (name: string, verb: string, resource: string, group = ''): boolean =>
      rbac.authorize({
        kind: 'resource',
        user: { name, groups: ['system:authenticated'] },
        verb,
        group,
        version: 'v1',
        resource,
        subresource: '',
        namespace: '',
        name: '',
      }).allowed
    assert.equal(may('system:serviceaccount:kube-system:deployment-controller', 'create', 'replicasets', 'apps'), true)
    assert.equal(may('system:kube-scheduler', 'list', 'nodes'), true)
    assert.equal(may('jane', 'create', 'selfsubjectaccessreviews', 'authorization.k8s.io'), true)
    assert.equal(may('jane', 'list', 'secrets'), false)
  })

  it('get back rules and subjects that were taken away, and keep those that were added', async () => {
    await run()
    const role = reader.get<ClusterRole>(CLUSTER_ROLES, '', 'system:kube-scheduler')
    assert.ok(role)
    const own = { verbs: ['get'], apiGroups: ['example.com'], resources: ['things'] }
    reader.put(CLUSTER_ROLES, { ...role, rules: [...role.rules.slice(2), own] } as never)
    const binding = reader.get<ClusterRoleBinding>(BINDINGS, '', 'system:kube-scheduler')
    assert.ok(binding)
    reader.put(BINDINGS, { ...binding, subjects: [{ kind: 'User', apiGroup: RBAC, name: 'mine' }] } as never)
    requests = []
    await run()
    assert.deepEqual(requests.sort(), [
      `PUT /apis/${RBAC}/v1/clusterrolebindings/system%3Akube-scheduler`,
      `PUT /apis/${RBAC}/v1/clusterroles/system%3Akube-scheduler`,
    ])
    const subjects = reader.get<ClusterRoleBinding>(BINDINGS, '', 'system:kube-scheduler')?.subjects
    assert.deepEqual(
      subjects?.map(({ name }) => name),
      ['mine', 'system:kube-scheduler'],
    )
    const { rules } = reader.get<ClusterRole>(CLUSTER_ROLES, '', 'system:kube-scheduler') ?? { rules: [] }
    assert.ok(rules.some((rule) => rule.apiGroups?.includes('example.com')))
    requests = []
    await run()
    assert.deepEqual(requests, [])
  })

  it('leave alone what an administrator took over, and rules that a controller collects', async () => {
    await run()
    const role = reader.get<ClusterRole>(CLUSTER_ROLES, '', 'system:discovery')
    assert.ok(role)
    const annotations = { 'rbac.authorization.kubernetes.io/autoupdate': 'false' }
    reader.put(CLUSTER_ROLES, { ...role, rules: [], metadata: { ...role.metadata, annotations } } as never)
    const admin = reader.get<ClusterRole>(CLUSTER_ROLES, '', 'admin')
    assert.ok(admin)
    reader.put(CLUSTER_ROLES, { ...admin, rules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }] } as never)
    requests = []
    await run()
    assert.deepEqual(requests, [])
  })

  it('replace a binding to another role', async () => {
    await run()
    const binding = reader.get<ClusterRoleBinding>(BINDINGS, '', 'system:discovery')
    assert.ok(binding)
    reader.put(BINDINGS, { ...binding, roleRef: { ...binding.roleRef, name: 'cluster-admin' } } as never)
    requests = []
    await run()
    const path = `/apis/${RBAC}/v1/clusterrolebindings`
    assert.deepEqual(requests, [`DELETE ${path}/system%3Adiscovery`, `POST ${path}`])
  })

  it('follow a new address of the server', async () => {
    await run()
    requests = []
    await bootstrapObjects({ request, reader, settings: { ...settings, apiServerAddresses: ['10.0.0.6'] }, nowMs: 0 })
    assert.deepEqual(requests.sort(), [
      'PUT /api/v1/namespaces/default/endpoints/kubernetes',
      'PUT /apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes',
    ])
  })

  it('do not mind another server being faster, but mind every other failure', async () => {
    const lost = async (): Promise<never> => Promise.reject(new StatusError('AlreadyExists', 'x'))
    await bootstrapObjects({ request: lost, reader, settings, nowMs: 0 })
    const broken = async (): Promise<never> => Promise.reject(new StatusError('InternalError', 'disk'))
    await assert.rejects(bootstrapObjects({ request: broken, reader, settings, nowMs: 0 }), /disk/)
  })

  it('are tried again after a failure, and made again when somebody deletes them', async () => {
    const clock = new FakeClock()
    const life = new AbortController()
    let isBroken = true
    const shaky = async (method: string, path: string, body?: object): Promise<void> => {
      if (isBroken && path.endsWith('/clusterroles')) throw new StatusError('InternalError', 'no webhook yet')
      await request(method, path, body)
    }
    const kept = await keepClusterObjects({ request: shaky, reader, settings, nowMs: 0, clock, log: silentLogger, signal: life.signal })
    assert.equal(kept.complete, false)
    assert.ok(reader.get({ group: RBAC, resource: 'clusterrolebindings' }, '', 'cluster-admin'), 'other objects are made')
    isBroken = false
    await eventually(async () => {
      await clock.advance(1_000)
      assert.ok(reader.get(CLUSTER_ROLES, '', 'cluster-admin'))
      assert.ok(reader.get({ group: '', resource: 'services' }, 'default', 'kubernetes'))
    })
    reader.remove({ group: '', resource: 'services' }, { namespace: 'default', name: 'kubernetes' })
    await eventually(async () => {
      await clock.advance(1_000)
      assert.ok(reader.get({ group: '', resource: 'services' }, 'default', 'kubernetes'))
    })
    life.abort(new Error('over'))
    await kept.done
  })

  it('place the service on the first address', () => {
    assert.equal(firstServiceAddress('10.43.0.0/16'), '10.43.0.1')
    assert.equal(firstServiceAddress('fd00:43::/112'), 'fd00:43::1')
  })
})
