import type { ResourceDef } from '../../resources/resource-def.ts'
import type { Definitions, Dialect, Json } from './definitions.ts'
import { customDefinitionName } from './names.ts'

/** Texts of the fields that every kind has; short, as upstream's are not ours to copy. */
const TYPE_FIELDS: Readonly<Record<string, Json>> = {
  apiVersion: { type: 'string', description: 'Group and version of the schema of this object.' },
  kind: { type: 'string', description: 'Kind of this object, in CamelCase.' },
}

/** Adds a custom kind and its list, as its CustomResourceDefinition describes it, and refers to the one asked for. */
export function customReference(definitions: Definitions, def: ResourceDef, kind: string, dialect: Dialect): Json {
  const name = customDefinitionName(def)
  const own = definitions.referenceTo(name)
  definitions.add(name, customDefinition(definitions, def, dialect))
  if (kind !== def.listKind) return own
  return definitions.add(customDefinitionName({ ...def, kind }), {
    type: 'object',
    required: ['items'],
    description: `${kind} is a list of ${def.kind}`,
    properties: {
      ...TYPE_FIELDS,
      items: { type: 'array', items: own, description: `List of ${def.resource}.` },
      metadata: definitions.property(definitions.reference('meta_v1.ListMeta'), 'Metadata of the list.'),
    },
    ...kindOf(def, kind),
  })
}

function customDefinition(definitions: Definitions, def: ResourceDef, dialect: Dialect): Json {
  const raw = def.openApiSchema ?? { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
  const schema = dialect === 'v2' ? forVersion2(raw) : raw
  const metadata = definitions.property(definitions.reference('meta_v1.ObjectMeta'), 'Standard metadata of the object.')
  const properties = (schema['properties'] ?? {}) as Json
  return { ...schema, type: 'object', properties: { ...TYPE_FIELDS, ...properties, metadata }, ...kindOf(def, def.kind) }
}

function kindOf({ group, version }: ResourceDef, kind: string): Json {
  return { 'x-kubernetes-group-version-kind': [{ group, version, kind }] }
}

/** What version 2 cannot say, or what clients of it stumble over. Source: apiextensions, ToStructuralOpenAPIV2. */
const NOT_IN_VERSION_2 = ['nullable', 'anyOf', 'oneOf', 'allOf', 'not', 'default', 'example']

function forVersion2(schema: Json): Json {
  const out: Record<string, unknown> = { ...schema }
  for (const key of NOT_IN_VERSION_2) delete out[key]
  if (schema['x-kubernetes-int-or-string'] === true) delete out['type']
  if (schema['nullable'] === true) for (const key of ['type', 'items', 'properties']) delete out[key]
  if (schema['x-kubernetes-preserve-unknown-fields'] === true) for (const key of ['items', 'properties']) delete out[key]
  if (isJson(out['properties'])) out['properties'] = mapValues(out['properties'])
  for (const key of ['items', 'additionalProperties']) if (isJson(out[key])) out[key] = forVersion2(out[key])
  return out
}

function mapValues(properties: Json): Json {
  return Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, isJson(value) ? forVersion2(value) : value]))
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
