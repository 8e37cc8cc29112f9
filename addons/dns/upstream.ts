import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { connect, isIP } from 'node:net'
import { readQuestion, summarize, withId } from './wire.ts'
import type { ForwardSettings } from './settings.ts'

export interface Upstream {
  readonly host: string
  readonly port: number
}

/** Per attempt; a client's own timeout is usually 5 s. */
const ATTEMPT_MS = 2_000
const TOTAL_MS = 5_000
/** How long an upstream that did not answer is asked last. */
const PENALTY_MS = 5_000

/** Resolves addresses and resolv.conf files to servers. Throws when a file cannot be read or an address is none. */
export function readUpstreams(to: readonly string[]): readonly Upstream[] {
  return to.flatMap((target) => (target.startsWith('/') ? nameserversOf(readFileSync(target, 'utf8')) : [parseUpstream(target)]))
}

/** The nameserver lines of resolv.conf, without interface names. */
export function nameserversOf(resolvConf: string): readonly Upstream[] {
  return resolvConf
    .split('\n')
    .map((line) => /^\s*nameserver\s+([^\s%]+)/.exec(line)?.[1] ?? '')
    .filter((address) => isIP(address) !== 0)
    .map((host) => ({ host, port: 53 }))
}

function parseUpstream(text: string): Upstream {
  const bracketed = /^\[(.+)\](?::(\d+))?$/.exec(text)
  const plain = isIP(text) !== 0 ? [text, text] : (bracketed ?? /^([^:]+):(\d+)$/.exec(text))
  const host = plain?.[1] ?? ''
  if (isIP(host) === 0) throw new Error(`forward: not an IP address, or file: ${JSON.stringify(text)}`)
  return { host, port: Number(plain?.[2] ?? 53) || 53 }
}

/** Asks the upstream servers of one `forward` in the order of its policy. */
export class Forwarder {
  readonly #settings: ForwardSettings
  readonly #now: () => number
  readonly #failedAtMs = new Map<Upstream, number>()
  readonly #looping = new Set<Upstream>()
  readonly upstreams: readonly Upstream[]
  #turn = 0

  constructor(settings: ForwardSettings, upstreams: readonly Upstream[], now: () => number) {
    this.#settings = settings
    this.upstreams = upstreams
    this.#now = now
  }

  /** Never asks it again: its answers come from this very server. */
  exclude(upstream: Upstream): void {
    this.#looping.add(upstream)
  }

  /** The answer with the query's id; undefined when no upstream gave one in time. */
  async ask(query: Buffer): Promise<Buffer | undefined> {
    const deadlineMs = this.#now() + TOTAL_MS
    for (const upstream of this.#order()) {
      const leftMs = deadlineMs - this.#now()
      if (leftMs <= 0) return undefined
      try {
        const answer = await exchange(upstream, query, { tcp: this.#settings.forceTcp, timeoutMs: Math.min(ATTEMPT_MS, leftMs) })
        this.#failedAtMs.delete(upstream)
        return withId(answer, query.readUInt16BE(0))
      } catch {
        // No answer from this one: the next is asked, and the caller answers SERVFAIL when there is none.
        this.#failedAtMs.set(upstream, this.#now())
      }
    }
    return undefined
  }

  #order(): readonly Upstream[] {
    const usable = this.upstreams.filter((upstream) => !this.#looping.has(upstream))
    this.#turn += 1
    const { policy } = this.#settings
    const start =
      policy === 'sequential' || usable.length === 0 ? 0 : policy === 'random' ? randomInt(usable.length) : this.#turn % usable.length
    const rotated = [...usable.slice(start), ...usable.slice(0, start)]
    const failed = (upstream: Upstream): boolean => this.#now() - (this.#failedAtMs.get(upstream) ?? -PENALTY_MS) < PENALTY_MS
    return [...rotated.filter((upstream) => !failed(upstream)), ...rotated.filter(failed)]
  }
}

/** One question to one server: UDP, then TCP when the answer was cut. Rejects on timeout and connection errors. */
export async function exchange(
  upstream: Upstream,
  query: Buffer,
  options: { readonly tcp: boolean; readonly timeoutMs: number },
): Promise<Buffer> {
  // A fresh id and source port per question make answers hard to forge.
  const own = withId(query, randomInt(65_536))
  if (options.tcp) return exchangeTcp(upstream, own, options.timeoutMs)
  const answer = await exchangeUdp(upstream, own, options.timeoutMs)
  return summarize(answer)?.truncated === true ? exchangeTcp(upstream, own, options.timeoutMs) : answer
}

function exchangeUdp({ host, port }: Upstream, query: Buffer, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIP(host) === 6 ? 'udp6' : 'udp4')
    const end = (action: () => void): void => {
      clearTimeout(timer)
      socket.close()
      action()
    }
    const timer = setTimeout(() => end(() => reject(new Error('timed out'))), timeoutMs)
    socket.once('error', (err) => end(() => reject(err)))
    socket.on('message', (answer) => {
      if (answers(answer, query)) end(() => resolve(answer))
    })
    socket.connect(port, host, () => {
      socket.send(query)
    })
  })
}

function exchangeTcp({ host, port }: Upstream, query: Buffer, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: timeoutMs })
    let received: Buffer = Buffer.alloc(0)
    const fail = (err: Error): void => {
      socket.destroy()
      reject(err)
    }
    socket.once('timeout', () => fail(new Error('timed out')))
    socket.once('error', fail)
    socket.once('close', () => reject(new Error('the upstream closed the connection')))
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      const length = received.length >= 2 ? received.readUInt16BE(0) : Number.POSITIVE_INFINITY
      if (received.length < length + 2) return
      const answer = received.subarray(2, length + 2)
      if (!answers(answer, query)) {
        fail(new Error('the answer is to another question'))
        return
      }
      resolve(answer)
      socket.destroy()
    })
    const head = Buffer.alloc(2)
    head.writeUInt16BE(query.length)
    socket.write(Buffer.concat([head, query]))
  })
}

function answers(answer: Buffer, query: Buffer): boolean {
  if (answer.length < 12 || answer.readUInt16BE(0) !== query.readUInt16BE(0) || (answer.readUInt8(2) & 0x80) === 0) return false
  const asked = readQuestion(query)
  const answered = readQuestion(answer)
  // Servers that cannot read the question send none back, with an error code.
  return answered === undefined ? (answer.readUInt8(3) & 0x0f) !== 0 : answered.name === asked?.name && answered.type === asked.type
}
