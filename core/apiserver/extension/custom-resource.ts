import { createHash } from 'node:crypto'
import type { CustomResourceDefinition, CustomResourceDefinitionVersion, SelectableField } from '../../api/types/apiextensions-v1.ts'
import { decodeObject } from '../../meta/decode/decode.ts'
import { dns1123SubdomainProblems, problemText } from '../../meta/names.ts'
import type { KubeObject, Mutable } from '../../meta/object.ts'
import type { ObjectSchema } from '../../meta/schema.ts'
import { invariant } from '../../runtime/invariant.ts'
import type { ResourceDef, StorageConversion, SubresourceDef } from '../resources/resource-def.ts'
import { customTable } from './columns.ts'
import type { Convert } from './conversion-webhook.ts'
import { customStatus, prepareCustomCreate, prepareCustomUpdate, SUBRESOURCE_VERBS } from './custom-strategy.ts'
import { type CustomValues, customValues, type Validate } from './custom-values.ts'
import { compileJsonPath } from './json-path.ts'

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']

/** The storage prefix of all versions of a custom kind. */
export function storagePrefixOf({ spec }: CustomResourceDefinition): string {
  return `/registry/${spec.group}/${spec.names.plural}`
}

/**
 * One definition a served version. Schemas are compiled when they are first needed; those of an accepted definition always do. While the
 * definition is being deleted nothing new is created, and the stored version is there for whoever cleans up.
 */
export function customResourceDefs(crd: CustomResourceDefinition, convert: Convert): readonly ResourceDef[] {
  const { versions } = crd.spec
  const isTerminating = crd.metadata.deletionTimestamp !== undefined
  const storage = versions.find((version) => version.storage)
  return versions
    .filter((version) => version.served || (isTerminating && version.storage))
    .map((version) => resourceDef(crd, { version, storage: storage ?? version, convert }))
}

interface Served {
  readonly version: CustomResourceDefinitionVersion
  readonly storage: CustomResourceDefinitionVersion
  readonly convert: Convert
}

function resourceDef(crd: CustomResourceDefinition, served: Served): ResourceDef {
  const { version, storage } = served
  const { group, scope } = crd.spec
  const names = crd.status.acceptedNames
  const raw = version.schema?.openAPIV3Schema
  const values = customValues(version)
  const hasStatus = version.subresources?.status !== undefined
  const conversion = conversionOf(crd, served, values)
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
    get schema(): ObjectSchema {
      return values.schema()
    },
    ...(raw !== undefined && { openApiSchema: { ...raw } }),
    storagePrefix: storagePrefixOf(crd),
    storageVersionHash: versionHash(group, storage.name, names.kind),
    ...(conversion !== undefined && { conversion }),
    nameProblem: (name) => problemText(dns1123SubdomainProblems(name)),
    applyDefaults: (object) => values.applyDefaults(object),
    prepareCreate: (object) => prepareCustomCreate(object, hasStatus),
    prepareUpdate: (next, old) => prepareCustomUpdate(next, old, hasStatus),
    validate: (next, old) => values.validate(next, old),
    ...(version.deprecated === true && { deprecation: deprecation(crd, version) }),
    allowCreateOnUpdate: false,
    allowUnconditionalUpdate: false,
    defaultDeletion: 'background',
    ...customTable(version.additionalPrinterColumns),
    ...selectable(offeredFields(crd, served)),
    subresources: subresourcesOf(version, values.validate),
  }
}

/** Source: apiserver, discovery.StorageVersionHash. */
function versionHash(group: string, version: string, kind: string): string {
  return createHash('sha256').update(`${group}/${version}/${kind}`).digest().subarray(0, 8).toString('base64')
}

function subresourcesOf({ subresources }: CustomResourceDefinitionVersion, validate: Validate): Readonly<Record<string, SubresourceDef>> {
  const scale = subresources?.scale
  return {
    ...(subresources?.status !== undefined && { status: customStatus(validate) }),
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

function deprecation({ spec }: CustomResourceDefinition, { name, deprecationWarning = '' }: CustomResourceDefinitionVersion): string {
  return deprecationWarning === '' ? `${spec.group}/${name} ${spec.names.kind} is deprecated` : deprecationWarning
}

/**
 * Objects that a webhook converts are looked through as they are stored: only what both versions declare means the same there. A
 * selector of another field is refused, for a deletion by a field that is not there would take everything.
 */
function offeredFields({ spec }: CustomResourceDefinition, { version, storage }: Served): readonly SelectableField[] {
  const { selectableFields = [] } = version
  if (spec.conversion?.strategy !== 'Webhook' || version === storage) return selectableFields
  return selectableFields.filter(({ jsonPath }) => storage.selectableFields?.some((stored) => stored.jsonPath === jsonPath) === true)
}

function selectable(selectableFields: readonly SelectableField[]): Pick<ResourceDef, 'selectableFields'> {
  if (selectableFields.length === 0) return {}
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
  { version, storage, convert }: Served,
  values: CustomValues,
): StorageConversion | undefined {
  const isAlone = crd.spec.versions.length === 1 && crd.status.storedVersions.length <= 1
  if (isAlone && (crd.metadata.generation ?? 1) <= 1) return undefined
  const { group } = crd.spec
  const own = `${group}/${version.name}`
  const hub = `${group}/${storage.name}`
  const fromHub = (stored: KubeObject): KubeObject => {
    const { object } = decodeObject(structuredClone(stored), values.schema())
    values.applyDefaults(object)
    return { ...(object as unknown as Mutable<KubeObject>), apiVersion: own }
  }
  return {
    hub,
    toHub: (object) => (object.apiVersion === hub ? object : { ...object, apiVersion: hub }),
    fromHub,
    ...(crd.spec.conversion?.strategy === 'Webhook' && {
      remote: {
        toHub: async (object) => {
          const [stored] = await convert(crd, [{ ...object, apiVersion: own }], hub)
          invariant(stored !== undefined, 'a conversion answers with as many objects as it was given')
          return stored
        },
        fromHub: async (objects) => (await convert(crd, objects, own)).map(fromHub),
      },
    }),
  }
}
