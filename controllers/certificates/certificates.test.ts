import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { certificateSigningRequests, subjectAccessReviews } from '../../core/api/kinds.ts'
import type { CertificateSigningRequest } from '../../core/api/types/certificates-v1.ts'
import type { Draft } from '../../core/meta/object.ts'
import { type Bench, controllerBench } from '../../tests/helpers/controller-bench.ts'
import type { CertificateSigner, RequestFacts } from '../runtime/context.ts'
import { certificateApprovalController } from './approval.ts'
import { certificateCleanupController } from './cleanup.ts'
import { requestProblem } from './signers.ts'
import { certificateSigningController } from './signing.ts'

const NODE: RequestFacts = {
  commonName: 'system:node:n1',
  organizations: ['system:nodes'],
  dnsNames: [],
  ipAddresses: [],
  emailAddresses: [],
  uris: [],
}
const CLIENT_USAGES = ['digital signature', 'client auth']

describe('requests that signers take', () => {
  const kubelet = 'kubernetes.io/kube-apiserver-client-kubelet'
  const serving = 'kubernetes.io/kubelet-serving'
  for (const { title, signer, facts, usages, problem } of [
    { title: 'a node', signer: kubelet, facts: NODE, usages: CLIENT_USAGES, problem: undefined },
    {
      title: 'a user in disguise',
      signer: kubelet,
      facts: { ...NODE, commonName: 'admin' },
      usages: CLIENT_USAGES,
      problem: /common name/,
    },
    {
      title: 'more groups than nodes have',
      signer: kubelet,
      facts: { ...NODE, organizations: ['system:nodes', 'system:masters'] },
      usages: CLIENT_USAGES,
      problem: /organization/,
    },
    { title: 'a client with host names', signer: kubelet, facts: { ...NODE, dnsNames: ['x'] }, usages: CLIENT_USAGES, problem: /DNS/ },
    { title: 'a client that wants to serve', signer: kubelet, facts: NODE, usages: [...CLIENT_USAGES, 'server auth'], problem: /usages/ },
    {
      title: 'a kubelet that serves',
      signer: serving,
      facts: { ...NODE, ipAddresses: ['10.0.0.1'] },
      usages: ['digital signature', 'server auth'],
      problem: undefined,
    },
    {
      title: 'a kubelet that serves under no name',
      signer: serving,
      facts: NODE,
      usages: ['digital signature', 'server auth'],
      problem: /required/,
    },
    {
      title: 'a client of the API',
      signer: 'kubernetes.io/kube-apiserver-client',
      facts: { ...NODE, commonName: 'me' },
      usages: ['client auth'],
      problem: undefined,
    },
    {
      title: 'an API client that wants to serve',
      signer: 'kubernetes.io/kube-apiserver-client',
      facts: NODE,
      usages: ['server auth'],
      problem: /usage/,
    },
  ]) {
    it(title, () => {
      const found = requestProblem(signer, facts, usages)
      if (problem === undefined) assert.equal(found, undefined)
      else assert.match(found ?? '', problem)
    })
  }
})

async function start(bench: Bench, facts: RequestFacts = NODE, allowed = true): Promise<void> {
  const { cluster, clock } = bench
  const requests = cluster.informers.informer(certificateSigningRequests)
  const signer: CertificateSigner = {
    inspect: async () => facts,
    sign: async ({ lifetimeSeconds, signerName }) => `signed by ${signerName} for ${lifetimeSeconds}`,
  }
  const create = cluster.create.bind(cluster)
  cluster.create = async (type, draft) => {
    const made = await create(type, draft)
    return (type as { resource: string }).resource === subjectAccessReviews.resource ? { ...made, status: { allowed } } : made
  }
  const shared = { client: cluster, requests, clock }
  await bench.run(
    certificateApprovalController({ ...shared, signer }),
    certificateSigningController({ ...shared, signer }),
    certificateCleanupController(shared),
  )
}
const seed = (
  bench: Bench,
  spec: Draft<CertificateSigningRequest['spec']>,
  conditions: Draft<CertificateSigningRequest['status']['conditions']> = [],
): void => {
  const base = {
    request: Buffer.from('PEM').toString('base64'),
    signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
    usages: CLIENT_USAGES as never,
    username: 'system:node:n1',
  }
  bench.cluster.seed(certificateSigningRequests, {
    metadata: { name: 'r' },
    spec: { ...base, ...spec },
    status: { conditions: conditions },
  })
}
const request = (bench: Bench): CertificateSigningRequest | undefined => bench.cluster.all(certificateSigningRequests)[0]
const certificate = (bench: Bench): string => Buffer.from(request(bench)?.status.certificate ?? '', 'base64').toString()
const types = (bench: Bench): (string | undefined)[] =>
  request(bench)?.status.conditions?.map(({ type, reason }) => `${type} ${reason ?? ''}`) ?? []
const approved = [{ type: 'Approved', status: 'True', reason: 'ByHand', lastUpdateTime: '2026-01-01T00:00:00Z' }]

describe('certificate requests', () => {
  it('of kubelets are approved and signed when they may have them', async () => {
    await using bench = controllerBench()
    seed(bench, {})
    await start(bench)
    assert.deepEqual(types(bench), ['Approved AutoApproved'])
    assert.equal(certificate(bench), 'signed by kubernetes.io/kube-apiserver-client-kubelet for 31536000')
  })

  it('wait for an administrator otherwise', async () => {
    await using bench = controllerBench()
    seed(bench, {})
    await start(bench, NODE, false)
    assert.deepEqual([types(bench), certificate(bench)], [[], ''])
  })

  it('live as long as they ask for, within limits', async () => {
    await using bench = controllerBench()
    seed(bench, { signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'], expirationSeconds: 3600 }, approved)
    await start(bench, { ...NODE, commonName: 'me', organizations: [] })
    assert.equal(certificate(bench), 'signed by kubernetes.io/kube-apiserver-client for 3600')
  })

  it('that break the rules of their signer fail', async () => {
    await using bench = controllerBench()
    seed(bench, {}, approved)
    await start(bench, { ...NODE, commonName: 'admin' })
    assert.deepEqual([types(bench), certificate(bench)], [['Approved ByHand', 'Failed SignerValidationFailure'], ''])
  })

  it('are left to foreign signers', async () => {
    await using bench = controllerBench()
    seed(bench, { signerName: 'example.com/own' }, approved)
    await start(bench)
    assert.equal(certificate(bench), '')
  })

  it('are deleted an hour after the decision, and a day without one', async () => {
    await using bench = controllerBench()
    seed(bench, {}, [{ type: 'Denied', status: 'True', lastUpdateTime: '2026-01-01T00:00:00Z' }])
    await start(bench)
    await bench.clock.advance(3_590_000)
    assert.ok(request(bench))
    await bench.clock.advance(20_000)
    await bench.settle()
    assert.equal(request(bench), undefined)
    seed(bench, { signerName: 'example.com/own' })
    await bench.clock.advance(23 * 3_600_000)
    assert.ok(request(bench))
    await bench.clock.advance(2 * 3_600_000)
    await bench.settle()
    assert.equal(request(bench), undefined)
  })
})
