import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Entry } from '../cache/cache.ts'
import type { ApiResponse } from '../request.ts'
import type { ResourceDef } from '../resources/resource-def.ts'
import { formResponse, jsonResponse } from '../response.ts'
import { negotiate, type OutputForm } from './form.ts'
import { type OutputRequest, textForm, wantsPretty } from './object-output.ts'
import { messageOf, partialMessage, partialProtobufList, protobufList } from './protobuf.ts'
import { includeObjectOf, LIST_END, listHead, objectListHead, partialObject, TABLE_END, tableHead, tableRow } from './table.ts'
import { bytesOf, isBuiltIn, objectOf, prepareViews, typeMetaLength } from './view.ts'

export interface ListOutput {
  readonly entries: readonly Entry[]
  /** ListMeta. */
  readonly metadata: object
}

/** The form a client wants for a list of `def`. Throws StatusError NotAcceptable. */
export function listForm(request: OutputRequest, def: ResourceDef): OutputForm {
  return negotiate(request.headers['accept'], { endpoint: 'list', protobuf: isBuiltIn(def) })
}

/** Work that is done for so many items at a time, before others get their turn. */
const ITEMS_A_TURN = 500

/** Answers with a list. Plain JSON joins stored bytes; every other form is made item by item. */
export async function listResponse(
  list: ListOutput,
  def: ResourceDef,
  options: { readonly request: OutputRequest; readonly form: OutputForm; readonly nowMs: number },
): Promise<ApiResponse> {
  const { form, request } = options
  await prepareViews(def, list.entries)
  if (form.encoding === 'protobuf') return formResponse(200, form, await protobufBody(list, def, form))
  const pieces = await jsonPieces(list, def, options)
  if (form.encoding === 'json' && !wantsPretty(request)) return jsonResponse(200, pieces)
  return textForm(200, Buffer.concat(pieces), form, request)
}

async function jsonPieces(
  { entries, metadata }: ListOutput,
  def: ResourceDef,
  { request, form, nowMs }: { readonly request: OutputRequest; readonly form: OutputForm; readonly nowMs: number },
): Promise<Uint8Array[]> {
  switch (form.shape) {
    case 'object':
      return joined(objectListHead(def, metadata), objectItems(entries, def), LIST_END)
    case 'metadata': {
      const head = listHead('PartialObjectMetadataList', `meta.k8s.io/${form.metaVersion}`, metadata)
      const items = await mapInTurns(entries, (entry) => partialObject(form.metaVersion, bytesOf(def, entry)))
      return joined(head, items, LIST_END)
    }
    case 'table': {
      const view = { def, metaVersion: form.metaVersion, include: includeObjectOf(request.query), nowMs }
      return joined(tableHead(view, metadata), await mapInTurns(inRowOrder(entries, def), (entry) => tableRow(view, entry)), TABLE_END)
    }
  }
}

/** As stored, unless the kind is read in another order. */
function inRowOrder(entries: readonly Entry[], def: ResourceDef): readonly Entry[] {
  const { rowOrder } = def
  return rowOrder === undefined ? entries : entries.toSorted((a, b) => rowOrder(objectOf(def, a), objectOf(def, b)))
}

const OPEN = Buffer.from('{')

/** Items of built-in lists carry no kind and no apiVersion, as Go writes them; custom ones do. */
function objectItems(entries: readonly Entry[], def: ResourceDef): Uint8Array[] {
  const pieces: Uint8Array[] = []
  if (!isBuiltIn(def)) {
    for (const entry of entries) pieces.push(COMMA, bytesOf(def, entry))
    return pieces.slice(1)
  }
  const skipped = typeMetaLength(def)
  for (const entry of entries) pieces.push(COMMA_OPEN, bytesOf(def, entry).subarray(skipped))
  if (pieces.length > 0) pieces[0] = OPEN
  return pieces
}

const COMMA = Buffer.from(',')
const COMMA_OPEN = Buffer.from(',{')

/** `items` come with their separators. */
function joined(head: Uint8Array, items: Uint8Array[], end: Uint8Array): Uint8Array[] {
  items.unshift(head)
  items.push(end)
  return items
}

async function mapInTurns(entries: readonly Entry[], map: (entry: Entry) => Uint8Array): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = []
  for (const [index, entry] of entries.entries()) {
    if (index > 0) pieces.push(COMMA)
    pieces.push(map(entry))
    if (index % ITEMS_A_TURN === ITEMS_A_TURN - 1) await nextTurn()
  }
  return pieces
}

async function protobufBody({ entries, metadata }: ListOutput, def: ResourceDef, form: OutputForm): Promise<Uint8Array> {
  const messages: Uint8Array[] = []
  const isPartial = form.shape === 'metadata'
  for (const [index, entry] of entries.entries()) {
    messages.push(isPartial ? partialMessage(objectOf(def, entry)) : messageOf(def, entry))
    if (index % ITEMS_A_TURN === ITEMS_A_TURN - 1) await nextTurn()
  }
  return isPartial ? partialProtobufList(form.metaVersion, metadata, messages) : protobufList(def, metadata, messages)
}
