import { RE2JS } from 're2js'
import { EvaluationError } from '../issue.ts'
import type { Meter } from '../meter.ts'
import { either, method, type Overload } from '../overload.ts'
import { BOOL, INT, list, STRING } from '../types.ts'
import { type ListValue, NativeList } from '../values.ts'

/** Patterns are mostly literals of rules, asked again and again. */
const CACHE_LIMIT = 256
const cache = new Map<string, RE2JS>()
/** Units a character of text and pattern: matching is slower than the rest of an expression. */
const WEIGHT = 0.1

/** RE2: its time is linear in the text, whatever the expression. */
function compiled(pattern: string, text: string, meter: Meter): RE2JS {
  meter.spend(10 + text.length * Math.max(1, pattern.length) * WEIGHT)
  let found = cache.get(pattern)
  if (found === undefined) {
    meter.spend(pattern.length * 10)
    found = parsed(pattern)
    if (cache.size >= CACHE_LIMIT) cache.clear()
    cache.set(pattern, found)
  }
  return found
}

function parsed(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern)
  } catch (err) {
    throw new EvaluationError(`error parsing regexp: ${(err as Error).message}`)
  }
}

function findAll(text: string, pattern: string, limit: bigint, meter: Meter): ListValue {
  const matcher = compiled(pattern, text, meter).matcher(text)
  const found: string[] = []
  while ((limit < 0n || found.length < Number(limit)) && matcher.find()) found.push(matcher.group() ?? '')
  return new NativeList(found)
}

/** Regular expressions. Source: apiserver, cel/library/regex. */
export const REGULAR_EXPRESSIONS: readonly Overload[] = [
  ...either('matches', [STRING, STRING], BOOL, (text, pattern, meter) => compiled(pattern, text, meter).matcher(text).find()),
  method('find', [STRING, STRING], STRING, (text, pattern, meter) => {
    const matcher = compiled(pattern, text, meter).matcher(text)
    return matcher.find() ? (matcher.group() ?? '') : ''
  }),
  method('findAll', [STRING, STRING], list(STRING), (text, pattern, meter) => findAll(text, pattern, -1n, meter)),
  method('findAll', [STRING, STRING, INT], list(STRING), findAll),
]
