import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ApiModel, type FieldModel, type MessageModel, messageOf } from './model.ts'
import { referenceText } from './reference-texts.ts'

/** By schema name: the text of the type, then those of its fields by JSON key. */
export type Descriptions = Readonly<Record<string, readonly [type: string, fields: Readonly<Record<string, string>>]>>

interface Model {
  readonly text: string
  readonly fields: ReadonlyMap<string, string>
}

/**
 * Reads the doc comments of the API types in @kubernetes/client-node. They are taken at build time and never kept in the
 * sources. Of fields that hold another type the package says nothing: what those are for stands in `reference-texts.ts`.
 */
export function readDescriptions(model: ApiModel, packageDir: string): Descriptions {
  const dir = join(packageDir, 'dist/gen/models')
  const files = new Set(readdirSync(dir).filter((name) => name.endsWith('.d.ts')))
  const out: Record<string, readonly [string, Record<string, string>]> = {}
  for (const pkg of model.packages.values()) {
    for (const message of pkg.messages.values()) {
      const file = fileNames(pkg.group, pkg.version || 'v1', message.name).find((name) => files.has(name))
      if (file === undefined) continue
      const { text, fields } = parseModel(readFileSync(join(dir, file), 'utf8'))
      out[`${pkg.stem}.${message.name}`] = [text, describeFields(model, message, fields)]
    }
  }
  return out
}

/** Types that several groups have carry the group in front: `CoreV1Event`. */
function fileNames(group: string, version: string, name: string): readonly string[] {
  const first = (group === '' ? 'core' : group).split('.')[0] ?? ''
  const plain = `${capital(version)}${name}.d.ts`
  return [`${capital(first)}${plain}`, plain]
}

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1)

const FIELD = / {4}\/\*\*\n([\s\S]*?)\n {4}\*\/\n {4}'([^']+)'\??:/g

function parseModel(source: string): Model {
  const fields = new Map<string, string>()
  for (const [, text = '', name = ''] of source.matchAll(FIELD)) fields.set(keyOf(name), clean(text))
  const head = source.slice(0, source.indexOf('export declare class'))
  return { text: clean(head.slice(head.lastIndexOf('/**') + 3, head.lastIndexOf('*/'))), fields }
}

/** Property names drop what identifiers cannot have, so both sides are compared by their letters and digits. */
const keyOf = (name: string): string => name.replaceAll(/[^A-Za-z0-9]/g, '').toLowerCase()

function clean(comment: string): string {
  return comment
    .split('\n')
    .map((line) => line.replace(/^\s*\*? ?/, ''))
    .join('\n')
    .trim()
    .replaceAll("\\'", "'")
    .replaceAll('\\"', '"')
    .replaceAll('*_/', '*/')
}

function describeFields(model: ApiModel, message: MessageModel, texts: ReadonlyMap<string, string>): Record<string, string> {
  const names = [...(message.typeMeta ? ['kind', 'apiVersion'] : []), ...message.fields.flatMap((field) => jsonNames(model, field))]
  const described: Record<string, string> = {}
  for (const name of names) {
    const text = texts.get(keyOf(name)) ?? referenceText(message.name, name)
    if (text !== '') described[name] = text
  }
  return described
}

function jsonNames(model: ApiModel, field: FieldModel): readonly string[] {
  if (field.noJson) return []
  if (!field.inline) return [field.name]
  return messageOf(model, field.type)?.fields.flatMap((inner) => jsonNames(model, inner)) ?? []
}
