import {
  boolYaml11Tag,
  defineScalarTag,
  dump,
  FAILSAFE_SCHEMA,
  floatCoreTag,
  load,
  loadAll,
  mergeTag,
  NOT_RESOLVED,
  nullCoreTag,
  Schema,
  YAMLException,
} from 'js-yaml'
import { valueNestsTooDeep } from '../meta/json-depth.ts'

const INTEGER = /^[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)$/
const OLD_OCTAL = /^0[0-7]+$/

/** Integers as Kubernetes' YAML reads them: `0644` and `0o644` are octal, `08` is a decimal, `1:30` is text. */
const intTag = defineScalarTag('tag:yaml.org,2002:int', {
  implicit: true,
  implicitFirstChars: '-+0123456789'.split(''),
  resolve: (source) => (INTEGER.test(source) ? readInteger(source.replaceAll('_', '')) : NOT_RESOLVED),
  identify: (value) => Number.isInteger(value) && !Object.is(value, -0) && !String(value).includes('e'),
  represent: (value) => String(value),
})

function readInteger(source: string): number {
  const negative = source.startsWith('-')
  const digits = negative || source.startsWith('+') ? source.slice(1) : source
  const value = Number(OLD_OCTAL.test(digits) ? `0o${digits.slice(1)}` : digits)
  return negative ? -value : value
}

/** YAML 1.1 booleans (`yes`, `on`), no timestamps, merge keys. Source: sigs.k8s.io/yaml, the reader of all Kubernetes YAML. */
const KUBERNETES_SCHEMA = new Schema([...FAILSAFE_SCHEMA.tags, nullCoreTag, boolYaml11Tag, intTag, floatCoreTag, mergeTag])

/** One document. Throws YAMLException. Loading the library takes some 10 ms: import this module where it is needed. */
export function parseYaml(text: string): unknown {
  return unshared(text, load(text, { schema: KUBERNETES_SCHEMA }))
}

/** One document, and the key that stands twice in a map of it, in the words of Kubernetes' reader: the last one counts. Throws YAMLException. */
export interface LenientYaml {
  readonly value: unknown
  readonly duplicate?: string
}

export function parseLenientYaml(text: string): LenientYaml {
  try {
    return { value: parseYaml(text) }
  } catch (err) {
    if (!(err instanceof YAMLException) || err.reason !== 'duplicated mapping key' || err.mark === undefined) throw err
    const { line, position } = err.mark
    const key = /^["']?([^"':\s]*)/.exec(text.slice(position))?.[1] ?? ''
    return {
      value: unshared(text, load(text, { schema: KUBERNETES_SCHEMA, json: true })),
      duplicate: `line ${line + 1}: key ${JSON.stringify(key)} already set in map`,
    }
  }
}

/** All documents of a stream. Throws YAMLException. */
export function parseYamlDocuments(text: string): readonly unknown[] {
  return loadAll(text, { schema: KUBERNETES_SCHEMA }).map((document) => unshared(text, document))
}

/** Size of a document with all aliases written out, in characters; a few lines of YAML can stand for terabytes. */
const MAX_EXPANDED = 8 * 1024 * 1024

/** Everything at a place of its own, as if aliases had been written out: who changes one place must not change another. */
function unshared(text: string, document: unknown): unknown {
  const plain = text.includes('*') ? written(document) : document
  if (valueNestsTooDeep(plain)) throw new YAMLException('exceeded max depth')
  return plain
}

function written(document: unknown): unknown {
  const sizes = new Map<object, number | undefined>()
  const shared = new Set<object>()
  const sizeOf = (value: unknown): number => {
    if (typeof value === 'string') return value.length + 1
    if (typeof value !== 'object' || value === null) return 1
    if (sizes.has(value)) {
      const known = sizes.get(value)
      if (known === undefined) throw new YAMLException('an anchor contains itself')
      shared.add(value)
      return known
    }
    sizes.set(value, undefined)
    let size = 1
    for (const [key, item] of Object.entries(value)) size += key.length + sizeOf(item)
    if (size > MAX_EXPANDED) throw new YAMLException('document contains excessive aliasing')
    sizes.set(value, size)
    return size
  }
  sizeOf(document)
  return shared.size > 0 ? (JSON.parse(JSON.stringify(document)) as unknown) : document
}

/** Strings that an older reader would take for something else come out quoted. */
export function formatYaml(value: unknown): string {
  return dump(value, { lineWidth: -1, noRefs: true })
}
