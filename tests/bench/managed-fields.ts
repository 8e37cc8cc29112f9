/** What ownership tracking and server-side apply cost per write of a pod, in microseconds of CPU. Run: node tests/bench/managed-fields.ts */
import { schemaFor } from '../../core/api/schemas.ts'
import { applyPatch } from '../../core/meta/patch/apply/apply.ts'
import { updateManagedFields } from '../../core/meta/patch/apply/update.ts'

const schema = schemaFor({ group: '', version: 'v1', kind: 'Pod' })
if (schema === undefined) throw new Error('no schema of Pod')

const container = (name: string, image = 'registry.example.com/app:1'): object => ({
  name,
  image,
  command: ['a', 'b'],
  ports: [
    { name: 'http', containerPort: 80, protocol: 'TCP' },
    { name: 'metrics', containerPort: 9090, protocol: 'TCP' },
  ],
  env: Array.from({ length: 8 }, (_, i) => ({ name: `ENV_${i}`, value: `value-${i}` })),
  resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1', memory: '1Gi' } },
  imagePullPolicy: 'Always',
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
})
const status = (podIP: string): object => ({
  phase: 'Running',
  podIP,
  podIPs: [{ ip: podIP }],
  conditions: ['Ready', 'PodScheduled', 'Initialized', 'ContainersReady'].map((type) => ({
    type,
    status: 'True',
    lastTransitionTime: podIP,
  })),
})
const metadata = {
  name: 'web',
  namespace: 'default',
  uid: 'u',
  resourceVersion: '1',
  labels: { app: 'web', tier: 'front' },
  annotations: { note: 'x' },
}
const spec = {
  containers: [container('a'), container('b')],
  volumes: [{ name: 'v', emptyDir: {} }],
  restartPolicy: 'Always',
  securityContext: {},
}
const pod = { apiVersion: 'v1', kind: 'Pod', metadata, spec, status: { phase: 'Pending' } }

const base = { schema, manager: 'kubectl', apiVersion: 'v1', nowMs: 1e12, resetFields: { 'f:status': {} } }
const kubelet = { ...base, manager: 'kubelet', subresource: 'status', resetFields: { 'f:spec': {} } }
const parsed = <T>(object: T): T => JSON.parse(JSON.stringify(object)) as T
const owned = <T extends { metadata: object }>(object: T, managedFields: unknown): T => ({
  ...object,
  metadata: { ...object.metadata, managedFields },
})

const created = owned(pod, updateManagedFields({ ...base, old: undefined, next: pod }))
const started = { ...created, status: status('10.0.0.1') }
const live = owned(started, updateManagedFields({ ...kubelet, old: created, next: started }))
const patch = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', labels: { app: 'web' } }, spec: { containers: spec.containers } }
const applied = applyPatch({ ...base, manager: 'gitops', force: true, live, patch })
const appliedLive = owned(applied.object as typeof pod, applied.managedFields)
const nextStatus = parsed({ ...live, status: status('10.0.0.2') })
const nextSpec = parsed({ ...live, spec: { ...spec, containers: [container('a'), container('b', 'other:2')] } })

const cases: readonly (readonly [string, () => unknown])[] = [
  ['create', () => updateManagedFields({ ...base, old: undefined, next: pod })],
  ['status update, body parsed afresh', () => updateManagedFields({ ...kubelet, old: live, next: nextStatus })],
  ['spec update, body parsed afresh', () => updateManagedFields({ ...base, manager: 'editor', old: live, next: nextSpec })],
  ['nothing changed', () => updateManagedFields({ ...base, old: live, next: { ...live } })],
  ['apply the same', () => applyPatch({ ...base, manager: 'gitops', force: false, live: appliedLive, patch })],
  [
    'apply without a container',
    () =>
      applyPatch({
        ...base,
        manager: 'gitops',
        force: true,
        live: appliedLive,
        patch: { ...patch, spec: { containers: [container('a')] } },
      }),
  ],
]

const RUNS = 20_000
for (const [name, run] of cases) {
  for (let i = 0; i < RUNS; i += 1) run()
  const before = process.cpuUsage().user
  for (let i = 0; i < RUNS; i += 1) run()
  console.log(`${name}: ${((process.cpuUsage().user - before) / RUNS).toFixed(1)} us`)
}
