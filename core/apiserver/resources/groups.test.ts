import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KubeObject } from '../../meta/object.ts'
import * as admission from './admissionregistration/index.ts'
import * as autoscaling from './autoscaling/index.ts'
import { certificateSigningRequestDef } from './certificates.ts'
import { leaseDef } from './coordination.ts'
import { endpointSliceDef } from './discovery.ts'
import { eventsEventDef } from './events.ts'
import { flowSchemaDef, priorityLevelConfigurationDef } from './flowcontrol.ts'
import * as networking from './networking/index.ts'
import { runtimeClassDef } from './node.ts'
import { podDisruptionBudgetDef } from './policy.ts'
import * as rbac from './rbac/index.ts'
import * as dra from './resource/index.ts'
import type { ResourceDef } from './resource-def.ts'
import { priorityClassDef } from './scheduling.ts'
import * as storage from './storage/index.ts'
import { created, createProblems, decoded, TEST_CONTEXT, updateProblems } from './testing.ts'

const any = (def: unknown): ResourceDef => def as ResourceDef

const ingress = (backend: object, more: object = {}): object => ({
  spec: { rules: [{ http: { paths: [{ path: '/', pathType: 'Prefix', backend, ...more }] } }] },
})
const toWeb = { service: { name: 'web', port: { number: 80 } } }
const scaler = (spec: object = {}): object => ({ spec: { scaleTargetRef: { kind: 'Deployment', name: 'web' }, maxReplicas: 3, ...spec } })
const hook = (change: object = {}): object => ({
  webhooks: [
    {
      name: 'a.example.com',
      clientConfig: { service: { namespace: 'n', name: 's' } },
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
      ...change,
    },
  ],
})
const policy = (change: object = {}): object => ({
  spec: {
    matchConstraints: { resourceRules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }] },
    validations: [{ expression: 'true' }],
    ...change,
  },
})
const request = (change: object = {}): object => ({
  spec: {
    request: Buffer.from('-----BEGIN CERTIFICATE REQUEST-----\nAA==\n-----END CERTIFICATE REQUEST-----\n').toString('base64'),
    signerName: 'example.com/signer',
    usages: ['client auth'],
    ...change,
  },
})
const device = (change: object = {}): object => ({
  spec: { devices: { requests: [{ name: 'gpu', exactly: { deviceClassName: 'gpu.example.com' } }], ...change } },
})
const level = (change: object = {}): object => ({
  spec: { type: 'Limited', limited: { limitResponse: { type: 'Queue', queuing: {} } }, ...change },
})

type Case = readonly [title: string, def: unknown, draft: object, problems: readonly string[]]

