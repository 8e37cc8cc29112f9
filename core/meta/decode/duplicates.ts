/**
 * Paths of object keys that stand twice in a JSON text, which JSON.parse hides: `spec.replicas`, `spec.containers[0].name`.
 * `parsedKeys` is the number of keys that parsing left; when the text has no more, nothing is looked for. The text must be
 * valid JSON.
 */
export function duplicateFields(text: string, parsedKeys: number): readonly string[] {
  return countKeysIn(text) === parsedKeys ? [] : new Scanner(text).duplicates()
}

/** One key that strict decoding complains about. */
export interface KeyProblem {
  readonly path: string
  readonly isDuplicate: boolean
}

/** Unknown fields and keys that stand twice, in the order of the text. Below an unknown field nothing is looked at. */
export function problemsInOrder(text: string, unknown: ReadonlySet<string>): readonly KeyProblem[] {
  const scanner = new Scanner(text, unknown)
  scanner.duplicates()
  return scanner.problems
}

const QUOTE = 34
const BACKSLASH = 92
const COLON = 58

/** Every colon outside a string follows a key. */
function countKeysIn(text: string): number {
  let count = 0
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i)
    if (code === QUOTE) i = endOfString(text, i)
    else if (code === COLON) count += 1
  }
  return count
}

/** Index of the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (end > 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end < 0 ? text.length : end
}

function isEscaped(text: string, quote: number): boolean {
  let backslashes = 0
  while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes += 1
  return backslashes % 2 === 1
}

class Scanner {
  readonly #text: string
  readonly #unknown: ReadonlySet<string>
  readonly #found: string[] = []
  readonly problems: KeyProblem[] = []
  #at = 0
  /** Depth below unknown fields. */
  #lost = 0

  constructor(text: string, unknown: ReadonlySet<string> = new Set()) {
    this.#text = text
    this.#unknown = unknown
  }

  duplicates(): readonly string[] {
    this.#value('')
    return this.#found
  }

  #value(path: string): void {
    this.#skip(/[\s:,]*/y)
    const char = this.#text[this.#at]
    if (char === '{') this.#object(path)
    else if (char === '[') this.#list(path)
    else if (char === '"') this.#at = endOfString(this.#text, this.#at) + 1
    else this.#skip(/[^\s,\]}]*/y)
  }

  #object(path: string): void {
    const seen = new Set<string>()
    this.#at += 1
    while (!this.#ends('}')) {
      const end = endOfString(this.#text, this.#at)
      const key = JSON.parse(this.#text.slice(this.#at, end + 1)) as string
      this.#at = end + 1
      const child = path === '' ? key : `${path}.${key}`
      const isDuplicate = seen.has(key)
      const isUnknown = this.#unknown.has(child)
      if (isDuplicate) this.#found.push(child)
      if (this.#lost === 0 && isUnknown !== isDuplicate) this.problems.push({ path: child, isDuplicate })
      seen.add(key)
      this.#lost += isUnknown ? 1 : 0
      this.#value(child)
      this.#lost -= isUnknown ? 1 : 0
    }
  }

  #list(path: string): void {
    this.#at += 1
    for (let index = 0; !this.#ends(']'); index += 1) this.#value(`${path}[${index}]`)
  }

  #ends(close: string): boolean {
    this.#skip(/[\s,]*/y)
    if (this.#at < this.#text.length && this.#text[this.#at] !== close) return false
    this.#at += 1
    return true
  }

  #skip(pattern: RegExp): void {
    pattern.lastIndex = this.#at
    this.#at += pattern.exec(this.#text)?.[0].length ?? 0
  }
}
