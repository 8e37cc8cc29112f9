import { apiVersionOf } from '../../meta/resource-type.ts'
import type { Entry } from '../cache/cache.ts'
import type { ResourceDef } from '../resources/resource-def.ts'
import { badRequest } from '../errors.ts'
import { metadataBytes } from './metadata-bytes.ts'
import { bytesOf, objectOf } from './view.ts'

/** What stands in `object` of each row. Source: meta/v1 TableOptions. */
export type IncludeObject = 'None' | 'Metadata' | 'Object'

export interface TableView {
  readonly def: ResourceDef
  readonly metaVersion: 'v1' | 'v1beta1'
  readonly include: IncludeObject
  /** For ages. */
  readonly nowMs: number
}

/** Throws StatusError BadRequest for an unknown value. */
export function includeObjectOf(query: URLSearchParams): IncludeObject {
  const value = query.get('includeObject') ?? ''
  if (value === '') return 'Metadata'
  if (value === 'None' || value === 'Metadata' || value === 'Object') return value
  throw badRequest(`includeObject: Invalid value: ${JSON.stringify(value)}: must be 'Metadata', 'Object', 'None', or empty`)
}

/** Everything of a Table before its rows; `metadata` is the list's own. Later events of a watch leave the columns out. */
export function tableHead(view: TableView, metadata: object, withColumns = true): Buffer {
  const head = {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${view.metaVersion}`,
    metadata,
    columnDefinitions: withColumns ? view.def.columns : null,
  }
  return Buffer.from(`${JSON.stringify(head).slice(0, -1)},"rows":[`)
}

export const TABLE_END: Buffer = Buffer.from(']}')

/** One row. Cells need the parsed object; the metadata is cut out of the bytes. */
export function tableRow(view: TableView, entry: Entry): Buffer {
  const { def } = view
  const object = objectOf(def, entry)
  const conditions = def.rowConditions?.(object) ?? []
  const row = { cells: def.toRow(object, view.nowMs), ...(conditions.length > 0 && { conditions }) }
  const head = JSON.stringify(row).slice(0, -1)
  if (view.include === 'None') return Buffer.from(`${head},"object":null}`)
  const start = Buffer.from(`${head},"object":`)
  const shown = view.include === 'Object' ? bytesOf(def, entry) : partialObject(view.metaVersion, bytesOf(def, entry))
  return Buffer.concat([start, shown, CLOSE])
}

const CLOSE = Buffer.from('}')

const PARTIAL_START = {
  v1: Buffer.from('{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":'),
  v1beta1: Buffer.from('{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1beta1","metadata":'),
}

/** PartialObjectMetadata of an object given by its bytes. */
export function partialObject(metaVersion: 'v1' | 'v1beta1', object: Uint8Array): Buffer {
  return Buffer.concat([PARTIAL_START[metaVersion], metadataBytes(object), CLOSE])
}

/** The head of a list: `kind` and `apiVersion` for the shape asked for, then the list's metadata, then the items. */
export function listHead(kind: string, apiVersion: string, metadata: object): Buffer {
  return Buffer.from(`${JSON.stringify({ kind, apiVersion, metadata }).slice(0, -1)},"items":[`)
}

export const LIST_END: Buffer = Buffer.from(']}')

export function objectListHead(def: ResourceDef, metadata: object): Buffer {
  return listHead(def.listKind, apiVersionOf(def), metadata)
}