const CASES: readonly Case[] = [
  ['an Ingress', networking.ingressDef, ingress(toWeb), []],
  [
    'an Ingress of nothing',
    networking.ingressDef,
    { spec: {} },
    ['spec: Invalid value: []: either `defaultBackend` or `rules` must be specified'],
  ],
  [
    'a path that is none',
    networking.ingressDef,
    ingress(toWeb, { path: 'a' }),
    ['spec.rules[0].http.paths[0].path: Invalid value: "a": must be an absolute path'],
  ],
  [
    'a path without type',
    networking.ingressDef,
    ingress(toWeb, { pathType: undefined }),
    ['spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified'],
  ],
  [
    'a backend without port',
    networking.ingressDef,
    ingress({ service: { name: 'web' } }),
    ['spec.rules[0].http.paths[0].backend: Required value: port name or number is required'],
  ],
  [
    'a host that is an address',
    networking.ingressDef,
    { spec: { defaultBackend: toWeb, rules: [{ host: '192.0.2.1' }] } },
    ['spec.rules[0].host: Invalid value: "192.0.2.1": must be a DNS name, not an IP address'],
  ],
  [
    'an IngressClass',
    networking.ingressClassDef,
    { spec: { controller: 'example.com/x', parameters: { kind: 'P', name: 'p', scope: 'Namespace' } } },
    ["spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"],
  ],
  [
    'a NetworkPolicy',
    networking.networkPolicyDef,
    { spec: { ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }], ports: [{ port: 80, endPort: 90 }] }] } },
    [],
  ],
  [
    'peers and ports of a NetworkPolicy',
    networking.networkPolicyDef,
    {
      spec: {
        egress: [
          {
            to: [{}, { ipBlock: { cidr: '10.0.0.0/8', except: ['11.0.0.0/16'] }, podSelector: {} }],
            ports: [
              { port: 'a', endPort: 9 },
              { port: 80, endPort: 79 },
            ],
          },
        ],
      },
    },
    [
      'spec.egress[0].ports[0].endPort: Invalid value: 9: may not be specified when `port` is non-numeric',
      'spec.egress[0].ports[1].endPort: Invalid value: 79: must be greater than or equal to `port`',
      'spec.egress[0].to[0]: Required value: must specify a peer',
      'spec.egress[0].to[1].ipBlock.except[0]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`',
      'spec.egress[0].to[1]: Forbidden: may not specify both ipBlock and another peer',
    ],
  ],
  [
    'a ServiceCIDR',
    networking.serviceCidrDef,
    { spec: { cidrs: ['10.0.0.0/16', '10.1.0.0/16'] } },
    [
      'spec.cidrs: Invalid value: ["10.0.0.0/16","10.1.0.0/16"]: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
    ],
  ],
  ['an IPAddress of nobody', networking.ipAddressDef, {}, ['spec.parentRef: Required value']],
  ['a Role', rbac.roleDef, { rules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }] }, []],
  [
    'rules of a Role',
    rbac.roleDef,
    { rules: [{ verbs: [], nonResourceURLs: ['/x'] }, { verbs: ['get'] }] },
    [
      'rules[0].verbs: Required value: verbs must contain at least one value',
      'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
      'rules[1].apiGroups: Required value: resource rules must supply at least one api group',
      'rules[1].resources: Required value: resource rules must supply at least one resource',
    ],
  ],
  [
    'a binding',
    rbac.clusterRoleBindingDef,
    {
      roleRef: { kind: 'Role', name: '' },
      subjects: [
        { kind: 'ServiceAccount', name: 'a' },
        { kind: 'x', name: 'b' },
      ],
    },
    [
      'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
      'roleRef.name: Required value',
      'subjects[0].namespace: Required value',
      'subjects[1].kind: Unsupported value: "x": supported values: "Group", "ServiceAccount", "User"',
    ],
  ],
  ['an autoscaler', autoscaling.autoscalerDef, scaler(), []],
  [
    'an autoscaler of nothing',
    autoscaling.autoscalerDef,
    scaler({ minReplicas: 0, maxReplicas: 0, scaleTargetRef: {} }),
    [
      'spec.minReplicas: Invalid value: 0: must be greater than or equal to 1',
      'spec.maxReplicas: Invalid value: 0: must be greater than 0',
      'spec.scaleTargetRef.kind: Required value',
      'spec.scaleTargetRef.name: Required value',
    ],
  ],
  [
    'metrics',
    autoscaling.autoscalerDef,
    scaler({ metrics: [{ type: 'Resource' }] }),
    ['spec.metrics[0].resource: Required value: must populate information for the given metric source'],
  ],
  [
    'a budget',
    podDisruptionBudgetDef,
    { spec: { minAvailable: 1, maxUnavailable: '101%' } },
    [
      'spec: Invalid value: {"minAvailable":1,"maxUnavailable":"101%"}: minAvailable and maxUnavailable cannot be both set',
      'spec.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
    ],
  ],
  [
    'a StorageClass',
    storage.storageClassDef,
    { provisioner: '', volumeBindingMode: 'x' },
    ['provisioner: Required value', 'volumeBindingMode: Unsupported value: "x": supported values: "Immediate", "WaitForFirstConsumer"'],
  ],
  [
    'a CSIDriver',
    storage.csiDriverDef,
    { spec: { fsGroupPolicy: 'x', volumeLifecycleModes: ['y'] } },
    [
      'spec.fsGroupPolicy: Unsupported value: "x": supported values: "File", "None", "ReadWriteOnceWithFSType"',
      'spec.volumeLifecycleModes: Unsupported value: "y": supported values: "Ephemeral", "Persistent"',
    ],
  ],
  [
    'a CSINode',
    storage.csiNodeDef,
    {
      spec: {
        drivers: [
          { name: 'a.b', nodeID: '', topologyKeys: [] },
          { name: 'a.b', nodeID: 'n', topologyKeys: [] },
        ],
      },
    },
    ['spec.drivers[0].nodeID: Required value', 'spec.drivers[1].name: Duplicate value: "a.b"'],
  ],
  [
    'an attachment',
    storage.volumeAttachmentDef,
    { spec: { attacher: '', nodeName: 'n', source: {} } },
    ['spec.attacher: Required value', 'spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName'],
  ],
  [
    'an attributes class',
    storage.volumeAttributesClassDef,
    { driverName: 'a.b' },
    ['parameters: Required value: must contain at least one key/value pair'],
  ],
  ['a slice', endpointSliceDef, { addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'] }], ports: [{ name: 'http', port: 80 }] }, []],
  [
    'endpoints of a slice',
    endpointSliceDef,
    { addressType: 'IPv4', endpoints: [{ addresses: [] }, { addresses: ['2001:db8::1'] }], ports: [{ name: 'a' }, { name: 'a' }] },
    [
      'endpoints[0].addresses: Required value: must contain at least 1 address',
      'endpoints[1].addresses[0]: Invalid value: "2001:db8::1": must be an IPv4 address',
      'ports[1].name: Duplicate value: "a"',
    ],
  ],
  ['a webhook', admission.validatingWebhookConfigurationDef, hook(), []],
  [
    'a webhook that says too little',
    admission.mutatingWebhookConfigurationDef,
    hook({
      name: 'a.b',
      clientConfig: {},
      sideEffects: 'Some',
      admissionReviewVersions: [],
      timeoutSeconds: 31,
      rules: [{ operations: ['*', 'CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods', 'pods/*', 'pods/status'] }],
    }),
    [
      'webhooks[0].name: Invalid value: "a.b": should be a domain with at least three segments separated by dots',
      'webhooks[0].admissionReviewVersions: Required value: must specify one of v1, v1beta1',
      'webhooks[0].rules[0].operations: Invalid value: ["*","CREATE"]: if \'*\' is present, must not specify other operations',
      'webhooks[0].rules[0].resources[2]: Invalid value: "pods/status": if \'pods/*\' is present, must not specify pods/status',
      'webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"',
      'webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds',
      'webhooks[0].clientConfig: Required value: exactly one of url or service is required',
    ],
  ],
  [
    'a URL',
    admission.validatingWebhookConfigurationDef,
    hook({ clientConfig: { url: 'http://a/b?c' } }),
    [
      'webhooks[0].clientConfig.url: Invalid value: "http": \'https\' is the only allowed URL scheme; desired format: https://host[/path]',
      'webhooks[0].clientConfig.url: Invalid value: "c": query parameters are not permitted in the URL; desired format: https://host[/path]',
    ],
  ],
  ['a policy', admission.validatingAdmissionPolicyDef, policy(), []],
  [
    'a policy of nothing',
    admission.validatingAdmissionPolicyDef,
    policy({ matchConstraints: undefined, validations: [] }),
    [
      'spec.matchConstraints: Required value',
      'spec.validations: Required value: validations or auditAnnotations must contain at least one item',
      'spec.auditAnnotations: Required value: validations or auditAnnotations must contain at least one item',
    ],
  ],
  [
    'a policy binding',
    admission.validatingAdmissionPolicyBindingDef,
    { spec: { policyName: 'p', validationActions: ['Deny', 'Warn'], paramRef: { parameterNotFoundAction: 'Deny' } } },
    [
      'spec.paramRef: Required value: one of name or selector must be specified',
      'spec.validationActions: Invalid value: ["Deny","Warn"]: must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
    ],
  ],
  [
    'a priority',
    priorityClassDef,
    { value: 1_000_000_001 },
    ['value: Forbidden: maximum allowed value of a user defined priority is 1000000000'],
  ],
  [
    'a system priority',
    priorityClassDef,
    { metadata: { name: 'system-mine' }, value: 1 },
    [
      "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-mine is not a known system priority class",
    ],
  ],
  [
    'a lease',
    leaseDef,
    { spec: { leaseDurationSeconds: 0, leaseTransitions: -1 } },
    [
      'spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0',
      'spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0',
    ],
  ],
  [
    'a runtime class',
    runtimeClassDef,
    { handler: 'runc', overhead: { podFixed: { foo: '1' } } },
    [
      'overhead.podFixed.limits[foo]: Invalid value: "foo": must be a standard resource type or fully qualified',
      'overhead.podFixed.limits[foo]: Invalid value: "foo": must be a standard resource for containers',
    ],
  ],
  ['a signing request', certificateSigningRequestDef, request(), []],
  [
    'a signing request for nothing',
    certificateSigningRequestDef,
    request({ request: 'AA==', usages: ['client auth', 'client auth', 'x'], signerName: 'a', expirationSeconds: 1 }),
    [
      'spec.request: Invalid value: "AA==": PEM block type must be CERTIFICATE REQUEST',
      'spec.usages[1]: Duplicate value: "client auth"',
      'spec.usages[2]: Unsupported value: "x": supported values: "any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment", "decipher only", "digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel", "ipsec user", "key agreement", "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime", "server auth", "signing", "timestamping"',
      'spec.signerName: Invalid value: "a": must be a fully qualified domain and path of the form \'example.com/signer-name\'',
      'spec.expirationSeconds: Invalid value: 1: may not specify a duration less than 600 seconds (10 minutes)',
    ],
  ],
  [
    'a flow schema',
    flowSchemaDef,
    { spec: { priorityLevelConfiguration: { name: '' }, matchingPrecedence: 10_001, rules: [{ subjects: [] }] } },
    [
      'spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000',
      'spec.priorityLevelConfiguration.name: Required value: must reference a priority level',
      'spec.rules[0].subjects: Required value: subjects must contain at least one value',
      'spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty',
    ],
  ],
  ['a priority level', priorityLevelConfigurationDef, level(), []],
  [
    'a priority level that is exempt',
    priorityLevelConfigurationDef,
    level({ type: 'Exempt', limited: undefined }),
    ["spec.type: Invalid value: \"Exempt\": must be 'Exempt' if and only if `name` is 'exempt'"],
  ],
  ['a device claim', dra.resourceClaimDef, device(), []],
  [
    'a device claim for nothing',
    dra.resourceClaimDef,
    device({ requests: [{ name: 'a' }, { name: 'a', exactly: { deviceClassName: '', allocationMode: 'All', count: 2 } }] }),
    [
      'spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required',
      'spec.devices.requests[1]: Duplicate value: "a"',
      'spec.devices.requests[1].exactly.deviceClassName: Required value',
      "spec.devices.requests[1].exactly.count: Invalid value: 2: must not be specified when allocationMode is 'All'",
    ],
  ],
  [
    'a device slice',
    dra.resourceSliceDef,
    {
      spec: {
        driver: 'a.b',
        pool: { name: 'p', resourceSliceCount: 1 },
        nodeName: 'n',
        devices: [{ name: 'd', attributes: { model: { string: 'x' } } }],
      },
    },
    [],
  ],
  [
    'a device slice nowhere',
    dra.resourceSliceDef,
    { spec: { driver: '', pool: { name: '', resourceSliceCount: 0 } } },
    [
      'spec.driver: Required value',
      'spec.pool.name: Required value',
      'spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero',
      'spec: Required value: exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required',
    ],
  ],
]

describe('validation of the other groups', () => {
  for (const [title, def, draft, problems] of CASES)
    it(`${problems.length === 0 ? 'accepts' : 'rejects'} ${title}`, () => {
      assert.deepEqual(createProblems(any(def), draft), problems)
    })

  for (const [title, def, before, after, problem] of [
    [
      'the controller of an IngressClass',
      networking.ingressClassDef,
      { spec: { controller: 'a.b/c' } },
      { spec: { controller: 'a.b/d' } },
      'spec.controller: Invalid value: "a.b/d": field is immutable',
    ],
    [
      'the role of a binding',
      rbac.roleBindingDef,
      { roleRef: { kind: 'Role', name: 'a' } },
      { roleRef: { kind: 'Role', name: 'b' } },
      'roleRef: Invalid value: {"kind":"Role","name":"b","apiGroup":"rbac.authorization.k8s.io"}: cannot change roleRef',
    ],
    [
      'the provisioner of a StorageClass',
      storage.storageClassDef,
      { provisioner: 'a' },
      { provisioner: 'b' },
      'provisioner: Forbidden: updates to provisioner are forbidden.',
    ],
    [
      'the type of a slice',
      endpointSliceDef,
      { addressType: 'IPv4' },
      { addressType: 'IPv6' },
      'addressType: Invalid value: "IPv6": field is immutable',
    ],
    ['a priority', priorityClassDef, { value: 1 }, { value: 2 }, 'value: Forbidden: may not be changed in an update.'],
    [
      'a device claim',
      dra.resourceClaimDef,
      device(),
      device({ requests: [] }),
      'spec: Invalid value: {"devices":{"requests":[]}}: field is immutable',
    ],
  ] as const)
    it(`keeps ${title}`, () => {
      assert.deepEqual(updateProblems(any(def), before, after), [problem])
    })
})

describe('defaults of the other groups', () => {
  for (const [title, def, draft, path, value] of [
    [
      'a policy that selects for both ways',
      networking.networkPolicyDef,
      { spec: { egress: [{}] } },
      'spec.policyTypes',
      ['Ingress', 'Egress'],
    ],
    ['the group of a role', rbac.roleBindingDef, { roleRef: { kind: 'Role', name: 'a' } }, 'roleRef.apiGroup', 'rbac.authorization.k8s.io'],
    ['the mode of a StorageClass', storage.storageClassDef, { provisioner: 'a' }, 'volumeBindingMode', 'Immediate'],
    ['the modes of a CSIDriver', storage.csiDriverDef, {}, 'spec.volumeLifecycleModes', ['Persistent']],
    ['the timeout of a webhook', admission.validatingWebhookConfigurationDef, hook(), 'webhooks.0.timeoutSeconds', 10],
    ['how a webhook fails', admission.mutatingWebhookConfigurationDef, hook(), 'webhooks.0.failurePolicy', 'Fail'],
    ['the precedence of a flow schema', flowSchemaDef, {}, 'spec.matchingPrecedence', 1000],
    [
      'the queues of a priority level',
      priorityLevelConfigurationDef,
      level(),
      'spec.limited.limitResponse.queuing',
      { queues: 64, handSize: 8, queueLengthLimit: 50 },
    ],
    ['the count of devices', dra.resourceClaimDef, device(), 'spec.devices.requests.0.exactly.count', 1],
    [
      'the metric of an autoscaler',
      autoscaling.autoscalerDef,
      scaler(),
      'spec.metrics',
      [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }],
    ],
    ['the protocol of a slice', endpointSliceDef, { ports: [{ port: 1 }] }, 'ports.0', { name: '', protocol: 'TCP', port: 1 }],
  ] as const)
    it(`fill ${title}`, () => {
      const object: unknown = decoded(any(def), draft)
      const found = path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], object)
      assert.deepEqual(found, value)
    })

  it('take the requester of a certificate from the request', () => {
    const { spec } = created(certificateSigningRequestDef, request({ username: 'root', groups: ['system:masters'] }))
    assert.deepEqual([spec.username, spec.groups], [TEST_CONTEXT.user.name, TEST_CONTEXT.user.groups])
  })
})

