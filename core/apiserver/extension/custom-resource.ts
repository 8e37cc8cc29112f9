import { createHash } from 'node:crypto'
import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from '../../api/types/apiextensions-v1.ts'
import { deepEqual } from '../../meta/deep-equal.ts'
import { decodeObject } from '../../meta/decode/decode.ts'
import { type FieldError, invalid } from '../../meta/field-error.ts'
import { dns1123SubdomainProblems, problemText } from '../../meta/names.ts'
import type { KubeObject, Mutable } from '../../meta/object.ts'
import type { ResourceDef, StorageConversion, SubresourceDef, Work } from '../resources/resource-def.ts'
import { keepStored, setOrDelete } from '../resources/strategy.ts'
import { customTable } from './columns.ts'
import { compileJsonPath } from './json-path.ts'
import { compileDefaults, type Defaulter } from './schema/defaults.ts'
import { embeddedRule } from './schema/embedded.ts'
import type { JsonSchema } from './schema/json-schema.ts'
import { toObjectSchema } from './schema/to-schema.ts'
import { compileValidator } from './schema/validator.ts'

type Open = Record<string, unknown>
type Custom = KubeObject & Readonly<Open>

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']
const SUBRESOURCE_VERBS = ['get', 'patch', 'update']

/** The storage prefix of all versions of a custom kind. */
export function storagePrefixOf({ spec }: CustomResourceDefinition): string {
  return `/registry/${spec.group}/${spec.names.plural}`
}

/**
 * One definition a served version. Schemas are compiled here; a definition that was accepted always compiles. While the
 * definition is being deleted nothing new is created, and the stored version is there for whoever cleans up.
 */
export function customResourceDefs(crd: CustomResourceDefinition): readonly ResourceDef[] {
  const { versions } = crd.spec
  const isTerminating = crd.metadata.deletionTimestamp !== undefined
  const storage = versions.find((version) => version.storage)
  return versions
    .filter((version) => version.served || (isTerminating && version.storage))
    .map((version) => resourceDef(crd, version, storage ?? version))
}

function resourceDef(
  crd: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
  storage: CustomResourceDefinitionVersion,
): ResourceDef {
  const { group, scope } = crd.spec
  const names = crd.status.acceptedNames
  const raw = version.schema?.openAPIV3Schema
  const schema = toObjectSchema(raw)
  const defaults = raw === undefined ? undefined : compileDefaults(withoutMetadata(raw))
  const rules = valueRules(raw, version)
  const status = version.subresources?.status !== undefined
  const conversion = conversionOf(crd, version, storage, { schema, defaults })
  return {
    group,
    version: version.name,
    kind: names.kind,
    listKind: names.listKind ?? `${names.kind}List`,
    resource: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    namespaced: scope === 'Namespaced',
    verbs: crd.metadata.deletionTimestamp === undefined ? VERBS : VERBS.filter((verb) => verb !== 'create'),
    schema,
    ...(raw !== undefined && { openApiSchema: raw as unknown as Readonly<Open> }),
    storagePrefix: storagePrefixOf(crd),
    storageVersionHash: versionHash(group, storage.name, names.kind),
    ...(conversion !== undefined && { conversion }),
    nameProblem: (name) => problemText(dns1123SubdomainProblems(name)),
    ...(defaults !== undefined && { applyDefaults: (object: Work<KubeObject>) => defaults(object) }),
    prepareCreate(object) {
      if (status) Reflect.deleteProperty(object, 'status')
      object.metadata.generation = 1
    },
    prepareUpdate(next, old) {
      prepareUpdate(next, old, status)
    },
    validate: rules,
    warnings: () => deprecation(crd, version),
    allowCreateOnUpdate: false,
    allowUnconditionalUpdate: false,
    defaultDeletion: 'background',
    ...customTable(version.additionalPrinterColumns),
    ...selectable(version),
    subresources: subresourcesOf(version, rules),
  }
}

/** Source: apiserver, discovery.StorageVersionHash. */
function versionHash(group: string, version: string, kind: string): string {
  return createHash('sha256').update(`${group}/${version}/${kind}`).digest().subarray(0, 8).toString('base64')
}

/** The schema may restrict the name; metadata has its own defaults. */
function withoutMetadata(schema: JsonSchema): JsonSchema {
  const properties = Object.entries(schema.properties ?? {}).filter(([name]) => name !== 'metadata')
  return { ...schema, type: 'object', properties: Object.fromEntries(properties) }
}

type Validate = (next: KubeObject, old: KubeObject | undefined) => readonly FieldError[]

function valueRules(schema: JsonSchema | undefined, version: CustomResourceDefinitionVersion): Validate {
  if (schema === undefined) return () => []
  const validate = compileValidator({ ...schema, type: 'object' })
  const embedded = embeddedRule(schema)
  const scale = version.subresources?.scale
  const replicas =
    scale === undefined ? [] : [scale.specReplicasPath, scale.statusReplicasPath].map((path) => ({ path, find: compileJsonPath(path) }))
  return (next, old) => {
    const errors = validate(next, old)
    embedded?.(next, '', errors)
    for (const { path, find } of replicas) errors.push(...replicaErrors(find(next)[0], path))
    return errors
  }
}

