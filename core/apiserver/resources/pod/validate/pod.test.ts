import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { podDef } from '../../core/pod.ts'
import { createProblems, updateProblems } from '../../testing.ts'

const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"

const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
const SEARCH =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')"

const pod = (spec: object, container: object = {}, others: readonly object[] = []): object => ({
  spec: { containers: [{ name: 'c', image: 'busybox:1', ...container }, ...others], ...spec },
})
const with_ = (container: object): object => pod({}, container)
const C = 'spec.containers[0]'

const ACCEPTED: readonly (readonly [string, object])[] = [
  ['a bare container', pod({})],
  [
    'a sidecar with a probe',
    pod({ initContainers: [{ name: 's', image: 'i', restartPolicy: 'Always', startupProbe: { tcpSocket: { port: 1 } } }] }),
  ],
  ['a named probe port', with_({ ports: [{ name: 'http', containerPort: 80 }], livenessProbe: { httpGet: { port: 'http' } } })],
  ['downward API in environment', with_({ env: [{ name: 'A.B', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } }] })],
  ['huge pages with memory', with_({ resources: { limits: { 'hugepages-2Mi': '4Mi', memory: '1Gi' } } })],
  ['an extended resource', with_({ resources: { limits: { 'example.com/gpu': '1' } } })],
  [
    'a bidirectional mount of a privileged container',
    pod(
      { volumes: [{ name: 'v' }] },
      { securityContext: { privileged: true }, volumeMounts: [{ name: 'v', mountPath: '/v', mountPropagation: 'Bidirectional' }] },
    ),
  ],
  ['a toleration of everything', pod({ tolerations: [{ operator: 'Exists' }] })],
]

