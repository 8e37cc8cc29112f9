/** A plugin line with its arguments and, when it has one, its block. */
export interface Directive {
  readonly name: string
  readonly args: readonly string[]
  readonly block: readonly Directive[]
}

export interface ServerBlock {
  readonly keys: readonly ServerKey[]
  readonly directives: readonly Directive[]
}

export interface ServerKey {
  /** Lower case without the final dot; empty for the root. */
  readonly zone: string
  readonly port: number
}

export interface CorefileOptions {
  /** For keys without one. */
  readonly defaultPort: number
  /** Texts of the files that match an import pattern; undefined when a plain file does not exist. */
  readonly readImport: (pattern: string) => readonly string[] | undefined
  readonly env?: Readonly<Record<string, string | undefined>>
}

interface Token {
  readonly text: string
  readonly line: number
  readonly quoted: boolean
}

/** Imports inside imports; more is taken for a file that imports itself. */
const MAX_IMPORT_DEPTH = 10

/**
 * Reads the configuration language of CoreDNS: server blocks, plugins with blocks, quotes, comments, `{$VAR}` and `{%VAR%}`,
 * snippets and imports. Throws Error with the line. Source: the Corefile manual page.
 */
export function parseCorefile(text: string, options: CorefileOptions): readonly ServerBlock[] {
  return new Parser(options).file(tokenize(text, options.env ?? {}), 0)
}

class Parser {
  readonly #options: CorefileOptions
  readonly #snippets = new Map<string, readonly Token[]>()

  constructor(options: CorefileOptions) {
    this.#options = options
  }

