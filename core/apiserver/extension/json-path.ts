/** One step of a path: each value it is given leads to any number of values. */
type Step = (value: unknown) => readonly unknown[]

/** Finds every value that a path leads to. */
export type JsonPath = (object: unknown) => readonly unknown[]

/**
 * Compiles the part of kubectl's JSONPath that columns use: `.a.b`, `['a.b']`, `[0]`, `[-1]`, `[1:3]`, `[*]`, `.*`, `..a`,
 * `[0,2]`, `[?(@.type=="Ready")]`, with or without braces around. Throws Error with the reason.
 * Source: Kubernetes documentation, "JSONPath Support".
 */
export function compileJsonPath(path: string): JsonPath {
  const text = path.startsWith('{') && path.endsWith('}') ? path.slice(1, -1) : path
  const steps = new PathParser(text).steps()
  return (object) => steps.reduce<readonly unknown[]>((values, step) => values.flatMap(step), [object])
}

type Json = Readonly<Record<string, unknown>>

const isContainer = (value: unknown): value is Json => typeof value === 'object' && value !== null
const field =
  (name: string): Step =>
  (value) =>
    isContainer(value) && Object.hasOwn(value, name) ? [value[name]] : []
const everything: Step = (value) => (isContainer(value) ? Object.values(value) : [])

function descend(value: unknown): readonly unknown[] {
  return [value, ...everything(value).flatMap(descend)]
}

function index(at: number): Step {
  return (value) => {
    if (!Array.isArray(value)) return []
    const list = value as readonly unknown[]
    const position = at < 0 ? list.length + at : at
    return position in list ? [list[position]] : []
  }
}

const NAME = /[^.[\]{}()'"\s,:@=<>!?*]+/y
const QUOTED = /'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/y
const NUMBER = /-?\d+(?:\.\d+)?/y
const SLICE = /(-?\d*):(-?\d*)(?::(-?\d+))?/y
const OPERATOR = /==|!=|<=|>=|<|>/y

class PathParser {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text.trim()
  }

  steps(): readonly Step[] {
    this.#accept('$')
    const steps: Step[] = []
    while (this.#at < this.#text.length) steps.push(...this.#step())
    return steps
  }

  #step(): readonly Step[] {
    if (this.#accept('..')) return [descend, this.#peek() === '[' ? this.#bracket() : this.#nameOrStar()]
    if (this.#accept('.')) return this.#at === this.#text.length ? [] : [this.#peek() === '[' ? this.#bracket() : this.#nameOrStar()]
    if (this.#peek() === '[') return [this.#bracket()]
    if (this.#at === 0) return [this.#nameOrStar()]
    throw this.#unexpected()
  }

  #nameOrStar(): Step {
    if (this.#accept('*')) return everything
    // A dot inside of a name is escaped with a backslash.
    let name = ''
    for (;;) {
      const part = this.#match(NAME)?.[0]
      if (part === undefined) break
      name += part
      if (!name.endsWith('\\') || !this.#accept('.')) break
      name = `${name.slice(0, -1)}.`
    }
    if (name === '') throw this.#unexpected()
    return field(name)
  }

  #bracket(): Step {
    this.#expect('[')
    if (this.#accept('?')) return this.#filter()
    const steps = [this.#selector()]
    while (this.#accept(',')) steps.push(this.#selector())
    this.#expect(']')
    const [only] = steps
    return steps.length === 1 && only !== undefined ? only : (value) => steps.flatMap((step) => step(value))
  }

  #selector(): Step {
    this.#skipSpaces()
    if (this.#accept('*')) return everything
    const quoted = this.#match(QUOTED)
    if (quoted !== undefined) return field(unquote(quoted))
    const slice = this.#match(SLICE)
    if (slice !== undefined) return sliceStep(slice)
    const number = this.#match(NUMBER)
    if (number !== undefined) return index(Number(number[0]))
    return this.#nameOrStar()
  }

  #filter(): Step {
    this.#expect('(')
    const left = this.#operand()
    this.#skipSpaces()
    const operator = this.#match(OPERATOR)?.[0]
    const right = operator === undefined ? undefined : this.#operand()
    this.#skipSpaces()
    this.#expect(')')
    this.#expect(']')
    const holds = (item: unknown): boolean => {
      const [a] = left(item)
      return right === undefined ? a !== undefined : compare(a, operator ?? '', right(item)[0])
    }
    return (value) => (Array.isArray(value) ? (value as readonly unknown[]).filter(holds) : [])
  }

  #operand(): JsonPath {
    this.#skipSpaces()
    const quoted = this.#match(QUOTED)
    if (quoted !== undefined) return constant(unquote(quoted))
    const number = this.#match(NUMBER)
    if (number !== undefined) return constant(Number(number[0]))
    if (this.#accept('true')) return constant(true)
    if (this.#accept('false')) return constant(false)
    this.#expect('@')
    const steps: Step[] = []
    while (this.#peek() === '.' || this.#peek() === '[') steps.push(...this.#step())
    return (item) => steps.reduce<readonly unknown[]>((values, step) => values.flatMap(step), [item])
  }

  #peek(): string | undefined {
    return this.#text[this.#at]
  }

  #accept(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false
    this.#at += text.length
    return true
  }

  #expect(text: string): void {
    this.#skipSpaces()
    if (!this.#accept(text)) throw this.#unexpected()
  }

  #skipSpaces(): void {
    while (this.#peek() === ' ') this.#at += 1
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#text)
    if (match === null) return undefined
    this.#at += match[0].length
    return match
  }

  #unexpected(): Error {
    return new Error(
      `unexpected ${JSON.stringify(this.#text.slice(this.#at, this.#at + 10))} at position ${this.#at} of ${JSON.stringify(this.#text)}`,
    )
  }
}

function constant(value: unknown): JsonPath {
  return () => [value]
}

function unquote(match: RegExpExecArray): string {
  return (match[1] ?? match[2] ?? '').replaceAll(/\\(.)/g, '$1')
}

function sliceStep([, from = '', to = '', step = '1']: readonly string[]): Step {
  return (value) => {
    if (!Array.isArray(value)) return []
    const part = (value as readonly unknown[]).slice(from === '' ? 0 : Number(from), to === '' ? undefined : Number(to))
    const every = Math.max(1, Number(step))
    return part.filter((_, position) => position % every === 0)
  }
}

/** Values of different types are unequal and in no order. */
function compare(a: unknown, operator: string, b: unknown): boolean {
  if (operator === '==') return a === b
  if (operator === '!=') return a !== b
  const comparable = (typeof a === 'number' && typeof b === 'number') || (typeof a === 'string' && typeof b === 'string')
  if (!comparable) return false
  if (operator === '<') return a < b
  if (operator === '<=') return a <= b
  return operator === '>' ? a > b : a >= b
}
