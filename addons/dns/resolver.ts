import { randomInt } from 'node:crypto'
import {
  AUTHORITATIVE_ANSWER,
  type Answer,
  decode,
  encode,
  type Question,
  type RecordType,
  RECURSION_AVAILABLE,
  RECURSION_DESIRED,
} from 'dns-packet'
import type { AnswerCache } from './answer-cache.ts'
import type { ClusterDirectory } from './directory.ts'
import { type HostsTable, lookupHosts } from './hosts.ts'
import { type Found, lookup, soa } from './records.ts'
import { type BlockSettings, closestZone, type Fallthrough, isWithin } from './settings.ts'
import type { Forwarder } from './upstream.ts'

export const RCODE = { noError: 0, formatError: 1, serverFailure: 2, nameError: 3, notImplemented: 4, refused: 5 } as const

/** A finished message of an upstream, or the parts of one made here. */
export type Reply = { readonly kind: 'raw'; readonly message: Buffer } | BuiltReply

export interface BuiltReply {
  readonly kind: 'built'
  readonly rcode: number
  readonly authoritative: boolean
  readonly answers: readonly Answer[]
  readonly authorities: readonly Answer[]
  readonly additionals: readonly Answer[]
}

export interface ResolverDeps {
  readonly settings: BlockSettings
  readonly directory: ClusterDirectory | undefined
  /** In the order of `settings.hosts`. */
  readonly hosts: readonly { table: HostsTable }[]
  /** In the order of `settings.forward`. */
  readonly forwarders: readonly Forwarder[]
  readonly cache: AnswerCache
}

interface Asked {
  readonly question: Question
  /** Lower case, no final dot. */
  readonly name: string
  /** The message as it came; absent for names followed inside. */
  readonly raw?: Buffer
  readonly cacheKey: string
}

/** Aliases followed for one answer. */
const MAX_ALIASES = 8

/** One server block: asks its plugins in CoreDNS's order, hosts, kubernetes, forward. */
export class Resolver {
  readonly #deps: ResolverDeps

  constructor(deps: ResolverDeps) {
    this.#deps = deps
  }

  resolve(question: Question, raw: Buffer): Promise<Reply> {
    return this.#resolve({ question, name: plainName(question.name), raw, cacheKey: cacheKey(raw) }, 0)
  }

  async #resolve(asked: Asked, depth: number): Promise<Reply> {
    return this.#fromHosts(asked) ?? (await this.#fromCluster(asked, depth)) ?? (await this.#fromUpstream(asked))
  }

  #fromHosts({ question, name }: Asked): Reply | undefined {
    for (const [index, settings] of this.#deps.settings.hosts.entries()) {
      const zone = closestZone(name, settings.zones)
      const table = this.#deps.hosts[index]?.table
      if (zone === undefined || table === undefined) continue
      const found = lookupHosts(question, table, { ttlSeconds: settings.ttlSeconds, reverse: settings.reverse })
      if (found !== undefined) return this.#built(found)
      if (!fallsThrough(name, settings.fallthrough)) return { ...EMPTY, rcode: RCODE.nameError, authoritative: true }
    }
    return undefined
  }

  async #fromCluster(asked: Asked, depth: number): Promise<Reply | undefined> {
    const { directory, settings } = this.#deps
    for (const kubernetes of settings.kubernetes) {
      const zone = closestZone(asked.name, kubernetes.zones)
      if (zone === undefined) continue
      // Before the first list "no such name" would be a lie that clients cache.
      if (directory?.synced() !== true) return { ...EMPTY, rcode: RCODE.serverFailure }
      const found = lookup(asked.question, zone, kubernetes, directory)
      const authority = soa(zone, kubernetes.ttlSeconds, directory.serial())
      if (found === undefined) {
        if (fallsThrough(asked.name, kubernetes.fallthrough)) continue
        return { ...EMPTY, rcode: RCODE.nameError, authoritative: true, authorities: [authority] }
      }
      if (asked.question.type === 'SOA' && asked.name === zone) return this.#built({ answers: [authority], additionals: [] })
      if (found.alias !== undefined) return await this.#follow(asked, found, depth)
      return this.#built(found, authority)
    }
    return undefined
  }

  /** Adds the records an alias leads to, when they can be had. */
  async #follow(asked: Asked, found: Found, depth: number): Promise<Reply> {
    const { alias = '' } = found
    const alone = this.#built(found)
    if (asked.question.type === 'CNAME' || depth >= MAX_ALIASES) return alone
    const question = { ...asked.question, name: alias }
    const next = await this.#resolve({ question, name: plainName(alias), cacheKey: `${plainName(alias)} ${question.type}` }, depth + 1)
    if (next.kind === 'built') return { ...alone, answers: [...alone.answers, ...next.answers] }
    const answers = decode(next.message).answers ?? []
    return { ...alone, answers: [...alone.answers, ...answers] }
  }

  async #fromUpstream(asked: Asked): Promise<Reply> {
    const { cache, forwarders, settings } = this.#deps
    const index = closestForward(asked.name, settings)
    const forwarder = index === undefined ? undefined : forwarders[index]
    if (forwarder === undefined) return { ...EMPTY, rcode: RCODE.refused }
    const query = asked.raw ?? queryFor(asked.question)
    const cached = cache.get(asked.cacheKey, query.readUInt16BE(0))
    if (cached !== undefined) return { kind: 'raw', message: cached }
    const answer = await forwarder.ask(query)
    if (answer === undefined) return { ...EMPTY, rcode: RCODE.serverFailure }
    cache.put(asked.cacheKey, answer)
    return { kind: 'raw', message: answer }
  }

  #built(found: Found, authority?: Answer): BuiltReply {
    const answers = this.#deps.settings.shuffle ? shuffled(found.answers) : found.answers
    const authorities = answers.length === 0 && authority !== undefined ? [authority] : []
    return { ...EMPTY, authoritative: true, answers, additionals: found.additionals, authorities }
  }
}

