import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { writeOf } from '../../../../tests/helpers/admission.ts'
import { FakeReader } from '../../../../tests/helpers/object-reader.ts'
import type { PodLike } from './check.ts'
import { describeViolations, violationsOf } from './evaluate.ts'
import { podSecurity } from './pod-security.ts'
import { OPEN_POLICY, policyOf, showStandard } from './policy.ts'

const pod = (container: object = {}, spec: object = {}, annotations: Record<string, string> = {}): PodLike =>
  ({ metadata: { name: 'web', annotations }, spec: { containers: [{ name: 'a', image: 'x', ...container }], ...spec } }) as never
const context = (securityContext: object): object => ({ securityContext })
const hardened = {
  runAsNonRoot: true,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
}

describe('pod security standards', () => {
  const baseline = (subject: PodLike, version: number | 'latest' = 'latest'): string =>
    describeViolations(violationsOf({ level: 'baseline', version }, subject))
  const restricted = (subject: PodLike, version: number | 'latest' = 'latest'): string =>
    describeViolations(violationsOf({ level: 'restricted', version }, subject))

  it('let plain pods pass the baseline and hardened ones both', () => {
    assert.equal(baseline(pod()), '')
    assert.equal(restricted(pod(context(hardened))), '')
    assert.deepEqual(violationsOf({ level: 'privileged', version: 'latest' }, pod(context({ privileged: true }))), [])
  })

  for (const { subject, text } of [
    { subject: pod(context({ privileged: true })), text: 'privileged (container "a" must not set securityContext.privileged=true)' },
    {
      subject: pod(context({ capabilities: { add: ['SYS_ADMIN', 'CHOWN', 'NET_ADMIN'] } })),
      text: 'non-default capabilities (container "a" must not include "NET_ADMIN", "SYS_ADMIN" in securityContext.capabilities.add)',
    },
    { subject: pod({}, { hostNetwork: true, hostPID: true }), text: 'host namespaces (hostNetwork=true, hostPID=true)' },
    { subject: pod({}, { volumes: [{ name: 'v', hostPath: { path: '/' } }] }), text: 'hostPath volumes (volume "v")' },
    {
      subject: pod({ ports: [{ hostPort: 80 }, { hostPort: 443 }, { containerPort: 1 }] }),
      text: 'hostPort (container "a" uses hostPorts 443, 80)',
    },
    {
      subject: pod({ livenessProbe: { httpGet: { host: '10.0.0.1', port: 1 } } }),
      text: 'probe or lifecycle host (container "a" uses probe or lifecycle host "10.0.0.1")',
    },
    {
      subject: pod(context({ procMount: 'Unmasked' })),
      text: 'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
    },
    {
      subject: pod(context({ seccompProfile: { type: 'Unconfined' } }), context({ seccompProfile: { type: 'Unconfined' } })),
      text: 'seccompProfile (pod and container "a" must not set securityContext.seccompProfile.type to "Unconfined")',
    },
    {
      subject: pod(context({ seLinuxOptions: { type: 'evil_t', user: 'u' } })),
      text: 'seLinuxOptions (container "a" set forbidden securityContext.seLinuxOptions: type "evil_t"; user may not be set)',
    },
    {
      subject: pod({}, context({ sysctls: [{ name: 'kernel.msgmax' }, { name: 'net.ipv4.tcp_rmem' }] })),
      text: 'forbidden sysctls (kernel.msgmax)',
    },
    {
      subject: pod({}, {}, { 'container.apparmor.security.beta.kubernetes.io/a': 'unconfined' }),
      text: 'forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/a="unconfined"")',
    },
    {
      subject: pod({}, context({ windowsOptions: { hostProcess: true } })),
      text: 'hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)',
    },
  ]) {
    it(`forbid at the baseline: ${text.slice(0, 40)}`, () => {
      assert.equal(baseline(subject), text)
    })
  }

  it('list everything a plain pod lacks for the restricted level', () => {
    assert.equal(
      restricted(pod()),
      [
        'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false)',
        'unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"])',
        'runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true)',
        'seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
      ].join(', '),
    )
  })

  for (const { subject, text } of [
    {
      subject: pod(context({ ...hardened, capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE', 'CHOWN'] } })),
      text: 'unrestricted capabilities (container "a" must not include "CHOWN" in securityContext.capabilities.add)',
    },
    {
      subject: pod(context(hardened), {
        volumes: [
          { name: 'h', hostPath: { path: '/' } },
          { name: 'n', nfs: {} },
          { name: 's', secret: {} },
        ],
      }),
      text: 'restricted volume types (volumes "h", "n" use restricted volume types "hostPath", "nfs")',
    },
    { subject: pod(context({ ...hardened, runAsUser: 0 })), text: 'runAsUser=0 (container "a" must not set runAsUser=0)' },
    {
      subject: pod(context({ ...hardened, runAsNonRoot: false }), context({ runAsNonRoot: false })),
      text: 'runAsNonRoot != true (pod and container "a" must not set securityContext.runAsNonRoot=false)',
    },
  ]) {
    it(`forbid at the restricted level: ${text.slice(0, 40)}`, () => {
      assert.equal(restricted(subject), text)
    })
  }

  it('know the rules of older versions', () => {
    assert.equal(baseline(pod({ livenessProbe: { httpGet: { host: 'x', port: 1 } } }), 33), '')
    assert.equal(restricted(pod(context({ ...hardened, runAsUser: 0 })), 22), '')
    assert.equal(baseline(pod({}, context({ sysctls: [{ name: 'net.ipv4.tcp_rmem' }] })), 31), 'forbidden sysctls (net.ipv4.tcp_rmem)')
    assert.equal(baseline(pod({}, { hostPID: true }), 99), 'host namespaces (hostPID=true)')
  })

  it('ask less of pods in their own user namespace', () => {
    assert.equal(baseline(pod(context({ procMount: 'Unmasked' }), { hostUsers: false })), '')
    assert.equal(restricted(pod(context({ ...hardened, runAsUser: 0 }), { hostUsers: false })), '')
    assert.match(restricted(pod(context({ ...hardened, procMount: 'Unmasked' }), { hostUsers: false })), /^procMount/)
  })

  it('look into init and ephemeral containers', () => {
    const bad = { name: 'b', securityContext: { privileged: true } }
    assert.equal(
      baseline(pod({}, { initContainers: [bad], ephemeralContainers: [{ ...bad, name: 'c' }] })),
      'privileged (containers "b", "c" must not set securityContext.privileged=true)',
    )
  })
})

describe('labels of a namespace', () => {
  const label = (labels: Record<string, string>): Record<string, string> =>
    Object.fromEntries(Object.entries(labels).map(([key, value]) => [`pod-security.kubernetes.io/${key}`, value]))

  it('are read with their versions, and enforcing warns too', () => {
    const { policy, problems } = policyOf(label({ enforce: 'baseline', 'enforce-version': 'v1.30', audit: 'restricted' }))
    assert.deepEqual(problems, [])
    assert.equal(showStandard(policy.enforce), 'baseline:v1.30')
    assert.equal(showStandard(policy.audit), 'restricted:latest')
    assert.equal(showStandard(policy.warn), 'baseline:v1.30')
  })

  it('enforce the strictest level when wrong, and neither audit nor warn', () => {
    const { policy, problems } = policyOf(label({ enforce: 'strict', warn: 'x', 'audit-version': '1.30' }))
    assert.equal(policy.enforce.level, 'restricted')
    assert.equal(policy.warn.level, 'privileged')
    assert.deepEqual(
      problems.map(({ field, message }) => `${field}: ${message}`),
      [
        'metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted',
        'metadata.labels[pod-security.kubernetes.io/audit-version]: Invalid value: "1.30": must be "latest" or "v1.x"',
        'metadata.labels[pod-security.kubernetes.io/warn]: Invalid value: "x": must be one of privileged, baseline, restricted',
      ],
    )
  })

  it('decide about pods: refused, warned of, or nothing', () => {
    const reader = new FakeReader()
    const plugin = podSecurity({ reader })
    const type = { group: '', resource: 'namespaces' }
    reader.put(type, { metadata: { name: 'default', labels: label({ enforce: 'baseline', warn: 'restricted' }) } } as never)
    const warnings: string[] = []
    const attempt = (object: object, more: object = {}): void => {
      void plugin.validate?.(writeOf({ object, warnings, ...more }))
    }
    assert.throws(
      () => {
        attempt(pod({}, { hostPID: true }))
      },
      { message: 'pods "web" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostPID=true)', code: 403 },
    )
    attempt(pod())
    assert.match(warnings[0] ?? '', /^would violate PodSecurity "restricted:latest": allowPrivilegeEscalation/)
    warnings.length = 0
    const old = pod({}, { hostPID: true })
    attempt(structuredClone(old), { oldObject: old, operation: 'UPDATE' })
    const { spec } = pod(context({ privileged: true }))
    attempt({ metadata: { name: 'd' }, spec: { template: { metadata: {}, spec } } }, { group: 'apps', resource: 'deployments' })
    assert.equal(warnings.length, 1)
  })

  it('tell the audit log what is enforced, what would be refused and who is exempt', () => {
    const reader = new FakeReader()
    const configuration = {
      defaults: OPEN_POLICY,
      exempt: { users: new Set<string>(), runtimeClasses: new Set(['vm']), namespaces: new Set(['kube-system']) },
    }
    const plugin = podSecurity({ reader, configuration })
    reader.put({ group: '', resource: 'namespaces' }, { metadata: { name: 'default', labels: label({ audit: 'baseline' }) } } as never)
    const told = (object: object, more: object = {}): Record<string, string> => {
      const annotations: Record<string, string> = {}
      const annotate = (key: string, value: string): void => {
        annotations[key.replace('pod-security.kubernetes.io/', '')] = value
      }
      void plugin.validate?.({ ...writeOf({ object, ...more }), annotate })
      return annotations
    }
    const bad = pod({}, { hostPID: true })
    const violations = 'would violate PodSecurity "baseline:latest": host namespaces (hostPID=true)'
    assert.deepEqual(told(bad), { 'enforce-policy': 'privileged:latest', 'audit-violations': violations })
    assert.deepEqual(told(pod()), { 'enforce-policy': 'privileged:latest' })
    const template = { metadata: { name: 'd' }, spec: { template: { metadata: {}, spec: bad.spec } } }
    assert.deepEqual(told(template, { group: 'apps', resource: 'deployments' }), { 'audit-violations': violations })
    assert.deepEqual(told(pod({}, { hostPID: true, runtimeClassName: 'vm' })), { exempt: 'runtimeClass' })
    assert.deepEqual(told(bad, { namespace: 'kube-system' }), { exempt: 'namespace' })
  })

  it('are checked when set, and existing pods are told', () => {
    const reader = new FakeReader()
    const plugin = podSecurity({ reader })
    const namespace = (labels: Record<string, string>): object => ({ metadata: { name: 'one', labels: label(labels) } })
    const write = (next: object, old?: object): string[] => {
      const warnings: string[] = []
      void plugin.validate?.(writeOf({ resource: 'namespaces', object: next, ...(old !== undefined && { oldObject: old }), warnings }))
      return warnings
    }
    assert.throws(() => write(namespace({ enforce: 'x' })), { code: 422, message: /^Namespace "one" is invalid: metadata.labels/ })
    const owner = [{ uid: 'o', controller: true }]
    for (const name of ['a', 'b', 'c']) {
      const subject = pod({}, { hostPID: true })
      reader.put({ group: '', resource: 'pods' }, { ...subject, metadata: { name, namespace: 'one', ownerReferences: owner } } as never)
    }
    assert.deepEqual(write(namespace({ enforce: 'baseline' }), namespace({})), [
      'existing pods in namespace "one" violate the new PodSecurity enforce level "baseline:latest"',
      'a (and 2 other pods): host namespaces',
    ])
    assert.deepEqual(write(namespace({ enforce: 'baseline' }), namespace({ enforce: 'restricted' })), [])
  })
})
