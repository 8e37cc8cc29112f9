import { EvaluationError } from '../issue.ts'
import type { Meter } from '../meter.ts'
import { method, type Overload } from '../overload.ts'
import { BOOL, DYN, INT, list, STRING } from '../types.ts'
import { type ListValue, NativeList, type Value } from '../values.ts'
import { format } from './string-format.ts'

/** Looking for a part takes the product of both lengths at worst. Source: apiserver, cel/library/cost. */
function search(text: string, part: string, meter: Meter): void {
  meter.spend((1 + text.length * 0.1) * (1 + part.length * 0.1))
}

/** Positions count code points. */
const points = (text: string): string[] => Array.from(text)

function indexOf(text: string, part: string, from: bigint, meter: Meter): bigint {
  search(text, part, meter)
  const [all, wanted] = [points(text), points(part)]
  if (from < 0n || from > BigInt(all.length)) throw new EvaluationError(`index out of range: ${from}`)
  for (let at = Number(from); at + wanted.length <= all.length; at++)
    if (wanted.every((point, i) => all[at + i] === point)) return BigInt(at)
  return -1n
}

function lastIndexOf(text: string, part: string, from: bigint | undefined, meter: Meter): bigint {
  search(text, part, meter)
  const [all, wanted] = [points(text), points(part)]
  if (from !== undefined && (from < 0n || from >= BigInt(all.length))) throw new EvaluationError(`index out of range: ${from}`)
  const start = Math.min(all.length - wanted.length, Number(from ?? BigInt(all.length)))
  for (let at = start; at >= 0; at--) if (wanted.every((point, i) => all[at + i] === point)) return BigInt(at)
  return -1n
}

function substring(text: string, from: bigint, to?: bigint): string {
  const all = points(text)
  const end = to ?? BigInt(all.length)
  if (from < 0n || from > BigInt(all.length)) throw new EvaluationError(`index out of range: ${from}`)
  if (end < 0n || end > BigInt(all.length)) throw new EvaluationError(`index out of range: ${end}`)
  if (from > end) throw new EvaluationError(`invalid substring range. start: ${from}, end: ${end}`)
  return all.slice(Number(from), Number(end)).join('')
}

interface Replacement {
  readonly old: string
  readonly next: string
  /** How often at most; all places when negative. */
  readonly limit: bigint
}

/** Nothing stands before and after each code point. */
function replace(text: string, { old, next, limit }: Replacement, meter: Meter): string {
  search(text, old + next, meter)
  if (limit === 0n) return text
  const parts = old === '' ? ['', ...points(text), ''] : text.split(old)
  const count = limit < 0n ? parts.length - 1 : Math.min(Number(limit), parts.length - 1)
  meter.spend(count * (1 + next.length * 0.1))
  return [...parts.slice(0, count), parts.slice(count).join(old)].join(next)
}

function split(text: string, separator: string, limit: bigint): ListValue {
  if (limit === 0n) return new NativeList([])
  const parts = separator === '' ? points(text) : text.split(separator)
  if (limit < 0n || parts.length <= Number(limit)) return new NativeList(parts)
  const head = parts.slice(0, Number(limit) - 1)
  return new NativeList([...head, parts.slice(head.length).join(separator)])
}

function join(parts: ListValue, separator: string, meter: Meter): string {
  return Array.from(parts, (part: Value) => {
    if (typeof part !== 'string') throw new EvaluationError('no such overload: join of a list that holds other than strings')
    meter.spend(1 + (part.length + separator.length) * 0.1)
    return part
  }).join(separator)
}

function charAt(text: string, index: bigint): string {
  const all = points(text)
  if (index < 0n || index > BigInt(all.length)) throw new EvaluationError(`index out of range: ${index}`)
  return all[Number(index)] ?? ''
}

/** Strings, with the extension library of Kubernetes. Source: cel-go, ext/strings, version 2. */
export const STRINGS: readonly Overload[] = [
  method('contains', [STRING, STRING], BOOL, (text, part, meter) => {
    search(text, part, meter)
    return text.includes(part)
  }),
  method('startsWith', [STRING, STRING], BOOL, (text, part) => text.startsWith(part)),
  method('endsWith', [STRING, STRING], BOOL, (text, part) => text.endsWith(part)),
  method('charAt', [STRING, INT], STRING, charAt),
  method('indexOf', [STRING, STRING], INT, (text, part, meter) => indexOf(text, part, 0n, meter)),
  method('indexOf', [STRING, STRING, INT], INT, indexOf),
  method('lastIndexOf', [STRING, STRING], INT, (text, part, meter) => lastIndexOf(text, part, undefined, meter)),
  method('lastIndexOf', [STRING, STRING, INT], INT, lastIndexOf),
  method('lowerAscii', [STRING], STRING, (text) => text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())),
  method('upperAscii', [STRING], STRING, (text) => text.replaceAll(/[a-z]/g, (letter) => letter.toUpperCase())),
  method('trim', [STRING], STRING, (text) => text.trim()),
  method('replace', [STRING, STRING, STRING], STRING, (text, old, next, meter) => replace(text, { old, next, limit: -1n }, meter)),
  method('replace', [STRING, STRING, STRING, INT], STRING, (text, old, next, ...[limit, meter]) =>
    replace(text, { old, next, limit }, meter),
  ),
  method('split', [STRING, STRING], list(STRING), (text, separator, meter) => {
    search(text, separator, meter)
    return split(text, separator, -1n)
  }),
  method('split', [STRING, STRING, INT], list(STRING), (text, separator, limit, meter) => {
    search(text, separator, meter)
    return split(text, separator, limit)
  }),
  method('substring', [STRING, INT], STRING, (text, from) => substring(text, from)),
  method('substring', [STRING, INT, INT], STRING, (text, from, to) => substring(text, from, to)),
  method('join', [list(STRING)], STRING, (parts, meter) => join(parts, '', meter)),
  method('join', [list(STRING), STRING], STRING, join),
  method('format', [STRING, list(DYN)], STRING, format),
]
