/* eslint-disable @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-call -- answers of every kind are looked into */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createServiceAllocator } from '../../core/apiserver/allocation/service-allocator.ts'
import { createObjectReader } from '../../core/apiserver/object-reader.ts'
import { silentLogger } from '../../core/observability/log.ts'
import { type Engine, type EngineOptions, startEngine } from '../helpers/engine.ts'

const SERVICES = '/api/v1/namespaces/default/services'

const allocating = (serviceCidrs: readonly string[], nodePortRange: readonly [number, number]): EngineOptions => ({
  with: (deps) => {
    const settings = { ...deps.settings, serviceCidrs, nodePortRange }
    const reader = createObjectReader({
      resources: deps.resources,
      cacheOf: deps.cacheOf,
      signal: new AbortController().signal,
      log: silentLogger,
    })
    const allocator = createServiceAllocator({ reader, serviceCidrs, nodePortRange, random: Math.random })
    return { ...deps, settings, hooks: new Map([['/services', allocator]]) }
  },
})

async function withEngine(
  run: (engine: Engine) => Promise<void>,
  cidrs = ['10.43.0.0/16'],
  ports: readonly [number, number] = [30000, 32767],
): Promise<void> {
  await using engine = await startEngine(allocating(cidrs, ports))
  await run(engine)
}

const service = (name: string, spec: object = {}): object => ({
  metadata: { name },
  spec: { selector: { app: name }, ports: [{ port: 80 }], ...spec },
})

