/** Services, their names and their endpoints, as Kubernetes' conformance tests put it: from pods, from the node, through the API server. */
import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { after, before, describe, it } from 'node:test'
import type { EndpointSlice, EndpointSliceList } from '../../core/api/types/discovery-v1.ts'
import type { Service } from '../../core/api/types/core-v1.ts'
import { type Cluster, clusterMissing, startCluster, until } from '../helpers/cluster.ts'
import { createAll, podOf, podReady, program, shell } from '../helpers/pods.ts'

/** Answers with its name, over TCP on 80 and 81 and over UDP on 82; `/from` with the caller's address, `/echo` with the method. */
const SERVER = `
const name = require('os').hostname()
const answer = (q, r) => r.end(q.url === '/from' ? q.socket.remoteAddress.replace('::ffff:', '') : q.url === '/echo' ? q.method : name)
for (const port of [80, 81]) require('http').createServer(answer).listen(port)
const udp = require('dgram').createSocket('udp4')
udp.on('message', (_, from) => udp.send(name, from.port, from.address))
udp.bind(82)
process.on('SIGTERM', () => {})
`
const server = (name: string, labels: Readonly<Record<string, string>>): object =>
  podOf(
    name,
    [program(SERVER, { ports: [{ name: 'web', containerPort: 80 }], readinessProbe: { httpGet: { port: 80 }, periodSeconds: 1 } })],
    {
      labels,
    },
  )
const service = (name: string, selector: object | undefined, spec: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { ...(selector && { selector }), ports: [{ name: 'http', port: 80, targetPort: 'web' }], ...spec },
})
const web = { app: 'web' }

const OBJECTS = [
  server('one', { app: 'web', at: 'one' }),
  server('two', { app: 'web' }),
  podOf('client', [shell('sleep 3600')]),
  podOf('on-node', [shell('sleep 3600')], { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }),
  podOf('member', [shell('sleep 3600')], { labels: { app: 'set' }, hostname: 'member', subdomain: 'set' }),
  podOf('never-ready', [shell('sleep 3600', { readinessProbe: { exec: { command: ['false'] } } })], {
    labels: { app: 'unready' },
    hostname: 'u',
    subdomain: 'early',
  }),
  podOf('leaving', [program(SERVER, { readinessProbe: { httpGet: { port: 80 }, periodSeconds: 1 } })], {
    labels: { app: 'leaving' },
    terminationGracePeriodSeconds: 20,
  }),
  service('plain', web, {
    ports: [
      { name: 'a', port: 8080, targetPort: 'web' },
      { name: 'b', port: 8081, targetPort: 81 },
      { name: 'u', port: 8080, protocol: 'UDP', targetPort: 82 },
    ],
  }),
  service('empty', { app: 'nobody' }),
  service('sticky', web, { sessionAffinity: 'ClientIP' }),
  service('open', web, { type: 'NodePort', sessionAffinity: 'ClientIP' }),
  service('local', { at: 'one' }, { type: 'NodePort', externalTrafficPolicy: 'Local', internalTrafficPolicy: 'Local' }),
  service('extra', web, { externalIPs: ['203.0.113.7'] }),
  service('set', { app: 'set' }, { clusterIP: 'None' }),
  service('all', web, { clusterIP: 'None' }),
  service('early', { app: 'unready' }, { clusterIP: 'None', publishNotReadyAddresses: true }),
  service('later', { app: 'unready' }, { clusterIP: 'None' }),
  service('leaving', { app: 'leaving' }, { ports: [{ port: 80 }] }),
  service('mine', undefined, { ports: [{ name: 'p', port: 80 }] }),
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'alias' },
    spec: { type: 'ExternalName', externalName: 'plain.default.svc.cluster.local' },
  },
]

