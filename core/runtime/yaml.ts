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
} from 'js-yaml'

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
  return load(text, { schema: KUBERNETES_SCHEMA })
}

/** All documents of a stream. Throws YAMLException. */
export function parseYamlDocuments(text: string): readonly unknown[] {
  return loadAll(text, { schema: KUBERNETES_SCHEMA })
}

/** Strings that an older reader would take for something else come out quoted. */
export function formatYaml(value: unknown): string {
  return dump(value, { lineWidth: -1, noRefs: true })
}
