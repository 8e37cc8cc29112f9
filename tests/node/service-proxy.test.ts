/** The packet filter with real nftables: three network namespaces on a bridge are a node with two pods and a client. */
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { after, before, describe, it } from 'node:test'
import { nftRunner } from '../../core/agent/proxy/nft.ts'
import type { HostPort, Route } from '../../core/agent/proxy/routes.ts'
import { buildRuleset, EMPTY_RULESET, frame, type Ruleset, transaction } from '../../core/agent/proxy/ruleset.ts'

const root = process.getuid?.() === 0
const id = process.pid.toString(36)
const node = `k3tsn${id}`
const pods = [`k3tsa${id}`, `k3tsb${id}`] as const
const outside = `k3tso${id}`
const TABLE = 'k3ts-test'

const sh = (...command: readonly string[]): string =>
  execFileSync(command[0] ?? '', command.slice(1), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
const inside = (ns: string, ...command: readonly string[]): string => sh('ip', 'netns', 'exec', ns, ...command)
const servers: ChildProcess[] = []

/** Answers every connection with the name of the pod and the address of the client. */
function serve(ns: string, name: string): void {
  const script = `require('net').createServer(s=>{s.on('error',()=>0);s.end('${name} '+s.remoteAddress)}).listen(8080,'0.0.0.0')`
  servers.push(spawn('ip', ['netns', 'exec', ns, process.execPath, '-e', script], { stdio: 'ignore' }))
}

function connect(ns: string, host: string, port: number): string {
  const script = `const s=require('net').connect({host:'${host}',port:${port},timeout:1500});s.on('data',d=>process.stdout.write(d));s.on('timeout',()=>{console.log('timeout');process.exit()});s.on('error',e=>console.log(e.code))`
  return inside(ns, process.execPath, '-e', script).trim()
}

const route = (over: Partial<Route> = {}): Route => ({
  label: 'ns/web:80',
  id: 'aaaa',
  protocol: 'tcp',
  clusterPort: 80,
  clusterIps: ['10.43.0.5'],
  externalIps: [],
  nodePort: undefined,
  endpoints: [
    { ip: '10.42.0.2', port: 8080, local: true },
    { ip: '10.42.0.3', port: 8080, local: true },
  ],
  externalEndpoints: [{ ip: '10.42.0.2', port: 8080, local: true }],
  affinitySeconds: undefined,
  sourceRanges: [],
  ...over,
})

describe('services in nftables', { skip: root ? false : 'needs root' }, () => {
  const run = nftRunner(['ip', 'netns', 'exec', node, 'nft'])
  let current: Ruleset = EMPTY_RULESET
  const apply = async (routes: readonly Route[], hostPorts: readonly HostPort[] = []): Promise<void> => {
    const next = buildRuleset(routes, hostPorts)
    const script = transaction(TABLE, current, next)
    if (script !== '') await run(script)
    current = next
  }

  before(async () => {
    for (const ns of [node, ...pods, outside]) sh('ip', 'netns', 'add', ns)
    inside(node, 'ip', 'link', 'add', 'cni0', 'type', 'bridge')
    inside(node, 'ip', 'addr', 'add', '10.42.0.1/24', 'dev', 'cni0')
    inside(node, 'ip', 'link', 'set', 'cni0', 'up')
    inside(node, 'ip', 'link', 'set', 'lo', 'up')
    for (const [at, ns] of pods.entries()) {
      sh('ip', 'link', 'add', `v${at}${id}`, 'netns', node, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', ns)
      inside(node, 'ip', 'link', 'set', `v${at}${id}`, 'master', 'cni0', 'up')
      inside(node, 'ip', 'link', 'set', `v${at}${id}`, 'type', 'bridge_slave', 'hairpin', 'on')
      inside(ns, 'ip', 'addr', 'add', `10.42.0.${at + 2}/24`, 'dev', 'eth0')
      inside(ns, 'ip', 'link', 'set', 'eth0', 'up')
      inside(ns, 'ip', 'route', 'add', 'default', 'via', '10.42.0.1')
      serve(ns, `pod${at}`)
    }
    sh('ip', 'link', 'add', 'up0', 'netns', node, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', outside)
    inside(node, 'ip', 'addr', 'add', '198.51.100.1/24', 'dev', 'up0')
    inside(node, 'ip', 'link', 'set', 'up0', 'up')
    inside(node, 'ip', 'route', 'add', 'default', 'via', '198.51.100.2')
    inside(outside, 'ip', 'addr', 'add', '198.51.100.2/24', 'dev', 'eth0')
    inside(outside, 'ip', 'link', 'set', 'eth0', 'up')
    for (const setting of ['net.ipv4.ip_forward=1', 'net.bridge.bridge-nf-call-iptables=1', 'net.ipv4.conf.cni0.route_localnet=1'])
      inside(node, 'sysctl', '-qw', setting)
    await run(frame({ table: TABLE, clusterCidr: '10.42.0.0/16', bridge: 'cni0' }))
    for (const host of ['10.42.0.2', '10.42.0.3'])
      for (let tries = 0; tries < 50 && !connect(node, host, 8080).startsWith('pod'); tries += 1);
  })

  after(() => {
    for (const server of servers) server.kill('SIGKILL')
    for (const ns of [node, ...pods, outside]) sh('ip', 'netns', 'del', ns)
  })

  it('reaches all endpoints through the cluster address, from the node and from pods, itself included', async () => {
    await apply([route()])
    const seen = new Set(Array.from({ length: 20 }, () => connect(node, '10.43.0.5', 80).split(' ')[0]))
    assert.deepEqual([...seen].sort(), ['pod0', 'pod1'])
    const hairpin = new Set(Array.from({ length: 20 }, () => connect(pods[0], '10.43.0.5', 80).split(' ')[0]))
    assert.deepEqual([...hairpin].sort(), ['pod0', 'pod1'])
  })

  it('refuses at once when there is no endpoint, and on ports the service does not have', async () => {
    await apply([route({ endpoints: [] })])
    assert.equal(connect(pods[0], '10.43.0.5', 80), 'ECONNREFUSED')
    await apply([route()])
    assert.equal(connect(pods[0], '10.43.0.5', 81), 'ECONNREFUSED')
  })

  it('serves node ports to outsiders with their own address, and not from thin air', async () => {
    await apply([route({ nodePort: 30_080 })])
    assert.equal(connect(outside, '198.51.100.1', 30_080), 'pod0 198.51.100.2')
    await apply([route({ nodePort: 30_080, externalEndpoints: [] })])
    assert.equal(connect(outside, '198.51.100.1', 30_080), 'ECONNREFUSED')
  })

  it('publishes host ports, on the loopback address too', async () => {
    await apply([], [{ protocol: 'tcp', port: 8088, hostIp: '', podIp: '10.42.0.3', podPort: 8080 }])
    assert.equal(connect(outside, '198.51.100.1', 8088), 'pod1 198.51.100.2')
    assert.equal(connect(node, '127.0.0.1', 8088), 'pod1 10.42.0.1')
  })

  it('keeps a client on one endpoint when asked to', async () => {
    await apply([route({ affinitySeconds: 60 })])
    const seen = new Set(Array.from({ length: 12 }, () => connect(pods[1], '10.43.0.5', 80).split(' ')[0]))
    assert.equal(seen.size, 1)
  })

  it('lets load balancer clients in by source range only', async () => {
    await apply([route({ externalIps: ['203.0.113.7'], sourceRanges: ['192.0.2.0/24'] })])
    inside(outside, 'ip', 'route', 'replace', '203.0.113.7', 'via', '198.51.100.1')
    assert.equal(connect(outside, '203.0.113.7', 80), 'timeout')
    await apply([route({ externalIps: ['203.0.113.7'], sourceRanges: ['198.51.100.0/24'] })])
    assert.match(connect(outside, '203.0.113.7', 80), /^pod0/)
  })

  it('leaves nothing behind when the services go', async () => {
    await apply([])
    const left = inside(node, 'nft', 'list', 'table', 'ip', TABLE)
    assert.doesNotMatch(left, /svc-|ep-|elements/)
  })

  it('lets pods reach the outside with the address of the node', () => {
    serve(outside, 'world')
    let answer = ''
    for (let tries = 0; tries < 20 && !answer.startsWith('world'); tries += 1) answer = connect(pods[0], '198.51.100.2', 8080)
    assert.equal(answer, 'world 198.51.100.1')
  })
})
