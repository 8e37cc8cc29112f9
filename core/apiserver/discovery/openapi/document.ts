import type { Describe } from '../../../api/descriptions.ts'
import { MESSAGES } from '../../../api/schema-data.ts'
import { stemOf } from '../../../api/schemas.ts'
import type { ApiVersion, Catalog, GroupVersionKind } from '../catalog.ts'
import { customReference } from './custom.ts'
import { Definitions, type Dialect, type Json } from './definitions.ts'
import { pathsOf, type WireTypes } from './paths.ts'
import { withRemote } from './remote.ts'

export interface DocumentDeps {
  readonly describe: Describe
  /** `v1.35.0`. */
  readonly gitVersion: string
}

const SECURITY = { BearerToken: { type: 'apiKey', in: 'header', name: 'authorization', description: 'Bearer Token authentication' } }

/** The OpenAPI 3.0 document of one group version. */
export function documentV3(catalog: Catalog, version: ApiVersion, deps: DocumentDeps): Json {
  const definitions = new Definitions('v3', deps.describe, groupVersions(catalog))
  const paths = pathsOf(version, wireTypes(definitions, [version], 'v3'), 'v3')
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: deps.gitVersion },
    paths,
    components: { schemas: definitions.all(), securitySchemes: SECURITY },
  }
}

/** The Swagger 2.0 document of everything. */
export function documentV2(catalog: Catalog, deps: DocumentDeps): Json {
  const definitions = new Definitions('v2', deps.describe, groupVersions(catalog))
  const versions = catalog.groups.flatMap((group) => group.versions)
  const types = wireTypes(definitions, versions, 'v2')
  const paths = Object.assign({}, ...versions.map((version) => pathsOf(version, types, 'v2'))) as Json
  const remote = versions.flatMap((version) => version.remote?.openApi?.v2 ?? [])
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version: deps.gitVersion },
    ...withRemote({ paths, definitions: definitions.all() }, remote),
    securityDefinitions: SECURITY,
    security: [{ BearerToken: [] }],
  }
}

function groupVersions(catalog: Catalog): readonly Omit<GroupVersionKind, 'kind'>[] {
  return catalog.groups.flatMap((group) => group.versions.map(({ version }) => ({ group: group.name, version })))
}

function wireTypes(definitions: Definitions, versions: readonly ApiVersion[], dialect: Dialect): WireTypes {
  return {
    meta: (name) => definitions.reference(`meta_v1.${name}`),
    of: (kind) => {
      const custom = versions.flatMap(({ resources }) => resources).find((def) => isCustom(def) && serves(def, kind))
      if (custom !== undefined) return customReference(definitions, custom, kind.kind, dialect)
      const typeName = `${stemOf(kind) ?? ''}.${kind.kind}`
      return MESSAGES[typeName] === undefined ? { type: 'object' } : definitions.reference(typeName)
    },
  }
}

type Def = ApiVersion['resources'][number]

const isCustom = (def: Def): boolean => def.schema.name === undefined

function serves(def: Def, { group, version, kind }: GroupVersionKind): boolean {
  return def.group === group && def.version === version && (def.kind === kind || def.listKind === kind)
}