  file(tokens: readonly Token[], depth: number): readonly ServerBlock[] {
    const blocks: ServerBlock[] = []
    let at = 0
    for (let first = tokens[at]; first !== undefined; first = tokens[at]) {
      if (first.text === 'import') {
        const end = endOfLine(tokens, at)
        for (const imported of this.#imported(tokens.slice(at + 1, end), depth)) blocks.push(...this.file(imported, depth + 1))
        at = end
        continue
      }
      const open = tokens.findIndex((token, index) => index >= at && isBrace(token, '{'))
      if (open < 0) throw new Error(`line ${first.line}: expected "{" after ${JSON.stringify(first.text)}`)
      const close = closingBrace(tokens, open)
      const keys = tokens.slice(at, open).map(({ text }) => text.replace(/,$/, ''))
      const body = tokens.slice(open + 1, close)
      const [name = ''] = keys
      if (name.startsWith('(') && name.endsWith(')')) this.#snippets.set(name.slice(1, -1), body)
      else {
        if (keys.length === 0) throw new Error(`line ${first.line}: a server block needs a zone`)
        blocks.push({
          keys: keys.filter((key) => key !== '').flatMap((key) => parseKey(key, this.#options.defaultPort)),
          directives: this.#directives(body, depth),
        })
      }
      at = close + 1
    }
    return blocks
  }

  #directives(tokens: readonly Token[], depth: number): readonly Directive[] {
    const found: Directive[] = []
    let at = 0
    for (let first = tokens[at]; first !== undefined; first = tokens[at]) {
      const end = endOfLine(tokens, at)
      const line = tokens.slice(at, end)
      const opens = line.length > 1 && isBrace(line.at(-1), '{')
      if (first.text === 'import') {
        for (const imported of this.#imported(line.slice(1), depth)) found.push(...this.#directives(imported, depth + 1))
        at = end
      } else if (opens) {
        const close = closingBrace(tokens, end - 1)
        found.push(directive(line.slice(0, -1), this.#directives(tokens.slice(end, close), depth)))
        at = close + 1
      } else {
        const stray = line.find((token) => isBrace(token, '{') || isBrace(token, '}'))
        if (stray !== undefined) throw new Error(`line ${stray.line}: unexpected ${JSON.stringify(stray.text)}`)
        found.push(directive(line, []))
        at = end
      }
    }
    return found
  }

  #imported(args: readonly Token[], depth: number): readonly (readonly Token[])[] {
    const [pattern] = args
    if (pattern === undefined) throw new Error('import needs a file, pattern or snippet')
    if (depth >= MAX_IMPORT_DEPTH) throw new Error(`line ${pattern.line}: imports are nested too deeply`)
    const snippet = this.#snippets.get(pattern.text)
    if (snippet !== undefined) return [snippet]
    const texts = this.#options.readImport(pattern.text)
    if (texts === undefined) throw new Error(`line ${pattern.line}: file to import not found: ${pattern.text}`)
    return texts.map((text) => tokenize(text, this.#options.env ?? {}))
  }
}

function directive(line: readonly Token[], block: readonly Directive[]): Directive {
  const [name = '', ...args] = line.map(({ text }) => text)
  return { name, args, block }
}

/** `dns://zone:port`, `zone`, `10.0.0.0/8` (a reverse zone). Other schemes are refused. */
function parseKey(key: string, defaultPort: number): readonly ServerKey[] {
  const scheme = /^([a-z]+):\/\//.exec(key)?.[1]
  if (scheme !== undefined && scheme !== 'dns') throw new Error(`${key}: only plain DNS is served, not ${scheme}`)
  const rest = key.replace(/^dns:\/\//, '')
  const match = /^(.*?)(?::([0-9]+))?$/.exec(rest)
  const port = match?.[2] === undefined ? defaultPort : Number(match[2])
  if (port < 1 || port > 65_535) throw new Error(`${key}: invalid port`)
  return zonesOf(match?.[1] ?? rest).map((zone) => ({ zone, port }))
}

/** A zone as written: lower case, without the final dot, a prefix in CIDR notation as its reverse zones. */
export function zonesOf(text: string): readonly string[] {
  const cidr = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(text)
  if (cidr === null) return [text.toLowerCase().replace(/\.$/, '')]
  const octets = cidr.slice(1, 5).map(Number)
  const bits = Number(cidr[5])
  if (octets.some((octet) => octet > 255) || bits > 32 || bits < 1) throw new Error(`${text}: invalid prefix`)
  const whole = Math.ceil(bits / 8)
  const count = 2 ** (whole * 8 - bits)
  return Array.from({ length: count }, (_, index) => {
    const kept = octets.slice(0, whole)
    kept[whole - 1] = (kept[whole - 1] ?? 0) + index
    return `${kept.reverse().join('.')}.in-addr.arpa`
  })
}

function endOfLine(tokens: readonly Token[], at: number): number {
  const line = tokens[at]?.line
  let end = at + 1
  while (tokens[end]?.line === line && end < tokens.length) end += 1
  return end
}

function closingBrace(tokens: readonly Token[], open: number): number {
  let depth = 0
  for (let at = open; at < tokens.length; at += 1) {
    if (isBrace(tokens[at], '{')) depth += 1
    else if (isBrace(tokens[at], '}')) depth -= 1
    if (depth === 0) return at
  }
  throw new Error(`line ${tokens[open]?.line ?? 0}: "{" is never closed`)
}

function isBrace(token: Token | undefined, brace: '{' | '}'): boolean {
  return token !== undefined && !token.quoted && token.text === brace
}

function tokenize(text: string, env: Readonly<Record<string, string | undefined>>): readonly Token[] {
  const tokens: Token[] = []
  const pattern = /"((?:[^"\\]|\\.)*)"|#[^\n]*|\n|[^\s"]\S*/g
  let line = 1
  for (const match of text.matchAll(pattern)) {
    const [whole, quoted] = match
    if (whole === '\n') line += 1
    else if (quoted !== undefined) {
      tokens.push({ text: expand(quoted.replaceAll('\\"', '"'), env), line, quoted: true })
      line += whole.split('\n').length - 1
    } else if (!whole.startsWith('#')) tokens.push({ text: expand(whole, env), line, quoted: false })
  }
  return tokens
}

function expand(text: string, env: Readonly<Record<string, string | undefined>>): string {
  return text.replace(/\{\$([A-Za-z0-9_]+)\}|\{%([A-Za-z0-9_]+)%\}/g, (_, a?: string, b?: string) => env[a ?? b ?? ''] ?? '')
}
