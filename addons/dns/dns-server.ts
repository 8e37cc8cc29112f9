import { randomBytes } from 'node:crypto'
import { decode, type Question } from 'dns-packet'
import type { Logger } from '../../core/observability/log.ts'
import type { Metrics } from './metrics.ts'
import { EMPTY, encodeReply, queryFor, RCODE, type Resolver } from './resolver.ts'
import { type BlockSettings, closestZone } from './settings.ts'
import { exchange, type Forwarder } from './upstream.ts'
import { readQuestion, summarize, truncate } from './wire.ts'

/** A server block ready to answer. */
export interface ServedBlock {
  readonly settings: BlockSettings
  readonly resolver: Resolver
  readonly forwarders: readonly Forwarder[]
}

export interface DnsServerDeps {
  readonly log: Logger
  readonly metrics: Metrics
}

const PLAIN_UDP_BYTES = 512
const MAX_UDP_BYTES = 4_096
const QUERY_OPCODE = 0
const PROBE_MS = 2_000

/** Turns messages into answers with the server block of the longest matching zone. The blocks of a port can be replaced at any time. */
export class DnsServer {
  readonly #deps: DnsServerDeps
  readonly #probes = new Set<string>()
  #blocks = new Map<number, readonly ServedBlock[]>()

  constructor(deps: DnsServerDeps) {
    this.#deps = deps
  }

  get ports(): readonly number[] {
    return [...this.#blocks.keys()]
  }

  serve(blocks: readonly ServedBlock[]): void {
    const byPort = new Map<number, ServedBlock[]>()
    for (const block of blocks) {
      for (const port of new Set(block.settings.keys.map((key) => key.port))) byPort.set(port, [...(byPort.get(port) ?? []), block])
    }
    this.#blocks = byPort
  }

  async handle(message: Buffer, via: 'udp' | 'tcp', port: number): Promise<Buffer | undefined> {
    // Answers that arrive at a server are noise or an attempt to make two servers talk for ever.
    if (message.length < 12 || (message.readUInt8(2) & 0x80) !== 0) return undefined
    try {
      const answer = await this.#answer(message, port)
      this.#deps.metrics.answered(via, answer.readUInt8(3) & 0x0f)
      return via === 'tcp' || answer.length <= udpLimit(message) ? answer : truncate(answer)
    } catch (err) {
      this.#deps.log.debug({ err }, 'Query could not be answered')
      return bare(message, RCODE.formatError)
    }
  }

  async #answer(message: Buffer, port: number): Promise<Buffer> {
    if (((message.readUInt8(2) >> 3) & 0x0f) !== QUERY_OPCODE) return bare(message, RCODE.notImplemented)
    const asked = readQuestion(message)
    if (asked === undefined) return bare(message, RCODE.formatError)
    if (this.#probes.delete(asked.name)) return bare(message, RCODE.refused)
    const block = this.#blockFor(asked.name, port)
    if (block === undefined) return bare(message, RCODE.refused)
    const query = decode(message)
    const question = query.questions?.[0] as Question
    if (block.settings.logQueries) this.#deps.log.info({ name: question.name, type: question.type }, 'Query')
    const reply = await block.resolver.resolve(question, message)
    if (reply.kind === 'raw') return reply.message
    const edns = summarize(message)?.udpSize !== undefined
    return encodeReply(reply, { id: message.readUInt16BE(0), flags: query.flags ?? 0, question, edns })
  }

  #blockFor(name: string, port: number): ServedBlock | undefined {
    let best: { readonly zone: string; readonly block: ServedBlock } | undefined
    for (const block of this.#blocks.get(port) ?? []) {
      const zones = block.settings.keys.filter((key) => key.port === port).map((key) => key.zone)
      const zone = closestZone(name, zones)
      if (zone !== undefined && (best === undefined || zone.length > best.zone.length)) best = { zone, block }
    }
    return best?.block
  }

  /** Asks each upstream for a name nobody else knows; who sees it come back here forwards to itself, and that upstream is dropped. */
  async probeLoops(): Promise<void> {
    const blocks = new Set([...this.#blocks.values()].flat().filter(({ settings }) => settings.probeLoops))
    for (const forwarder of [...blocks].flatMap(({ forwarders }) => forwarders)) {
      for (const upstream of forwarder.upstreams) {
        const name = `${randomBytes(8).toString('hex')}.${randomBytes(8).toString('hex')}`
        this.#probes.add(name)
        await exchange(upstream, queryFor({ name, type: 'HINFO' }), { tcp: false, timeoutMs: PROBE_MS }).catch(() => undefined)
        if (this.#probes.delete(name)) continue
        this.#deps.log.error({ upstream: upstream.host, port: upstream.port }, 'Upstream leads back to this server and is left out')
        forwarder.exclude(upstream)
      }
    }
  }
}

function udpLimit(query: Buffer): number {
  return Math.min(MAX_UDP_BYTES, Math.max(PLAIN_UDP_BYTES, summarize(query)?.udpSize ?? 0))
}

/** Header alone, with the question when it can be read. */
function bare(query: Buffer, rcode: number): Buffer {
  const question = readQuestion(query)
  if (question !== undefined) {
    const decoded = decode(query).questions?.[0]
    if (decoded !== undefined) {
      return encodeReply({ ...EMPTY, rcode }, { id: query.readUInt16BE(0), flags: query.readUInt16BE(2), question: decoded, edns: false })
    }
  }
  const answer = Buffer.alloc(12)
  answer.writeUInt16BE(query.readUInt16BE(0), 0)
  answer.writeUInt16BE(0x8000 | (query.readUInt16BE(2) & 0x7900) | rcode, 2)
  return answer
}
