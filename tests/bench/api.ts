/**
 * The API server as a client sees it: over TLS, authenticated and authorized, each write on disk before its answer.
 * Usage: node tests/bench/api.ts [--seconds N] [--objects N] [--watchers N]. Needs wrk and h2load.
 * The references are kube-apiserver 1.35.6 over etcd 3.5.30 on a machine of the same kind (2 virtual CPUs), load from the same machine.
 */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import type { ClientHttp2Session } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { type BenchServer, cpuMicros, post, rssMegabytes, send, startBenchServer, threadHeaps } from './server.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    objects: { type: 'string', default: '10000' },
    watchers: { type: 'string', default: '1000' },
  },
})
const [seconds, objects, mostWatchers] = [values.seconds, values.objects, values.watchers].map(Number) as [number, number, number]

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps'
const WATCHED = '/api/v1/namespaces/watched/configmaps'
const VALUE = 'v'.repeat(1_800)
const KUBERNETES = { readyMs: 2_600, idleMegabytes: 317, creates: { 1: 667, 8: 1_772, 64: 2_325 }, gets: { 1: 1_446, 64: 4_829 } } as const

type Row = readonly [what: string, figure: string, detail: string, ratio: string]
const rows: Row[] = []
function row(...cells: Row): void {
  rows.push(cells)
  process.stderr.write(`${cells.filter((cell) => cell !== '').join('   ')}\n`)
}
const ratio = (ours: number, theirs: number | undefined, unit = ''): string =>
  theirs === undefined ? '' : `${(ours / theirs).toFixed(2)}x of ${theirs}${unit}`

interface Load {
  readonly requests: number
  readonly perSecond: number
  readonly p50: string
  readonly p99: string
  readonly failed: number
  readonly cpuPerRequest: number
}

async function load(server: BenchServer, connections: number, script: string): Promise<Load> {
  const folder = await mkdtemp(join(tmpdir(), 'k3ts-wrk-'))
  try {
    const file = join(folder, 'load.lua')
    writeFileSync(file, script)
    const before = cpuMicros(server.pid)
    const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '-s', file, server.url]
    const { stdout } = await promisify(execFile)('wrk', args)
    const requests = Number(/(\d+) requests in/.exec(stdout)?.[1])
    return {
      requests,
      perSecond: Math.round(Number(/Requests\/sec:\s+(\S+)/.exec(stdout)?.[1])),
      p50: /^\s+50%\s+(\S+)/m.exec(stdout)?.[1] ?? '?',
      p99: /^\s+99%\s+(\S+)/m.exec(stdout)?.[1] ?? '?',
      failed: Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0),
      cpuPerRequest: Math.round((cpuMicros(server.pid) - before) / requests),
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}

const header = (token: string): string =>
  `wrk.headers["Authorization"] = "Bearer ${token}"\nwrk.headers["Content-Type"] = "application/json"\n`

/** What client-go does: few connections, many requests at once on each. */
async function multiplexed(
  server: BenchServer,
): Promise<{ readonly perSecond: number; readonly cpuPerRequest: number; readonly failed: number }> {
  const before = cpuMicros(server.pid)
  const url = `${server.url}${CONFIG_MAPS}/filler-1`
  const { stdout } = await promisify(execFile)('h2load', [
    '-t1',
    '-c8',
    '-m16',
    `-D${seconds}`,
    '-H',
    `authorization: Bearer ${server.token}`,
    url,
  ])
  const [, done, failed] = /(\d+) succeeded, (\d+) failed/.exec(stdout) ?? []
  const requests = Number(done)
  return {
    perSecond: Math.round(requests / seconds),
    cpuPerRequest: Math.round((cpuMicros(server.pid) - before) / requests),
    failed: Number(failed),
  }
}

const createScript = (token: string, prefix: string): string => `${header(token)}
local n = 0
function request()
  n = n + 1
  local body = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"${prefix}-' .. n .. '"},"data":{"v":"${VALUE}"}}'
  return wrk.format("POST", "${CONFIG_MAPS}", nil, body)
end`

const getScript = (token: string, count: number): string => `${header(token)}
local n = 0
function request()
  n = n % ${count} + 1
  return wrk.format("GET", "${CONFIG_MAPS}/filler-" .. n)
end`

function report(what: string, result: Load, reference: number | undefined): void {
  const failed = result.failed > 0 ? `, ${result.failed} FAILED` : ''
  const detail = `p50 ${result.p50}, p99 ${result.p99}, ${result.cpuPerRequest} us server CPU each${failed}`
  row(what, `${result.perSecond}/s`, detail, ratio(result.perSecond, reference, '/s'))
}

const configMap = (name: string): object => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { v: VALUE } })

async function fill(session: ClientHttp2Session): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < objects) {
      next += 1
      await post(session, CONFIG_MAPS, configMap(`filler-${next}`))
    }
  }
  await Promise.all(Array.from({ length: 32 }, worker))
}

