import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, it } from 'node:test'
import { eventually } from '../helpers/eventually.ts'
import { bodyOf } from '../helpers/http-bench.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

const PROGRAM = new URL('./programs/api-server.ts', import.meta.url).pathname
const ROUNDS = 5
const WRITERS = 8
const MAPS = '/api/v1/namespaces/default/configmaps'

interface ConfigMap {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly resourceVersion: string }
  readonly data: { readonly counter: string }
}

interface ConfigMapList {
  readonly metadata: { readonly resourceVersion: string }
  readonly items: readonly ConfigMap[]
}

interface Known {
  readonly revision: number
  readonly counter: number
}

/** One life of the server, from start to kill. */
class Life implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #port: number
  readonly #agent = new Agent({ keepAlive: true })

  private constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.#port = port
  }

  static async begin(path: string): Promise<Life> {
    const child = spawn(process.execPath, [PROGRAM, path], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    return new Life(child, Number(line.toString()))
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  open(method: string, path: string, body?: unknown): Promise<IncomingMessage> {
    const headers = { 'content-type': 'application/json' }
    const options = { host: '127.0.0.1', port: this.#port, method, path, agent: this.#agent, headers, rejectUnauthorized: false }
    return new Promise((resolve, reject) => {
      const outgoing = request(options, resolve)
      outgoing.on('error', reject)
      outgoing.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }

  async send(method: string, path: string, body?: unknown): Promise<{ readonly status: number; readonly json: unknown }> {
    const response = await this.open(method, path, body)
    return { status: response.statusCode ?? 0, json: JSON.parse((await bodyOf(response)).toString()) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill()
    this.#agent.destroy()
    await eventually(() => assert.ok(this.#child.exitCode !== null || this.#child.signalCode !== null))
  }
}

function knownOf(object: ConfigMap): Known {
  return { revision: Number(object.metadata.resourceVersion), counter: Number(object.data.counter) }
}

/** Raises a counter in one object until the server is gone. */
async function write(life: Life, name: string, acknowledged: Map<string, Known>): Promise<void> {
  const read = await life.send('GET', `${MAPS}/${name}`)
  let current = read.status === 200 ? (read.json as ConfigMap) : undefined
  for (;;) {
    const counter = String(Number(current?.data.counter ?? 0) + 1)
    const object = { metadata: { ...current?.metadata, name, namespace: 'default' }, data: { counter } }
    const answer = current === undefined ? await life.send('POST', MAPS, object) : await life.send('PUT', `${MAPS}/${name}`, object)
    assert.ok(answer.status === 200 || answer.status === 201, JSON.stringify(answer.json))
    current = answer.json as ConfigMap
    assert.equal(current.data.counter, counter)
    acknowledged.set(name, knownOf(current))
  }
}

/** Follows the objects until the server is gone; every event must be newer than the one before, and none missing. */
async function watch(life: Life, from: string, seen: Map<string, Known>): Promise<void> {
  let last = Number(from)
  for await (const line of createInterface({ input: await life.open('GET', `${MAPS}?watch=true&resourceVersion=${from}`) })) {
    const object = wholeEvent(line)
    if (object === undefined) return
    const known = knownOf(object)
    assert.ok(known.revision > last, `event ${known.revision} after ${last}`)
    last = known.revision
    const before = seen.get(object.metadata.name)
    if (before !== undefined) assert.equal(known.counter, before.counter + 1, 'no change is left out or shown twice')
    seen.set(object.metadata.name, known)
  }
}

/** The last line of a killed server may be cut. */
function wholeEvent(line: string): ConfigMap | undefined {
  try {
    return (JSON.parse(line) as { readonly object: ConfigMap }).object
  } catch {
    return undefined
  }
}

/** What a new life of the server shows must be at least as new as what the ones before acknowledged and showed. */
function assertKept(what: string, known: ReadonlyMap<string, Known>, found: ReadonlyMap<string, Known>): void {
  for (const [name, { revision, counter }] of known) {
    const now = found.get(name)
    const kept = now !== undefined && now.revision >= revision && now.counter >= counter
    assert.ok(kept, `${name}: ${what} ${counter}@${revision}, found ${JSON.stringify(now)}`)
  }
}

describe('an API server that is killed', () => {
  it('keeps what it acknowledged and what it showed, and never goes back', { timeout: 120_000 }, async () => {
    await using folder = await temporaryFolder('server-kill')
    const acknowledged = new Map<string, Known>()
    const shown = new Map<string, Known>()
    let listed = 0
    for (let round = 0; round <= ROUNDS; round += 1) {
      await using life = await Life.begin(join(folder.path, 'state.db'))
      await life.send('POST', '/api/v1/namespaces', { metadata: { name: 'default' } })
      const { metadata, items } = (await life.send('GET', MAPS)).json as ConfigMapList
      assert.ok(Number(metadata.resourceVersion) >= listed)
      listed = Number(metadata.resourceVersion)
      const found = new Map(items.map((item) => [item.metadata.name, knownOf(item)]))
      assertKept('acknowledged', acknowledged, found)
      assertKept('showed', shown, found)

      const views = [new Map(found), new Map(found)]
      const watching = views.map((view) => watch(life, metadata.resourceVersion, view))
      const writing = Array.from({ length: WRITERS }, (_, i) => write(life, `map-${i}`, acknowledged))
      setTimeout(() => life.kill(), 300 + round * 90)
      for (const result of await Promise.allSettled([...watching, ...writing])) {
        if (result.status === 'rejected' && result.reason instanceof assert.AssertionError) throw result.reason
      }
      for (const [name, known] of views.flatMap((view) => [...view])) {
        if ((shown.get(name)?.revision ?? 0) < known.revision) shown.set(name, known)
      }
    }
    assert.ok(
      [...acknowledged.values()].every((known) => known.counter > ROUNDS),
      'every writer got through in every round',
    )
    assert.equal(shown.size, WRITERS)
  })
})
