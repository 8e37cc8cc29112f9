import { type ApiModel, enumOf, type FieldModel, isWritten, type MessageModel, messageOf } from './model.ts'
import { HEADER } from './types-file.ts'

/**
 * Text of `core/api/schema-data.ts`. A message is one JSON text, so that loading the module costs a scan of strings and
 * a message is decoded when somebody asks for it. `core/api/schemas.ts` reads this format and describes it.
 */
export function schemaFile(model: ApiModel): string {
  const rows: string[] = []
  const kinds: string[] = []
  for (const pkg of model.packages.values()) {
    for (const message of pkg.messages.values()) {
      rows.push(`  '${pkg.stem}.${message.name}': ${quote(JSON.stringify(encodeMessage(model, message)))},`)
    }
    if (pkg.version !== '') kinds.push(`  ${JSON.stringify(`${pkg.group}/${pkg.version}`)}: '${pkg.stem}',`)
  }
  const enums = [...model.packages.values()].flatMap((pkg) =>
    [...pkg.enums]
      .filter(([, entry]) => entry.closed && entry.base === 'string' && entry.values.length > 0)
      .map(([name, entry]) => `  '${pkg.stem}.${name}': ${quote(JSON.stringify(entry.values))},`),
  )
  const protoPackages = [...model.packages.values()].map((pkg) => `  '${pkg.stem}': '${pkg.protoPackage}',`)
  return `${HEADER}
/** \`<group>/<version>\` to the first part of schema names. */
export const STEMS: Readonly<Record<string, string>> = {\n${kinds.join('\n')}\n}

/** First part of schema names to the protobuf package. */
export const PROTO_PACKAGES: Readonly<Record<string, string>> = {\n${protoPackages.join('\n')}\n}

/** Closed value sets, JSON text each. */
export const ENUMS: Readonly<Record<string, string>> = {\n${enums.join('\n')}\n}

/** Messages, JSON text each. */
export const MESSAGES: Readonly<Record<string, string>> = {\n${rows.join('\n')}\n}
`
}

const quote = (json: string): string => `'${json.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

function encodeMessage(model: ApiModel, message: MessageModel): unknown {
  const flags = (message.typeMeta ? 't' : '') + (message.atomic ? 'a' : '') + (message.jsonOnly ? 'j' : '')
  return [message.json ?? '', flags, ...message.fields.map((field) => encodeField(model, field))]
}

function encodeField(model: ApiModel, field: FieldModel): unknown {
  const prefix = { one: '', list: '[', map: '{' }[field.card]
  const flags = [
    field.inline && 'i',
    field.noJson && 'n',
    field.required && 'r',
    !field.inline && isWritten(model, field) && 'a',
    field.pointer && 'p',
    field.deprecated && 'd',
    field.atomic === true && 'm',
    field.atomic === false && 'g',
  ]
  const row = [field.name, prefix + field.type, field.num, flags.filter((f) => f !== false).join('')]
  const extra = Object.fromEntries(Object.entries(extrasOf(model, field)).filter(([, value]) => value !== undefined))
  return Object.keys(extra).length === 0 ? row : [...row, extra]
}

function extrasOf(model: ApiModel, field: FieldModel): Readonly<Record<string, unknown>> {
  const named = enumOf(model, field.named)
  const isClosed = named?.closed === true && named.base === 'string' && named.values.length > 0 && field.card !== 'map'
  return {
    lt: field.listType,
    lk: field.listMapKeys.length > 0 ? field.listMapKeys : undefined,
    ps: field.patchStrategy.length > 0 ? field.patchStrategy : undefined,
    pk: field.patchMergeKey,
    en: isClosed ? field.named : undefined,
    nm: isClosed || field.card === 'map' ? undefined : field.named,
    df: field.default,
    fg: field.featureGate,
    kt: field.keyType === 'string' ? undefined : field.keyType,
    pn: field.protoName === field.name ? undefined : field.protoName,
  }
}

/** Fails early on references that no package declares. */
export function checkReferences(model: ApiModel): void {
  for (const pkg of model.packages.values()) {
    for (const message of pkg.messages.values()) {
      for (const field of message.fields) {
        if (field.type.includes('.') && messageOf(model, field.type) === undefined) {
          throw new Error(`${pkg.stem}.${message.name}.${field.name}: no message ${field.type}`)
        }
      }
    }
  }
}