async function measureList(server: BenchServer, session: ClientHttp2Session): Promise<void> {
  const times: number[] = []
  let megabytes = 0
  for (let round = 0; round < 5; round += 1) {
    const from = performance.now()
    const { body } = await send(session, { path: CONFIG_MAPS })
    times.push(performance.now() - from)
    megabytes = body.length / 1e6
  }
  times.sort((a, b) => a - b)
  row(`list of ${objects}`, `${(times[2] ?? 0).toFixed(0)} ms`, `${megabytes.toFixed(1)} MB; ${rssMegabytes(server.pid)} MB RSS after`, '')
}

/** Deliveries of one change to `count` watchers, twenty changes one after the other. */
async function measureWatch(server: BenchServer, count: number): Promise<void> {
  const sessions = Array.from({ length: Math.ceil(count / 50) }, () => server.connect())
  const changes = 20
  const lags: number[] = []
  const writer = server.connect()
  const list = await send(writer, { path: `${WATCHED}?limit=1` })
  const { resourceVersion } = (JSON.parse(list.body.toString()) as { metadata: { resourceVersion: string } }).metadata
  let sentAt = 0
  let missing = 0
  let allHere: (() => void) | undefined
  const streams = Array.from({ length: count }, (_, index) => {
    const session = sessions[index % sessions.length] as ClientHttp2Session
    const stream = session.request({ ':path': `${WATCHED}?watch=true&resourceVersion=${resourceVersion}` })
    stream.on('data', (chunk: Buffer) => {
      if (!chunk.includes('\n')) return
      lags.push(performance.now() - sentAt)
      missing -= 1
      if (missing === 0) allHere?.()
    })
    return stream
  })
  await Promise.all(streams.map((stream) => new Promise((resolve) => stream.once('response', resolve))))
  const before = cpuMicros(server.pid)
  const from = performance.now()
  for (let change = 0; change < changes; change += 1) {
    missing = count
    const arrived = new Promise<void>((resolve) => (allHere = resolve))
    sentAt = performance.now()
    const name = `w${count}-${change}`
    await post(writer, WATCHED, configMap(name))
    await arrived
  }
  const elapsed = (performance.now() - from) / 1000
  const cpu = (cpuMicros(server.pid) - before) / (changes * count)
  for (const session of [...sessions, writer]) session.destroy()
  lags.sort((a, b) => a - b)
  const at = (part: number): string => (lags[Math.floor(lags.length * part)] ?? 0).toFixed(1)
  const detail = `write to delivery p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, ${cpu.toFixed(0)} us server CPU each`
  row(`watch, ${count} watchers`, `${Math.round((changes * count) / elapsed)} deliveries/s`, detail, '')
}

async function main(): Promise<void> {
  await using server = await startBenchServer()
  row(
    'cold start to /readyz',
    `${Math.round(server.readyMs)} ms`,
    'empty data folder',
    ratio(Math.round(server.readyMs), KUBERNETES.readyMs, ' ms'),
  )
  await new Promise((resolve) => setTimeout(resolve, 8_000)) // until the first reconciliations are over
  const session = server.connect()
  const memory = async (when: string, reference?: number): Promise<void> => {
    const megabytes = rssMegabytes(server.pid)
    row(`memory, ${when}`, `${megabytes} MB`, `heaps of the threads: ${await threadHeaps(session)} MB`, ratio(megabytes, reference, ' MB'))
  }
  await memory('idle', KUBERNETES.idleMegabytes)
  await fill(session)
  await memory(`with ${objects} objects of 2 KB`)
  await send(session, { method: 'DELETE', path: CONFIG_MAPS })
  await load(server, 8, createScript(server.token, 'warm')) // compiled code is what lasts
  for (const connections of [1, 8, 64] as const) {
    const result = await load(server, connections, createScript(server.token, `c${connections}`))
    report(`create 2 KB, ${connections} at once`, result, KUBERNETES.creates[connections])
  }
  await send(session, { method: 'DELETE', path: CONFIG_MAPS })
  await fill(session)
  for (const connections of [1, 8, 64] as const) {
    const reference = connections === 8 ? undefined : KUBERNETES.gets[connections]
    report(`get 2 KB, ${connections} at once`, await load(server, connections, getScript(server.token, objects)), reference)
  }
  const { perSecond, cpuPerRequest, failed } = await multiplexed(server)
  row(
    'get 2 KB, HTTP/2, 8 x 16 at once',
    `${perSecond}/s`,
    `${cpuPerRequest} us server CPU each${failed > 0 ? `, ${failed} FAILED` : ''}`,
    '',
  )
  await measureList(server, session)
  await post(session, '/api/v1/namespaces', { metadata: { name: 'watched' } })
  for (const count of [1, 10, 100, 1_000].filter((wanted) => wanted <= mostWatchers)) await measureWatch(server, count)
  await memory('after all this')
  await new Promise((resolve) => setTimeout(resolve, 60_000)) // idle heaps are collected
  await memory('one minute later')
  session.destroy()
  const lines = rows.map((cells) => `| ${cells.join(' | ')} |`)
  process.stdout.write(['| What | k3ts | | against Kubernetes |', '|---|---|---|---|', ...lines, ''].join('\n'))
}

await main()