const REJECTED: readonly (readonly [string, object, readonly string[]])[] = [
  ['no containers', { spec: {} }, ['spec.containers: Required value']],
  ['a bad name', with_({ name: 'A' }), [`${C}.name: Invalid value: "A": ${LABEL}`]],
  ['no image', with_({ image: '' }), [`${C}.image: Required value`]],
  ['an image with a blank', with_({ image: ' a:1' }), [`${C}.image: Invalid value: " a:1": must not have leading or trailing whitespace`]],
  [
    'one name twice',
    {
      spec: {
        containers: [
          { name: 'c', image: 'a' },
          { name: 'c', image: 'a' },
        ],
      },
    },
    ['spec.containers[1].name: Duplicate value: "c"'],
  ],
  [
    'a pull policy',
    with_({ imagePullPolicy: 'x' }),
    [`${C}.imagePullPolicy: Unsupported value: "x": supported values: "Always", "IfNotPresent", "Never"`],
  ],
  [
    'ports',
    with_({ ports: [{ containerPort: 70000, name: 'a--b', protocol: 'x' }] }),
    [
      `${C}.ports[0].name: Invalid value: "a--b": must not contain consecutive hyphens`,
      `${C}.ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive`,
      `${C}.ports[0].protocol: Unsupported value: "x": supported values: "SCTP", "TCP", "UDP"`,
    ],
  ],
  [
    'one host port twice',
    with_({
      ports: [
        { containerPort: 1, hostPort: 9 },
        { containerPort: 2, hostPort: 9 },
      ],
    }),
    [`${C}.ports[1].hostPort: Duplicate value: "TCP//9"`],
  ],
  [
    'sources of an environment variable',
    with_({
      env: [
        { name: 'A', value: 'x', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
        { name: 'B', valueFrom: { fieldRef: { fieldPath: 'status.phase' } } },
      ],
    }),
    [
      `${C}.env[0].valueFrom: Invalid value: "": may not be specified when \`value\` is not empty`,
      `${C}.env[1].valueFrom.fieldRef.fieldPath: Unsupported value: "status.phase": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"`,
    ],
  ],
  [
    'mounts',
    pod(
      { volumes: [{ name: 'v' }] },
      {
        volumeMounts: [
          { name: 'w', mountPath: '/a' },
          { name: 'v', mountPath: '/a', subPath: '../x' },
        ],
      },
    ),
    [
      `${C}.volumeMounts[0].name: Not found: "w"`,
      `${C}.volumeMounts[1].mountPath: Invalid value: "/a": must be unique`,
      `${C}.volumeMounts.subPath: Invalid value: "../x": must not contain '..'`,
    ],
  ],
  [
    'a request above its limit',
    with_({ resources: { requests: { cpu: '2', memory: '-1' }, limits: { cpu: '1' } } }),
    [
      `${C}.resources.requests[memory]: Invalid value: "-1": must be greater than or equal to 0`,
      `${C}.resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1`,
    ],
  ],
  [
    'an unknown resource',
    with_({ resources: { limits: { foo: '1' } } }),
    [
      `${C}.resources.limits[foo]: Invalid value: "foo": must be a standard resource type or fully qualified`,
      `${C}.resources.limits[foo]: Invalid value: "foo": must be a standard resource for containers`,
      `${C}.resources.requests[foo]: Invalid value: "foo": must be a standard resource type or fully qualified`,
      `${C}.resources.requests[foo]: Invalid value: "foo": must be a standard resource for containers`,
    ],
  ],
  [
    'huge pages alone',
    with_({ resources: { limits: { 'hugepages-2Mi': '2Mi' } } }),
    [`${C}.resources: Forbidden: HugePages require cpu or memory`],
  ],
  [
    'an extended resource without limit',
    with_({ resources: { requests: { 'example.com/gpu': '1' } } }),
    [`${C}.resources.limits: Required value: Limit must be set for non overcommitable resources`],
  ],
  [
    'probes',
    with_({
      livenessProbe: { successThreshold: 2 },
      readinessProbe: { exec: { command: ['a'] }, tcpSocket: { port: 1 }, terminationGracePeriodSeconds: 1 },
    }),
    [
      `${C}.livenessProbe: Required value: must specify a handler type`,
      `${C}.livenessProbe.successThreshold: Invalid value: 2: must be 1`,
      `${C}.readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type`,
      `${C}.readinessProbe.terminationGracePeriodSeconds: Invalid value: 1: must not be set for readinessProbes`,
    ],
  ],
  [
    'a probe of an init container',
    pod({ initContainers: [{ name: 'i', image: 'a', livenessProbe: { exec: { command: ['a'] } } }] }),
    ['spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always'],
  ],
  [
    'privileges against themselves',
    with_({ securityContext: { privileged: true, allowPrivilegeEscalation: false } }),
    [
      `${C}.securityContext: Invalid value: {"privileged":true,"allowPrivilegeEscalation":false}: cannot set \`allowPrivilegeEscalation\` to false and \`privileged\` to true`,
    ],
  ],
  [
    'users out of range',
    pod({ securityContext: { runAsUser: -1, fsGroup: 2147483648 } }),
    [
      'spec.securityContext.fsGroup: Invalid value: 2147483648: must be between 0 and 2147483647, inclusive',
      'spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive',
    ],
  ],
  [
    'volumes',
    pod({
      volumes: [
        { name: 'v', secret: {}, hostPath: { path: '/x' } },
        { name: 'w', hostPath: { path: '/a/../b', type: 'x' } },
        { name: 'u' },
        { name: 'u' },
      ],
    }),
    [
      'spec.volumes[0].secret: Forbidden: may not specify more than 1 volume type',
      'spec.volumes[1].hostPath.path: Invalid value: "/a/../b": must not contain \'..\'',
      'spec.volumes[1].hostPath.type: Unsupported value: "x": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"',
      'spec.volumes[3].name: Duplicate value: "u"',
    ],
  ],
  [
    'projected files',
    pod({
      volumes: [
        {
          name: 'v',
          projected: {
            sources: [
              { serviceAccountToken: { path: 'a', expirationSeconds: 1 } },
              { configMap: { name: 'm', items: [{ key: 'k', path: 'a' }] } },
            ],
          },
        },
      ],
    }),
    [
      'spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 1: may not specify a duration less than 10 minutes',
      'spec.volumes[0].projected: Invalid value: "m": conflicting duplicate paths',
      'spec.volumes[0].projected.sources[0].serviceAccountToken: Forbidden: must not be specified when serviceAccountName is not set',
    ],
  ],
  [
    'restart policy',
    pod({ restartPolicy: 'x' }),
    ['spec.restartPolicy: Unsupported value: "x": supported values: "Always", "Never", "OnFailure"'],
  ],
  ['no nameserver', pod({ dnsPolicy: 'None' }), ['spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None']],
  [
    'tolerations',
    pod({ tolerations: [{ effect: 'x', tolerationSeconds: 1 }] }),
    [
      'spec.tolerations[0].operator: Invalid value: "": operator must be Exists when `key` is empty, which means "match all values and all keys"',
      'spec.tolerations[0].effect: Invalid value: "x": effect must be \'NoExecute\' when `tolerationSeconds` is set',
      'spec.tolerations[0].effect: Unsupported value: "x": supported values: "NoExecute", "NoSchedule", "PreferNoSchedule"',
    ],
  ],
  [
    'affinity',
    pod({
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] },
          preferredDuringSchedulingIgnoredDuringExecution: [
            { weight: 0, preference: { matchExpressions: [{ key: 'a', operator: 'In' }] } },
          ],
        },
      },
    }),
    [
      'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term',
      'spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 0: must be in the range 1-100',
      "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
    ],
  ],
  [
    'spread',
    pod({
      topologySpreadConstraints: [
        { maxSkew: 0, topologyKey: 'a', whenUnsatisfiable: 'DoNotSchedule' },
        { maxSkew: 1, topologyKey: 'a', whenUnsatisfiable: 'DoNotSchedule' },
      ],
    }),
    [
      'spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero',
      'spec.topologySpreadConstraints[0].{topologyKey, whenUnsatisfiable}: Duplicate value: "{a, DoNotSchedule}"',
    ],
  ],
  [
    'a gated pod on a node',
    pod({ nodeName: 'n', schedulingGates: [{ name: 'a.b/c' }] }),
    ['spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared'],
  ],
  [
    'a port that is not one of the node in its network',
    pod({ hostNetwork: true }, { ports: [{ containerPort: 80, hostPort: 81 }] }),
    [`${C}.ports[0].hostPort: Invalid value: 81: must match \`containerPort\` when \`hostNetwork\` is true`],
  ],
  [
    'containers with the rights of a Windows node beside others',
    pod({}, { securityContext: { windowsOptions: { hostProcess: true } } }, [{ name: 'd', image: 'i' }]),
    [
      'spec: Invalid value: "": If pod contains any hostProcess containers then all containers must be HostProcess containers',
      'spec.hostNetwork: Invalid value: false: hostNetwork must be true if pod contains any hostProcess containers',
    ],
  ],
  [
    'domains to search',
    pod({ dnsConfig: { searches: ['.', '_http._tcp.a.', 'A'] } }),
    [`spec.dnsConfig.searches[2]: Invalid value: "A": ${SEARCH}`],
  ],
  [
    'host aliases and tolerations',
    pod({ hostAliases: [{ ip: '1.2.3.4', hostnames: ['a', 'b..'] }], tolerations: [{ operator: 'Exists', value: 'x' }] }),
    [
      'spec.tolerations[0].operator: Invalid value: "x": value must be empty when `operator` is \'Exists\'',
      `spec.hostAliases[0].hostnames[1]: Invalid value: "b..": ${SUBDOMAIN}`,
    ],
  ],
  [
    'ephemeral containers',
    pod({ ephemeralContainers: [{ name: 'e', image: 'a' }] }),
    ['spec.ephemeralContainers: Forbidden: cannot be set on create'],
  ],
]