describe('services', { skip: clusterMissing() ?? false }, () => {
  let cluster: Cluster
  before(async () => {
    cluster = await startCluster({ flags: ['--disable=traefik,local-storage,metrics-server,servicelb'] })
    await createAll(cluster, OBJECTS)
    await cluster.kubectl('wait --for=condition=Ready pod/one pod/two pod/client pod/on-node pod/member pod/leaving --timeout=60s')
    await until('both endpoints', async () => assert.deepEqual(await answers('plain:8080'), ['one', 'two']))
  })
  after(async () => {
    await cluster[Symbol.asyncDispose]()
  })

  const sh = async (pod: string, script: string): Promise<string> => {
    const { stdout, stderr } = await cluster.tryKubectl(['exec', pod, '--', 'sh', '-c', script])
    return stdout.trim() === '' ? stderr.trim() : stdout.trim()
  }
  const get = (url: string, from = 'client'): Promise<string> => sh(from, `timeout 3 wget -qO- http://${url}`)
  /** Who answers a number of requests, sorted. */
  const answers = async (url: string, from = 'client'): Promise<readonly string[]> => {
    const text = await sh(from, `for i in $(seq 16); do timeout 3 wget -qO- http://${url}; echo; done`)
    return [...new Set(text.split('\n').filter((name) => name !== ''))].sort()
  }
  const read = async (name: string): Promise<Service> => JSON.parse(await cluster.kubectl(`get service ${name} -o json`)) as Service
  const address = async (name: string): Promise<string> => String((await read(name)).spec.clusterIP)
  const nodePort = async (name: string): Promise<string> => {
    const { status } = await podReady(cluster, 'client')
    return `${String(status.hostIP)}:${String((await read(name)).spec.ports?.[0]?.nodePort)}`
  }
  const podIp = async (name: string): Promise<string> => String((await podReady(cluster, name)).status.podIP)
  const lookup = (name: string, type = 'a'): Promise<string> => sh('client', `nslookup -type=${type} ${name}`)
  const slices = async (name: string): Promise<readonly EndpointSlice[]> =>
    (JSON.parse(await cluster.kubectl(`get endpointslices -l kubernetes.io/service-name=${name} -o json`)) as EndpointSliceList).items
  const patch = (name: string, spec: object): Promise<string> =>
    cluster.kubectl(['patch', 'service', name, '--type=merge', '-p', JSON.stringify({ spec })])

  it('answer on all their ports and protocols, from pods, from the node and to their own pods', async () => {
    const ip = await address('plain')
    assert.ok(['one', 'two'].includes(await get(`${ip}:8081`)))
    const udp = `const u = require("dgram").createSocket("udp4"); u.on("message", (m) => { console.log(String(m)); process.exit() }); u.send("x", 8080, "${ip}")`
    assert.ok(['one', 'two'].includes(await sh('client', `timeout 3 node -e '${udp}'`)))
    assert.deepEqual(await answers(`${ip}:8080`, 'on-node'), ['one', 'two'])
    assert.deepEqual(await answers(`${ip}:8080`, 'one'), ['one', 'two'])
    assert.equal(await get(`${ip}:8080/from`), await podIp('client'))
    assert.ok(['one', 'two'].includes(await get('203.0.113.7')))
  })

  it('refuse where nobody serves', async () => {
    assert.match(await get(await address('empty')), /refused/)
    assert.match(await get(`${await address('plain')}:9999`), /refused/)
    assert.equal((await slices('empty')).length, 1)
  })

  it('keep a client at one pod when asked to', async () => {
    for (const url of [await address('sticky'), await nodePort('open')]) assert.equal((await answers(url)).length, 1, url)
    await patch('sticky', { sessionAffinity: 'None' })
    await until('both answer', async () => assert.equal((await answers(await address('sticky'))).length, 2))
  })

  it('are open on the node, and keep callers known where only local pods serve', async () => {
    const port = await nodePort('open')
    assert.ok(['one', 'two'].includes(await get(port)))
    assert.ok(['one', 'two'].includes(await get(port.replace(/^[^:]+/, '127.0.0.1'), 'on-node')))
    assert.equal(await get(`${await nodePort('local')}/from`), await podIp('client'))
    assert.equal(await get(await address('local')), 'one')
  })

  it('have names', async () => {
    const ip = await address('plain')
    for (const name of ['plain', 'plain.default', 'plain.default.svc', 'plain.default.svc.cluster.local', 'alias'])
      assert.ok(['one', 'two'].includes(await get(`${name}:8080`)), name)
    const [one, two, member] = [await podIp('one'), await podIp('two'), await podIp('member')]
    const zone = 'default.svc.cluster.local'
    const all = await lookup(`all.${zone}`)
    for (const found of [one, two]) assert.ok(all.includes(found), all)
    assert.ok((await lookup(`member.set.${zone}`)).includes(member))
    assert.ok((await lookup(`${member.replaceAll('.', '-')}.default.pod.cluster.local`)).includes(member))
    assert.match(await lookup(`_a._tcp.plain.${zone}`, 'srv'), /8080 plain\.default/)
    assert.match(await sh('client', `nslookup ${ip}`), /plain\.default\.svc/)
    assert.match(await sh('client', `nslookup ${member}`), /member\.set\.default\.svc/)
    assert.match(await lookup(`alias.${zone}`, 'cname'), /canonical name = plain\.default/)
    assert.match(await lookup(`u.early.${zone}`), /Address: 10\.42\./)
    assert.doesNotMatch(await lookup(`later.${zone}`), /Address: 10\.42\./)
  })

  it('change their type', async () => {
    await patch('extra', { type: 'ExternalName', externalName: 'two.example', clusterIP: null, clusterIPs: null, externalIPs: null })
    assert.equal((await read('extra')).spec.clusterIP, undefined)
    await patch('extra', { type: 'NodePort', externalName: null })
    const { spec } = await read('extra')
    assert.match(`${String(spec.clusterIP)} ${String(spec.ports?.[0]?.nodePort)}`, /^10\.43\.[\d.]+ \d+$/)
    await until('it answers', async () => assert.deepEqual(await answers(String(spec.clusterIP)), ['one', 'two']))
  })

  it('lead where slices and mirrored endpoints say', async () => {
    const ip = await podIp('two')
    const endpoints = {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { name: 'mine' },
      subsets: [{ addresses: [{ ip }], ports: [{ name: 'p', port: 81 }] }],
    }
    await cluster.kubectl('create -f -', { input: JSON.stringify(endpoints) })
    await until('the mirror', async () => assert.deepEqual((await slices('mine'))[0]?.endpoints[0]?.addresses, [ip]))
    await until('the answer', async () => assert.equal(await get('mine'), 'two'))
    await cluster.kubectl('delete endpoints mine')
    await until('the mirror is gone', async () => assert.deepEqual(await slices('mine'), []))
  })

  it('go on with a pod that is leaving when there is no other', async () => {
    await until('it serves', async () => assert.equal(await get('leaving'), 'leaving'))
    await cluster.kubectl('delete pod leaving --wait=false')
    await until('it is leaving', async () =>
      assert.deepEqual((await slices('leaving'))[0]?.endpoints[0]?.conditions, { ready: false, serving: true, terminating: true }),
    )
    assert.equal(await get('leaving'), 'leaving')
    await cluster.kubectl('delete pod leaving --grace-period=0 --force')
  })

  it('are reached through the API server with any method', async () => {
    const proxy = cluster.spawnKubectl('proxy --port=0')
    try {
      const line = await new Promise<string>((resolve) => proxy.stdout?.once('data', (chunk: Buffer) => resolve(chunk.toString())))
      const port = /:(\d+)/.exec(line)?.[1]
      const ask = (method: string, path: string): Promise<string> =>
        new Promise((resolve, reject) => {
          const request = httpRequest({ port, host: '127.0.0.1', method, path: `/api/v1/namespaces/default/${path}` }, (response) => {
            response.setEncoding('utf8')
            let body = ''
            response.on('data', (chunk: string) => (body += chunk))
            response.on('end', () => resolve(`${response.statusCode ?? 0} ${body}`))
          })
          request.once('error', reject)
          request.end()
        })
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
        for (const path of ['pods/one/proxy/echo', 'services/plain:a/proxy/echo', 'services/http:plain:8081/proxy/echo'])
          assert.equal(await ask(method, path), `200 ${method}`, path)
    } finally {
      proxy.kill()
    }
  })
})
