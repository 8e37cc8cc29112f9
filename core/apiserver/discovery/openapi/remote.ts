import { isDeepStrictEqual } from 'node:util'
import type { Json } from './definitions.ts'

/** Paths and definitions of Swagger 2.0. */
export interface Swagger {
  readonly paths: Json
  readonly definitions: Json
}

const REFERENCE = /^#\/definitions\/(.+)$/

/**
 * Adds what other servers publish: their paths with the definitions these need. A definition that says something else than the
 * one of the same name here keeps apart under a name of its own. Source: kube-openapi, aggregator.
 */
export function withRemote(own: Swagger, remotes: readonly Swagger[]): Swagger {
  const definitions: Record<string, unknown> = { ...own.definitions }
  const paths: Record<string, unknown> = { ...own.paths }
  for (const remote of remotes) {
    const names = namesFor(needed(remote), remote, definitions)
    for (const [name, shown] of names) definitions[shown] = renamed(remote.definitions[name], names)
    for (const [path, item] of Object.entries(remote.paths)) paths[path] ??= renamed(item, names)
  }
  return { paths, definitions: Object.fromEntries(Object.entries(definitions).sort(([a], [b]) => (a < b ? -1 : 1))) }
}

/** Definitions that the paths lead to, one through another. */
function needed({ paths, definitions }: Swagger): ReadonlySet<string> {
  const found = new Set<string>()
  const waiting: unknown[] = [paths]
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    for (const name of referencesIn(value)) {
      if (found.has(name) || definitions[name] === undefined) continue
      found.add(name)
      waiting.push(definitions[name])
    }
  }
  return found
}

function referencesIn(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => {
    const name = key === '$ref' && typeof inner === 'string' ? REFERENCE.exec(inner)?.[1] : undefined
    return name === undefined ? referencesIn(inner) : [name]
  })
}

function namesFor(wanted: ReadonlySet<string>, remote: Swagger, taken: Json): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  for (const name of wanted) {
    let shown = name
    for (let at = 2; taken[shown] !== undefined && !isDeepStrictEqual(taken[shown], remote.definitions[name]); at += 1)
      shown = `${name}_v${at}`
    names.set(name, shown)
  }
  return names
}

function renamed(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => renamed(item, names))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const name = key === '$ref' && typeof inner === 'string' ? REFERENCE.exec(inner)?.[1] : undefined
      return [key, name === undefined ? renamed(inner, names) : `#/definitions/${names.get(name) ?? name}`]
    }),
  )
}
