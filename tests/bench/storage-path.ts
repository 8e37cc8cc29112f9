import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * What one request costs the server over listener, cache and store with a trivial handler, in CPU microseconds: a figure that other
 * load on the machine hardly moves. Needs wrk, h2load and taskset; the server has core 0 (its writer thread core 1), the load core 1.
 * Usage: node tests/bench/storage-path.ts [thread|in-process] [seconds]
 */
const [mode = 'thread', seconds = '4'] = process.argv.slice(2)
const PROGRAM = new URL('./programs/storage-server.ts', import.meta.url).pathname
const ROUNDS = 3

const POD = {
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: { name: 'x', labels: { app: 'web', tier: 'front' }, annotations: { note: 'n'.repeat(300) } },
  spec: {
    containers: Array.from({ length: 4 }, (_, i) => ({
      name: `c${i}`,
      image: 'registry.example.com/team/image:1.2.3',
      env: [{ name: 'A', value: 'v'.repeat(300) }],
    })),
  },
}

interface Result {
  readonly requests: number
  readonly cpuMicros: number
  readonly seconds: number
  readonly latency: string
}

function cpuMicros(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

function measure(server: ChildProcess, run: () => { readonly requests: number; readonly latency: string }): Result {
  const pid = server.pid ?? 0
  const [cpu, from] = [cpuMicros(pid), performance.now()]
  const { requests, latency } = run()
  return { requests, latency, cpuMicros: cpuMicros(pid) - cpu, seconds: (performance.now() - from) / 1000 }
}

function wrk(url: string, connections: number, script?: string): { requests: number; latency: string } {
  const args = [
    '-c',
    '1',
    'wrk',
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '--latency',
    ...(script === undefined ? [] : ['-s', script]),
    url,
  ]
  const out = execFileSync('taskset', args, { encoding: 'utf8' })
  const [, p50, p99] = [/99%/, /50%\s+(\S+)/, /99%\s+(\S+)/].map((pattern) => pattern.exec(out)?.[1] ?? '?')
  return { requests: Number(/(\d+) requests in/.exec(out)?.[1]), latency: `p50 ${p50} p99 ${p99}` }
}

function h2load(url: string, requests: number): { requests: number; latency: string } {
  const out = execFileSync('taskset', ['-c', '1', 'h2load', '-n', String(requests), '-c', '8', '-m', '16', url], { encoding: 'utf8' })
  return { requests: Number(/(\d+) succeeded/.exec(out)?.[1]), latency: /time for request:(.*)/.exec(out)?.[1]?.trim() ?? '' }
}

function report(name: string, results: readonly Result[]): void {
  const perRequest = results.map((result) => result.cpuMicros / result.requests).sort((a, b) => a - b)
  const rates = results.map((result) => result.requests / result.seconds).sort((a, b) => a - b)
  const middle = results.length >> 1
  const line = [
    name.padEnd(34),
    `${(perRequest[middle] ?? 0).toFixed(1)} us CPU`,
    `best ${(perRequest[0] ?? 0).toFixed(1)}`,
    `${Math.round(rates[middle] ?? 0)}/s`,
    results.at(-1)?.latency,
  ]
  console.log(line.join('  '))
}

const rounds = <T>(run: () => T): T[] => Array.from({ length: ROUNDS }, run)

const folder = await mkdtemp(join(tmpdir(), 'k3ts-bench-'))
const script = join(folder, 'create.lua')
await writeFile(script, `wrk.method = "POST"\nwrk.headers["content-type"] = "application/json"\nwrk.body = [[${JSON.stringify(POD)}]]\n`)
const server = spawn('taskset', ['-c', '0', process.execPath, PROGRAM, join(folder, 'state.db'), mode], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
try {
  const [line] = (await once(server.stdout, 'data')) as [Buffer]
  const url = `https://127.0.0.1:${line.toString().trim()}`
  console.log(`one pod is ${JSON.stringify(POD).length} bytes; writer: ${mode}`)
  report(
    'create, HTTP/1.1, 1 connection',
    rounds(() => measure(server, () => wrk(url, 1, script))),
  )
  report(
    'create, HTTP/1.1, 64 connections',
    rounds(() => measure(server, () => wrk(url, 64, script))),
  )
  report(
    'get, HTTP/1.1, 1 connection',
    rounds(() => measure(server, () => wrk(`${url}/n1/p1`, 1))),
  )
  report(
    'get, HTTP/1.1, 64 connections',
    rounds(() => measure(server, () => wrk(`${url}/n1/p1`, 64))),
  )
  report(
    'get, HTTP/2, 8 x 16',
    rounds(() => measure(server, () => h2load(`${url}/n1/p1`, 100_000))),
  )
  const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]
  console.log(`resident ${Math.round(Number(rss) / 1024)} MB`)
} finally {
  server.kill('SIGTERM')
  await once(server, 'exit')
  await rm(folder, { recursive: true, force: true })
}