describe('services', () => {
  it('get an address of their own and keep it', () =>
    withEngine(async ({ call }) => {
      const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => call('POST', SERVICES, service(`s${i}`))))
      for (const answer of answers) assert.equal(answer.status, 201, answer.text)
      const addresses = answers.map(({ json }) => json.spec.clusterIP as string)
      assert.equal(new Set(addresses).size, 30)
      for (const address of addresses) assert.match(address, /^10\.43\./)
      const [first] = answers
      assert.deepEqual(first?.json.spec.clusterIPs, [addresses[0]])
      assert.deepEqual([first.json.spec.ipFamilies, first.json.spec.ipFamilyPolicy], [['IPv4'], 'SingleStack'])
      const updated = await call('PUT', `${SERVICES}/s0`, service('s0', { ports: [{ port: 81 }] }))
      assert.deepEqual([updated.status, updated.json.spec.clusterIP], [200, addresses[0]])
    }))

  it('may ask for a free address of the range', () =>
    withEngine(async ({ call }) => {
      assert.equal((await call('POST', SERVICES, service('dns', { clusterIP: '10.43.0.10' }))).json.spec.clusterIP, '10.43.0.10')
      for (const [address, problem] of [
        ['10.43.0.10', 'provided IP is already allocated'],
        ['10.44.0.1', 'the provided network does not match the current range'],
      ]) {
        const answer = await call('POST', SERVICES, service('other', { clusterIP: address }))
        assert.equal(answer.status, 422)
        assert.equal(
          answer.json.message,
          `Service "other" is invalid: spec.clusterIPs: Invalid value: ["${address}"]: failed to allocate IP ${address}: ${problem}`,
        )
      }
      await call('DELETE', `${SERVICES}/dns`)
      assert.equal((await call('POST', SERVICES, service('other', { clusterIP: '10.43.0.10' }))).status, 201)
    }))

  it('give back what a failed write took', () =>
    withEngine(async ({ call }) => {
      assert.equal((await call('POST', SERVICES, service('bad', { clusterIP: '10.43.0.9', type: 'Strange' }))).status, 422)
      assert.equal((await call('POST', `${SERVICES}?dryRun=All`, service('dry', { clusterIP: '10.43.0.9' }))).status, 201)
      assert.equal((await call('POST', SERVICES, service('good', { clusterIP: '10.43.0.9' }))).status, 201)
    }))

  it('without an address stay without', () =>
    withEngine(async ({ call }) => {
      const headless = await call('POST', SERVICES, service('headless', { clusterIP: 'None' }))
      assert.deepEqual(headless.json.spec.clusterIPs, ['None'])
      const external = await call('POST', SERVICES, {
        metadata: { name: 'ext' },
        spec: { type: 'ExternalName', externalName: 'example.com' },
      })
      assert.deepEqual([external.status, external.json.spec.clusterIP], [201, undefined])
    }))

  it('get node ports, and lose them with their type', () =>
    withEngine(async ({ call }) => {
      const { json } = await call(
        'POST',
        SERVICES,
        service('np', {
          type: 'NodePort',
          ports: [
            { name: 't', port: 53, protocol: 'TCP' },
            { name: 'u', port: 53, protocol: 'UDP' },
            { name: 'x', port: 80 },
          ],
        }),
      )
      const [tcp, udp, other] = json.spec.ports.map(({ nodePort }: { nodePort: number }) => nodePort) as number[]
      assert.equal(tcp, udp)
      assert.notEqual(tcp, other)
      assert.ok(Number(tcp) >= 30000 && Number(tcp) <= 32767)
      const taken = await call('POST', SERVICES, service('second', { type: 'NodePort', ports: [{ port: 80, nodePort: tcp }] }))
      assert.equal(
        taken.json.message,
        `Service "second" is invalid: spec.ports[0].nodePort: Invalid value: ${tcp}: provided port is already allocated`,
      )
      const outside = await call('POST', SERVICES, service('second', { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] }))
      assert.equal(
        outside.json.message,
        'Service "second" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767',
      )
      const plain = await call(
        'PATCH',
        `${SERVICES}/np`,
        { spec: { type: 'ClusterIP' } },
        { headers: { 'content-type': 'application/merge-patch+json' } },
      )
      assert.equal(plain.status, 200, plain.text)
      assert.equal(plain.json.spec.ports[0].nodePort, undefined)
      assert.equal(
        (await call('POST', SERVICES, service('second', { type: 'NodePort', ports: [{ port: 80, nodePort: tcp }] }))).status,
        201,
      )
    }))

  it('for load balancers get a health check port when traffic stays local', () =>
    withEngine(async ({ call }) => {
      const { json, status, text } = await call('POST', SERVICES, service('lb', { type: 'LoadBalancer', externalTrafficPolicy: 'Local' }))
      assert.equal(status, 201, text)
      assert.ok(json.spec.healthCheckNodePort >= 30000)
      assert.ok(json.spec.ports[0].nodePort >= 30000)
      assert.notEqual(json.spec.healthCheckNodePort, json.spec.ports[0].nodePort)
      const without = await call('POST', SERVICES, service('lb2', { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false }))
      assert.equal(without.json.spec.ports[0].nodePort, undefined)
      const same = await call('PUT', `${SERVICES}/lb`, { ...json, metadata: { name: 'lb', labels: { a: 'b' } } })
      assert.deepEqual([same.status, same.json.spec.healthCheckNodePort], [200, json.spec.healthCheckNodePort])
    }))

  it('on two families get an address of each', () =>
    withEngine(
      async ({ call }) => {
        const { json } = await call('POST', SERVICES, service('dual', { ipFamilyPolicy: 'PreferDualStack' }))
        assert.deepEqual(json.spec.ipFamilies, ['IPv4', 'IPv6'])
        assert.match(json.spec.clusterIPs[1] as string, /^fd00:43::/)
        const single = await call(
          'PATCH',
          `${SERVICES}/dual`,
          { spec: { ipFamilyPolicy: 'SingleStack', ipFamilies: ['IPv4'], clusterIPs: [json.spec.clusterIP] } },
          { headers: { 'content-type': 'application/merge-patch+json' } },
        )
        assert.deepEqual([single.status, single.json.spec.clusterIPs], [200, [json.spec.clusterIP]])
      },
      ['10.43.0.0/16', 'fd00:43::/112'],
    ))

  it('say when there is none left', () =>
    withEngine(
      async ({ call }) => {
        for (const name of ['a', 'b']) assert.equal((await call('POST', SERVICES, service(name, { type: 'NodePort' }))).status, 201)
        const answer = await call('POST', SERVICES, service('c'))
        assert.deepEqual(
          [answer.status, answer.json.message],
          [500, 'Internal error occurred: failed to allocate a serviceIP: range is full'],
        )
        await call('DELETE', `${SERVICES}/a`)
        assert.equal((await call('POST', SERVICES, service('c', { type: 'NodePort' }))).status, 201)
      },
      ['10.43.0.0/30'],
      [30000, 30001],
    ))
})