export const EMPTY: BuiltReply = {
  kind: 'built',
  rcode: RCODE.noError,
  authoritative: false,
  answers: [],
  authorities: [],
  additionals: [],
}

/** Encodes a reply for the query `raw`. `edns` says whether the query had an OPT record. */
export function encodeReply(
  reply: BuiltReply,
  query: { readonly id: number; readonly flags: number; readonly question: Question; readonly edns: boolean },
): Buffer {
  const flags = reply.rcode | (reply.authoritative ? AUTHORITATIVE_ANSWER : 0) | RECURSION_AVAILABLE | (query.flags & RECURSION_DESIRED)
  return encode({
    type: 'response',
    id: query.id,
    flags,
    questions: [query.question],
    answers: [...reply.answers],
    authorities: [...reply.authorities],
    additionals: [...reply.additionals, ...(query.edns ? [OPT] : [])],
  })
}

/** Size that passes every link without fragments. Source: DNS Flag Day 2020. */
const OPT: Answer = {
  type: 'OPT',
  name: '.',
  udpPayloadSize: 1232,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
}

/** Lower case, without the final dot; the root is empty. */
export function plainName(name: string): string {
  return name === '.' ? '' : name.toLowerCase().replace(/\.$/, '')
}

/** A query under a random identifier that asks for recursion. */
export function queryFor(question: { readonly name: string; readonly type: RecordType }): Buffer {
  return encode({ type: 'query', id: randomInt(65_536), flags: RECURSION_DESIRED, questions: [{ ...question, class: 'IN' }] })
}

/** All of the question but its id: name, type, class, flags that change the answer, EDNS. */
function cacheKey(raw: Buffer): string {
  return raw.toString('latin1', 2)
}

function closestForward(name: string, settings: BlockSettings): number | undefined {
  let best: number | undefined
  for (const [index, forward] of settings.forward.entries()) {
    if (!isWithin(name, forward.from) || forward.except.some((zone) => isWithin(name, zone))) continue
    if (best === undefined || forward.from.length > (settings.forward[best]?.from.length ?? 0)) best = index
  }
  return best
}

function fallsThrough(name: string, zones: Fallthrough): boolean {
  return zones.some((zone) => isWithin(name, zone))
}

/** Clients mostly take the first address. Aliases stay before what they lead to. */
function shuffled(answers: readonly Answer[]): readonly Answer[] {
  const addresses = answers.filter(({ type }) => type === 'A' || type === 'AAAA')
  for (let index = addresses.length - 1; index > 0; index -= 1) {
    const other = randomInt(index + 1)
    const [a, b] = [addresses[index], addresses[other]]
    if (a === undefined || b === undefined) continue
    addresses[index] = b
    addresses[other] = a
  }
  return [...answers.filter(({ type }) => type !== 'A' && type !== 'AAAA'), ...addresses]
}