describe('conversions', () => {
  it('bring an autoscaler of v1 to v2 and back without loss', () => {
    const { conversion } = autoscaling.autoscalerV1Def
    const v1 = decoded(autoscaling.autoscalerV1Def, {
      metadata: {
        annotations: {
          keep: 'me',
          'autoscaling.alpha.kubernetes.io/metrics': JSON.stringify([
            { type: 'Pods', pods: { metricName: 'rps', targetAverageValue: '10' } },
          ]),
        },
      },
      spec: { scaleTargetRef: { kind: 'Deployment', name: 'web' }, maxReplicas: 3, targetCPUUtilizationPercentage: 50 },
    })
    const hub = conversion?.toHub(v1)
    assert.deepEqual((hub as unknown as { spec: { metrics: unknown } }).spec.metrics, [
      {
        type: 'Pods',
        object: undefined,
        pods: { metric: { name: 'rps' }, target: { type: 'AverageValue', averageValue: '10' } },
        resource: undefined,
        containerResource: undefined,
        external: undefined,
      },
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } },
    ])
    assert.deepEqual(hub?.metadata.annotations, { keep: 'me' })
    const back = conversion?.fromHub(hub)
    assert.deepEqual(JSON.parse(JSON.stringify(back?.spec)), JSON.parse(JSON.stringify(v1.spec)))
    assert.equal(back?.metadata.annotations?.['keep'], 'me')
  })

  it('aim an autoscaler of v1 without target at 80 percent', () => {
    const v1 = decoded(autoscaling.autoscalerV1Def, { spec: { scaleTargetRef: { kind: 'D', name: 'w' }, maxReplicas: 3 } })
    const hub = autoscaling.autoscalerV1Def.conversion?.toHub(v1) as KubeObject
    assert.equal(autoscaling.autoscalerV1Def.conversion?.fromHub(hub).spec.targetCPUUtilizationPercentage, 80)
  })

  it('store events under their core names', () => {
    const event = decoded(eventsEventDef, {
      eventTime: '2026-03-01T12:00:00.000000Z',
      regarding: { kind: 'Pod', name: 'a' },
      note: 'n',
      type: 'Normal',
      reason: 'R',
      action: 'A',
      reportingController: 'c',
      reportingInstance: 'i',
    })
    const stored = eventsEventDef.conversion?.toHub(event) as unknown as Record<string, unknown>
    assert.deepEqual(
      [stored['apiVersion'], stored['message'], stored['involvedObject'], stored['reportingComponent']],
      ['v1', 'n', { kind: 'Pod', name: 'a' }, 'c'],
    )
    const back = eventsEventDef.conversion?.fromHub(stored as unknown as KubeObject)
    assert.equal(back?.note, 'n')
  })
})