describe('pod validation', () => {
  for (const [title, draft] of ACCEPTED)
    it(`accepts ${title}`, () => {
      assert.deepEqual(createProblems(podDef, draft), [])
    })
  for (const [title, draft, problems] of REJECTED)
    it(`rejects ${title}`, () => {
      assert.deepEqual(createProblems(podDef, draft), problems)
    })
})

describe('pod update', () => {
  const base = pod({ tolerations: [{ key: 'a', operator: 'Exists' }], activeDeadlineSeconds: 60 })
  const change = (spec: object, container: object = {}): object =>
    pod({ tolerations: [{ key: 'a', operator: 'Exists' }], activeDeadlineSeconds: 60, ...spec }, container)

  it('may change images, add tolerations and shorten the deadline', () => {
    const next = change(
      { tolerations: [{ key: 'a', operator: 'Exists', tolerationSeconds: 5, effect: 'NoExecute' }].concat([]), activeDeadlineSeconds: 30 },
      { image: 'busybox:2' },
    )
    assert.deepEqual(updateProblems(podDef, base, change({ activeDeadlineSeconds: 30 }, { image: 'busybox:2' })), [])
    assert.deepEqual(updateProblems(podDef, base, next), [
      'spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds',
    ])
  })

  it('may change nothing else', () => {
    const [problem = ''] = updateProblems(podDef, base, change({ hostname: 'x' }))
    assert.match(problem, /^spec: Forbidden: pod updates may not change fields other than `spec.containers\[\*\].image`/)
    assert.match(problem, /\n\+ hostname: "x"$/)
  })

  it('keeps its containers and its deadline', () => {
    assert.deepEqual(
      updateProblems(podDef, base, {
        spec: {
          containers: [
            { name: 'c', image: 'a' },
            { name: 'd', image: 'a' },
          ],
        },
      }),
      ['spec.containers: Forbidden: pod updates may not add or remove containers'],
    )
    assert.deepEqual(updateProblems(podDef, base, change({ activeDeadlineSeconds: 90 })), [
      'spec.activeDeadlineSeconds: Invalid value: 90: must be less than or equal to previous value',
    ])
  })

  it('opens gates and narrows where a gated pod may go', () => {
    const gated = (spec: object): object => pod({ schedulingGates: [{ name: 'a.b/c' }], nodeSelector: { a: '1' }, ...spec })
    assert.deepEqual(updateProblems(podDef, gated({}), gated({ schedulingGates: [], nodeSelector: { a: '1', b: '2' } })), [])
    assert.deepEqual(updateProblems(podDef, gated({}), gated({ nodeSelector: { a: '2' } })), [
      'spec.nodeSelector: Invalid value: {"a":"2"}: only additions to spec.nodeSelector are allowed (no mutations or deletions)',
    ])
  })
})
