/** Far beyond what any object of an API needs, and far below what exhausts the stack of those who walk through it. */
export const MAX_DEPTH = 1_000
const [QUOTE, BACKSLASH] = [0x22, 0x5c]

/**
 * Whether a JSON text nests deeper than anybody may walk. JSON.parse itself has no limit, the recursive functions after it have one.
 * Looks at brackets alone: what is no JSON is told by the parser.
 */
export function nestsTooDeep(text: string): boolean {
  // Each level takes two characters.
  if (text.length < 2 * MAX_DEPTH) return false
  let depth = 0
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (quoted) {
      if (code === BACKSLASH) at += 1
      else if (code === QUOTE) quoted = false
    } else if (code === QUOTE) quoted = true
    else if (code === 0x7b || code === 0x5b) {
      depth += 1
      if (depth > MAX_DEPTH) return true
    } else if (code === 0x7d || code === 0x5d) depth -= 1
  }
  return false
}

/** The same of a value that was put together. */
export function valueNestsTooDeep(value: unknown, left = MAX_DEPTH): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (left === 0) return true
  if (Array.isArray(value)) return value.some((item) => valueNestsTooDeep(item, left - 1))
  for (const key in value) if (valueNestsTooDeep((value as Readonly<Record<string, unknown>>)[key], left - 1)) return true
  return false
}
