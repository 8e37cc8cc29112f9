import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { apiServerArgs, COMPONENT_ARGS, controllerManagerArgs, idleArgs, kubeletArgs } from './component-args.ts'

describe('arguments for the parts of Kubernetes', () => {
  it('of the API server are read with or without dashes, and lists can be added to', () => {
    const problems: string[] = []
    const args = apiServerArgs(
      [
        '--enable-admission-plugins=AlwaysPullImages,PodNodeSelector',
        'enable-admission-plugins+=EventRateLimit',
        'disable-admission-plugins=PodSecurity',
        'enable-bootstrap-token-auth=false',
        'token-auth-file=/etc/tokens.csv',
        'max-requests-inflight=800',
        'event-ttl=30m',
      ],
      problems,
    )
    assert.deepEqual(problems, [])
    assert.deepEqual(args, {
      admission: { enable: ['AlwaysPullImages', 'PodNodeSelector', 'EventRateLimit'], disable: ['PodSecurity'] },
      acceptsBootstrapTokens: false,
      tokenAuthFile: '/etc/tokens.csv',
      maxReads: 800,
      eventTtlMs: 1_800_000,
    })
  })

  it('have the defaults of Kubernetes and K3s', () => {
    assert.deepEqual(apiServerArgs([], []), { admission: { enable: [], disable: [] }, acceptsBootstrapTokens: true })
    assert.deepEqual(controllerManagerArgs([], []), { controllers: ['*'] })
  })

  it('of the audit log come together, with the limits of Kubernetes', () => {
    const read = (...items: string[]): { readonly audit: unknown; readonly problems: readonly string[] } => {
      const problems: string[] = []
      const { audit } = apiServerArgs(items, problems)
      return { audit, problems }
    }
    const [path, policy] = ['audit-log-path=-', 'audit-policy-file=/p.yaml']
    const limits = { maxSize: 100, maxBackups: 0, maxAgeDays: 0, compress: false }
    assert.deepEqual(read(path, policy), { audit: { path: '-', policyFile: '/p.yaml', ...limits }, problems: [] })
    assert.deepEqual(
      read(path, policy, 'audit-log-maxage=30', 'audit-log-maxbackup=10', 'audit-log-maxsize=5', 'audit-log-compress').audit,
      {
        ...{ path: '-', policyFile: '/p.yaml' },
        ...{ maxSize: 5, maxBackups: 10, maxAgeDays: 30, compress: true },
      },
    )
    assert.deepEqual(read(path).problems, [
      '--kube-apiserver-arg=audit-log-path records nothing without audit-policy-file; give both or neither',
    ])
    assert.deepEqual(read(policy).problems, [
      '--kube-apiserver-arg=audit-policy-file records nothing without audit-log-path; give both or neither',
    ])
    assert.deepEqual(read(path, policy, 'audit-log-format=legacy').problems, [
      '--kube-apiserver-arg=audit-log-format: "legacy" is not json, the only format here',
    ])
  })

  it('of the controller manager choose controllers and limits', () => {
    const args = controllerManagerArgs(['controllers=*,-cronjob', 'terminated-pod-gc-threshold=10', 'node-cidr-mask-size=25'], [])
    assert.deepEqual(args, { controllers: ['*', '-cronjob'], terminatedPodThreshold: 10, nodeCidrMaskIpv4: 25 })
  })

  it('of the kubelet keep commas and what stands behind the first equals sign', () => {
    const problems: string[] = []
    const args = kubeletArgs(['eviction-hard=memory.available<100Mi,nodefs.available<5%', 'system-reserved=cpu=100m,memory=1Gi'], problems)
    assert.deepEqual(problems, [])
    assert.deepEqual(args, {
      'eviction-hard': 'memory.available<100Mi,nodefs.available<5%',
      'system-reserved': 'cpu=100m,memory=1Gi',
    })
  })

  it('that are unknown or cannot be read are all told, with what is known', () => {
    const problems: string[] = []
    apiServerArgs(
      ['anonymous-auth=true', 'constructor=1', 'max-requests-inflight=many', 'event-ttl=x', 'enable-bootstrap-token-auth=yes'],
      problems,
    )
    controllerManagerArgs(['cluster-signing-cert-file=/ca.crt'], problems)
    const told = problems.map((problem) => problem.replace(/ What it takes: .*/, ''))
    assert.deepEqual(told.sort(), [
      '--kube-apiserver-arg: "anonymous-auth" has no effect in this version of k3ts; remove it.',
      '--kube-apiserver-arg: "constructor" has no effect in this version of k3ts; remove it.',
      '--kube-apiserver-arg=enable-bootstrap-token-auth: "yes" is not true or false',
      '--kube-apiserver-arg=event-ttl: "x" is not a duration such as 1h',
      '--kube-apiserver-arg=max-requests-inflight: "many" is not a whole number',
      '--kube-controller-manager-arg: "cluster-signing-cert-file" has no effect in this version of k3ts; remove it.',
    ])
    assert.match(problems.find((problem) => problem.includes('signing')) ?? '', /takes: controllers, terminated-pod-gc-threshold/)
  })

  it('that tune a program which is none here are taken with a warning; what promises safety is refused', () => {
    const [problems, warnings]: readonly [string[], string[]] = [[], []]
    controllerManagerArgs(['bind-address=0.0.0.0', 'leader-elect=false'], problems, warnings)
    apiServerArgs(['profiling=false', '--v=2'], problems, warnings)
    kubeletArgs(['kube-api-qps=50', 'max-pods=20'], problems, warnings)
    assert.deepEqual(problems, [])
    assert.deepEqual(warnings, [
      '--kube-controller-manager-arg: "bind-address" has no effect in k3ts',
      '--kube-controller-manager-arg: "leader-elect" has no effect in k3ts',
      '--kube-apiserver-arg: "profiling" has no effect in k3ts',
      '--kube-apiserver-arg: "v" has no effect in k3ts',
      '--kubelet-arg: "kube-api-qps" has no effect in k3ts',
    ])
    const safety = [
      'audit-webhook-config-file=/x',
      'audit-webhook-mode=batch',
      'encryption-provider-config=/x',
      'anonymous-auth=false',
      'oidc-issuer-url=x',
    ]
    apiServerArgs([...safety, 'authorization-mode=Node', 'tls-min-version=VersionTLS13', 'client-ca-file=/x'], problems, [])
    kubeletArgs(['anonymous-auth=false', 'protect-kernel-defaults=true', 'read-only-port=0'], problems, [])
    assert.equal(problems.length, 11)
  })

  it('of parts without settings are idle or refused', () => {
    const [problems, warnings]: readonly [string[], string[]] = [[], []]
    const given: Readonly<Record<string, readonly string[]>> = {
      'kube-proxy-arg': ['metrics-bind-address=0.0.0.0', 'masquerade-all=true'],
      'kube-scheduler-arg': ['bind-address=0.0.0.0', 'config=/x'],
    }
    idleArgs((flag) => given[flag] ?? [], { problems, warnings })
    assert.deepEqual(problems, [
      '--kube-scheduler-arg: "config" has no effect in this version of k3ts; remove it.',
      '--kube-proxy-arg: "masquerade-all" has no effect in this version of k3ts; remove it.',
    ])
    assert.equal(warnings.length, 2)
  })

  it('all stand in the README', () => {
    const text = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
    for (const names of Object.values(COMPONENT_ARGS)) for (const name of Object.keys(names)) assert.ok(text.includes(`\`${name}\``), name)
  })
})