const MAX_INT32 = 2 ** 31 - 1

/** What Scale shows must be a count, whatever the schema says. */
function replicaErrors(value: unknown, path: string): readonly FieldError[] {
  if (value === undefined) return []
  if (typeof value !== 'number' || !Number.isInteger(value)) {
    const type = typeof value === 'number' ? 'float64' : typeof value
    return [invalid(path, 0, `${path} accessor error: ${String(value as string)} is of the type ${type}, expected int64`)]
  }
  if (value < 0) return [invalid(path, value, 'should be a non-negative integer')]
  return value > MAX_INT32 ? [invalid(path, value, `should be less than or equal to ${MAX_INT32}`)] : []
}

/** A change of anything but metadata, and of status where it has its own endpoint, makes a new generation. */
function prepareUpdate(next: Work<KubeObject>, old: KubeObject, status: boolean): void {
  if (status) setOrDelete(next, 'status', (old as Custom)['status'])
  const ignored = status ? ['metadata', 'status'] : ['metadata']
  const before = old.metadata.generation ?? 0
  setOrDelete(next.metadata, 'generation', deepEqual(without(next, ignored), without(old, ignored)) ? old.metadata.generation : before + 1)
}

function without(object: KubeObject, keys: readonly string[]): Readonly<Open> {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)))
}

const TAKEN_BY_STATUS = new Set(['apiVersion', 'kind', 'metadata', 'status'])

function subresourcesOf({ subresources }: CustomResourceDefinitionVersion, rules: Validate): Readonly<Record<string, SubresourceDef>> {
  const status: SubresourceDef = {
    type: 'object',
    verbs: SUBRESOURCE_VERBS,
    prepareUpdate: (next, old) => {
      keepStored(next, old, TAKEN_BY_STATUS)
      keepAllButManagers(next, old)
    },
    validate: (next, old) => rules(next, old),
  }
  const scale = subresources?.scale
  return {
    ...(subresources?.status !== undefined && { status }),
    ...(scale !== undefined && {
      scale: {
        type: 'scale',
        verbs: SUBRESOURCE_VERBS,
        specReplicas: scale.specReplicasPath,
        statusReplicas: scale.statusReplicasPath,
        ...(scale.labelSelectorPath !== undefined && scale.labelSelectorPath !== '' && { labelSelector: scale.labelSelectorPath }),
      } as const,
    }),
  }
}

/** A status write of a custom object leaves all metadata as it is but managedFields and the revision. */
function keepAllButManagers(next: Work<KubeObject>, old: KubeObject): void {
  const { managedFields, resourceVersion } = next.metadata as unknown as Open
  const metadata = next.metadata as unknown as Open
  for (const key of Object.keys(metadata)) Reflect.deleteProperty(metadata, key)
  Object.assign(metadata, old.metadata)
  setOrDelete(metadata, 'managedFields', managedFields)
  setOrDelete(metadata, 'resourceVersion', resourceVersion)
}

function deprecation({ spec }: CustomResourceDefinition, version: CustomResourceDefinitionVersion): readonly string[] {
  if (version.deprecated !== true) return []
  const text = version.deprecationWarning ?? ''
  return [text === '' ? `${spec.group}/${version.name} ${spec.names.kind} is deprecated` : text]
}

function selectable({ selectableFields }: CustomResourceDefinitionVersion): Pick<ResourceDef, 'selectableFields'> {
  if (selectableFields === undefined || selectableFields.length === 0) return {}
  const paths = selectableFields.map(({ jsonPath }) => ({ key: jsonPath.replace(/^\./, ''), find: compileJsonPath(jsonPath) }))
  return {
    selectableFields: (object) => Object.fromEntries(paths.map(({ key, find }) => [key, textOf(find(object)[0])])),
  }
}

function textOf(value: unknown): string {
  return value === undefined || value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value)
}

/**
 * How stored objects become this version. Stored bytes may come from another version (strategy None: only apiVersion
 * differs) or from an older schema, so reading prunes and fills defaults again. A definition that has always had one
 * version and one schema stores what it serves, and needs no conversion.
 */
function conversionOf(
  crd: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
  storage: CustomResourceDefinitionVersion,
  reading: { readonly schema: ResourceDef['schema']; readonly defaults: Defaulter | undefined },
): StorageConversion | undefined {
  const isAlone = crd.spec.versions.length === 1 && crd.status.storedVersions.length <= 1
  if (isAlone && (crd.metadata.generation ?? 1) <= 1) return undefined
  const { group } = crd.spec
  const own = `${group}/${version.name}`
  const hub = `${group}/${storage.name}`
  return {
    hub,
    toHub: (object) => (object.apiVersion === hub ? object : { ...object, apiVersion: hub }),
    fromHub: (stored) => {
      const { object } = decodeObject(structuredClone(stored), reading.schema)
      reading.defaults?.(object)
      return { ...(object as unknown as Mutable<KubeObject>), apiVersion: own }
    },
  }
}
