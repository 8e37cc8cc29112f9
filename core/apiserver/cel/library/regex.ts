import { RE2JS } from 're2js'
import { EvaluationError } from '../issue.ts'
import type { Meter } from '../meter.ts'
import { either, method, type Overload } from '../overload.ts'
import { BOOL, INT, list, STRING } from '../types.ts'
import { type ListValue, NativeList } from '../values.ts'

/** Patterns are mostly literals of rules, asked again and again. What a client may send is not kept when it is large. */
const CACHE_LIMIT = 256
const MAX_KEPT_SIZE = 2_000
const cache = new Map<string, Expression>()
/** Units a character of text, and more for each step of the program: measured, matching is slower than the rest of an expression. */
const [CHARACTER_COST, STEP_COST] = [1, 0.03]
/** Units a step of the program, of which a count in braces makes many. */
const COMPILE_WEIGHT = 10
const COUNT = /\{(\d{1,4})(?:,(\d{0,4}))?\}/g
/** RE2 refuses counts beyond this, those within others as well. */
const MAX_COUNT = 1_000

interface Expression {
  readonly regex: RE2JS
  /** Steps of its program. */
  readonly size: number
}

/** RE2: its time is linear in the text, whatever the expression. */
function compiled(pattern: string, text: string, meter: Meter): RE2JS {
  const { regex, size } = expressionOf(pattern, meter)
  meter.spend(10 + text.length * (CHARACTER_COST + size * STEP_COST))
  return regex
}

function expressionOf(pattern: string, meter: Meter): Expression {
  const known = cache.get(pattern)
  if (known !== undefined) return known
  const counts = Array.from(pattern.matchAll(COUNT), ([, low, high]) => Math.max(Number(low), Number(high ?? 0), 1))
  const factor = Math.min(
    MAX_COUNT,
    counts.reduce((product, count) => product * count, 1),
  )
  // Steps made by counts are alike and cheaper than the text itself.
  meter.spend(pattern.length * (COMPILE_WEIGHT + factor))
  const regex = parsed(pattern)
  const made = { regex, size: Math.max(pattern.length, regex.programSize()) }
  if (made.size > MAX_KEPT_SIZE) return made
  if (cache.size >= CACHE_LIMIT) cache.clear()
  cache.set(pattern, made)
  return made
}

function parsed(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern)
  } catch (err) {
    throw new EvaluationError(`error parsing regexp: ${(err as Error).message}`)
  }
}

/** Units of finding one place more. */
const MATCH_COST = 5

function findAll(text: string, pattern: string, limit: bigint, meter: Meter): ListValue {
  const matcher = compiled(pattern, text, meter).matcher(text)
  const found: string[] = []
  while ((limit < 0n || found.length < Number(limit)) && matcher.find()) {
    meter.spend(MATCH_COST)
    found.push(matcher.group() ?? '')
  }
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
