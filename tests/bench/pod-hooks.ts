import type { Pod } from '../../core/api/types/core-v1.ts'
import { podDef } from '../../core/apiserver/resources/core/pod.ts'
import type { Work } from '../../core/apiserver/resources/resource-def.ts'
import { decoded, TEST_CONTEXT } from '../../core/apiserver/resources/testing.ts'

/**
 * Microseconds that defaulting, preparing and validating a pod of about 4 KB cost, each as the difference to the step
 * before, so that the object is as warm in the cache as in the pipeline. Run: node tests/bench/pod-hooks.ts
 */

const ROUNDS = 12
const OBJECTS = 5_000

const container = (name: string, port: number): object => ({
  name,
  image: `registry.example/team/${name}:v1.2.3`,
  args: ['--listen=:8080', '--log-level=info'],
  ports: [
    { name: 'http', containerPort: port },
    { name: 'metrics', containerPort: port + 1 },
  ],
  env: [
    ...Array.from({ length: 8 }, (_, i) => ({ name: `SETTING_${i}`, value: `value-${i}` })),
    { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'credentials', key: 'password' } } },
  ],
  resources: { limits: { cpu: '500m', memory: '256Mi' }, requests: { cpu: '100m', memory: '128Mi' } },
  volumeMounts: [
    { name: 'config', mountPath: '/etc/config' },
    { name: 'token', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true },
  ],
  livenessProbe: { httpGet: { path: '/healthz', port: 'http' } },
  readinessProbe: { httpGet: { path: '/ready', port: 'http' } },
  securityContext: { runAsNonRoot: true, allowPrivilegeEscalation: false },
})

const DRAFT = {
  metadata: {
    name: 'web-7d4b9c6f5-abcde',
    labels: { app: 'web', 'app.kubernetes.io/name': 'web', 'pod-template-hash': '7d4b9c6f5' },
    annotations: { 'example.com/note': 'n'.repeat(200) },
  },
  spec: {
    serviceAccountName: 'web',
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }],
    containers: [container('app', 8080), container('proxy', 9090)],
    volumes: [
      { name: 'config', configMap: { name: 'web' } },
      {
        name: 'token',
        projected: {
          sources: [
            { serviceAccountToken: { path: 'token' } },
            { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
            { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
          ],
        },
      },
    ],
  },
}

type Step = (pod: Work<Pod>) => void

const STEPS: readonly (readonly [string, Step])[] = [
  ['parse', () => undefined],
  ['default', (pod) => podDef.applyDefaults?.(pod)],
  ['prepare', (pod) => podDef.prepareCreate?.(pod, TEST_CONTEXT)],
  ['validate', (pod) => podDef.validate?.(pod, undefined, TEST_CONTEXT)],
]

function measure(text: string, steps: readonly Step[]): number {
  // The thread's own time: other work on the machine does not count.
  const start = process.threadCpuUsage()
  for (let i = 0; i < OBJECTS; i++) {
    const pod = JSON.parse(text) as Work<Pod>
    for (const step of steps) step(pod)
  }
  const { user, system } = process.threadCpuUsage(start)
  return (user + system) / OBJECTS
}

// As a request's body would be after decoding, before defaults.
const text = JSON.stringify(decoded({ ...podDef, applyDefaults: () => undefined }, DRAFT))
const lines: string[] = []
for (let round = 0; round < ROUNDS; round++) {
  const totals = STEPS.map((_, i) =>
    measure(
      text,
      STEPS.slice(0, i + 1).map(([, step]) => step),
    ),
  )
  lines.push(STEPS.map(([name], i) => `${name} ${((totals[i] ?? 0) - (i === 0 ? 0 : (totals[i - 1] ?? 0))).toFixed(1)}`).join('  '))
}
process.stdout.write(`microseconds a pod of ${text.length} bytes, last rounds\n${lines.slice(-4).join('\n')}\n`)
