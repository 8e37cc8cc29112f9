import { Issue } from './issue.ts'
import { Uint, type Value } from './values.ts'

export interface Token {
  readonly type: 'name' | 'value' | 'sign' | 'end'
  /** The name, or the sign itself. */
  readonly text: string
  readonly value: Value
  readonly at: number
}

const SPACE = /(?:[\t\n\f\r ]|\/\/[^\n]*)*/y
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y
const QUOTED_NAME = /`[A-Za-z0-9_.\-/ ]+`/y
const NUMBER =
  /0[xX][0-9a-fA-F]+[uU]?|(?:[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?)|[0-9]+[uU]?/y
const STRING_START = /([rR]?[bB]?|[bB][rR])("""|'''|"|')/y
const SIGN = /&&|\|\||==|!=|<=|>=|[-+*/%<>!?:.,()[\]{}]/y

export const MAX_INT = 2n ** 63n - 1n
export const MIN_INT = -(2n ** 63n)
export const MAX_UINT = 2n ** 64n - 1n

/** Splits an expression into tokens, the last of which is `end`. Throws Issue. */
export function tokenize(source: string): readonly Token[] {
  const tokens: Token[] = []
  let at = match(SPACE, source, 0).length
  while (at < source.length) {
    const [token, end] = next(source, at)
    tokens.push(token)
    at = end + match(SPACE, source, end).length
  }
  return [...tokens, { type: 'end', text: '<EOF>', value: null, at: source.length }]
}

function match(pattern: RegExp, source: string, at: number): string {
  pattern.lastIndex = at
  return pattern.exec(source)?.[0] ?? ''
}

function next(source: string, at: number): readonly [Token, number] {
  STRING_START.lastIndex = at
  const start = STRING_START.exec(source)
  if (start !== null) return text(source, at, { prefix: (start[1] ?? '').toLowerCase(), quote: start[2] ?? '"' })
  const name = match(NAME, source, at)
  if (name !== '') return [{ type: 'name', text: name, value: null, at }, at + name.length]
  const quoted = match(QUOTED_NAME, source, at)
  if (quoted !== '') return [{ type: 'name', text: quoted.slice(1, -1), value: null, at }, at + quoted.length]
  const number = match(NUMBER, source, at)
  if (number !== '') return [{ type: 'value', text: number, value: numberOf(number, at), at }, at + number.length]
  const sign = match(SIGN, source, at)
  if (sign === '') throw new Issue(at, `Syntax error: token recognition error at: '${source[at] ?? ''}'`)
  return [{ type: 'sign', text: sign, value: null, at }, at + sign.length]
}

/** Ints may still get a minus, so the one number beyond the largest is let through; the parser judges. */
function numberOf(text: string, at: number): Value {
  if (/^0[xX]/.test(text) ? false : /[.eE]/.test(text)) return Number(text)
  if (/[uU]$/.test(text)) {
    const value = BigInt(text.slice(0, -1))
    if (value > MAX_UINT) throw new Issue(at, 'Syntax error: invalid uint literal')
    return new Uint(value)
  }
  const value = BigInt(text)
  if (value > MAX_INT + 1n) throw new Issue(at, 'Syntax error: invalid int literal')
  return value
}

interface Opening {
  readonly prefix: string
  readonly quote: string
}

function text(source: string, at: number, { prefix, quote }: Opening): readonly [Token, number] {
  const isRaw = prefix.includes('r')
  const isBytes = prefix.includes('b')
  const start = at + prefix.length + quote.length
  let end = start
  while (!source.startsWith(quote, end)) {
    if (end >= source.length || (quote.length === 1 && source[end] === '\n'))
      throw new Issue(at, `Syntax error: token recognition error at: '${source.slice(at, at + 20)}'`)
    end += source[end] === '\\' && !isRaw ? 2 : 1
  }
  const body = source.slice(start, end)
  const value = isRaw ? (isBytes ? new TextEncoder().encode(body) : body) : unescape(body, isBytes, at)
  return [{ type: 'value', text: source.slice(at, end + quote.length), value, at }, end + quote.length]
}

const ESCAPE = /\\(?:([abfnrtv\\?"'`])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|([\s\S]?))/g
const CONTROL: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

/** In bytes `\x` and octal escapes name a byte, in strings a code point. */
function unescape(body: string, isBytes: boolean, at: number): string | Uint8Array {
  const parts: Buffer[] = []
  let last = 0
  let plain = ''
  for (const found of body.matchAll(ESCAPE)) {
    const [whole, control, hex, short, long, octal, wrong] = found
    if (wrong !== undefined) throw new Issue(at, `Syntax error: invalid escape sequence ${whole}`)
    plain += body.slice(last, found.index)
    last = found.index + whole.length
    const byte = hex === undefined ? (octal === undefined ? undefined : Number.parseInt(octal, 8)) : Number.parseInt(hex, 16)
    if (byte !== undefined && isBytes) {
      parts.push(Buffer.from(plain), Buffer.from([byte]))
      plain = ''
    } else plain += control === undefined ? codePoint(byte ?? Number.parseInt(short ?? long ?? '', 16), at) : (CONTROL[control] ?? control)
  }
  plain += body.slice(last)
  return isBytes ? new Uint8Array(Buffer.concat([...parts, Buffer.from(plain)])) : plain
}

function codePoint(code: number, at: number): string {
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw new Issue(at, 'Syntax error: invalid unicode code point')
  return String.fromCodePoint(code)
}
