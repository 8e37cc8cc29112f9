/** One entry of an Accept header, best first when in a list. */
export interface AcceptClause {
  readonly type: string
  readonly subtype: string
  readonly params: Readonly<Record<string, string>>
}

const NO_PARAMS = Object.freeze({})
const ANYTHING: readonly AcceptClause[] = Object.freeze([{ type: '*', subtype: '*', params: NO_PARAMS }])

/** Clients send a handful of spellings over and over; whoever sends endless new ones only costs the parse. */
const REMEMBERED = 200
const known = new Map<string, readonly AcceptClause[]>()

/** Reads an Accept header; an absent or empty one accepts anything. Clauses that cannot be read are left out. */
export function parseAccept(header: string | undefined): readonly AcceptClause[] {
  if (header === undefined || header === '') return ANYTHING
  let clauses = known.get(header)
  if (clauses === undefined) {
    clauses = parse(header)
    if (known.size < REMEMBERED) known.set(header, clauses)
  }
  return clauses
}

function parse(header: string): readonly AcceptClause[] {
  const weighted: { readonly clause: AcceptClause; readonly weight: number }[] = []
  for (const text of header.split(',')) {
    const [range = '', ...rest] = text.split(';').map((part) => part.trim())
    const slash = range.indexOf('/')
    const isBareStar = range === '*'
    if (slash < 0 && !isBareStar) continue
    const params: Record<string, string> = {}
    let weight = 1
    for (const part of rest) {
      const [name = '', value = ''] = part.split('=', 2)
      if (name === 'q') weight = Number(value)
      else if (name !== '') params[name] = unquote(value)
    }
    if (!(weight > 0)) continue
    const clause = { type: isBareStar ? '*' : range.slice(0, slash), subtype: isBareStar ? '*' : range.slice(slash + 1), params }
    weighted.push({ clause, weight })
  }
  return weighted.sort((a, b) => b.weight - a.weight).map(({ clause }) => clause)
}

function unquote(value: string): string {
  return value.startsWith('"') && value.endsWith('"') && value.length > 1 ? value.slice(1, -1) : value
}
