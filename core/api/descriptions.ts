import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

/** Texts of one message: of the type itself and of its fields by JSON key. */
export interface Description {
  readonly text: string
  readonly fields: Readonly<Record<string, string>>
}

/** Text about the message of that schema name; empty when there is none. */
export type Describe = (typeName: string) => Description

const NONE: Description = { text: '', fields: {} }

/** Beside the bundle, or in dist/ when the sources run. */
const PLACES = [import.meta.dirname, join(import.meta.dirname, '../../dist')]

/**
 * Field descriptions, read from `descriptions.json.gz` when the first one is asked for. The build makes that file; without
 * it every description is empty.
 */
export function lazyDescriptions(places: readonly string[] = PLACES): Describe {
  let table: Readonly<Record<string, readonly [string, Readonly<Record<string, string>>]>> | undefined
  return (typeName) => {
    table ??= load(places)
    const entry = table[typeName]
    return entry === undefined ? NONE : { text: entry[0], fields: entry[1] }
  }
}

function load(places: readonly string[]): Readonly<Record<string, readonly [string, Readonly<Record<string, string>>]>> {
  const file = places.map((place) => join(place, 'descriptions.json.gz')).find((path) => existsSync(path))
  if (file === undefined) return {}
  return JSON.parse(gunzipSync(readFileSync(file)).toString('utf8')) as ReturnType<typeof load>
}
