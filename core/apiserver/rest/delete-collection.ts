import { isNotFound } from '../../meta/status-error.ts'
import type { Entry } from '../cache/cache.ts'
import { listForm, listResponse } from '../output/list-output.ts'
import { protobufReader } from '../output/protobuf.ts'
import { deleteObject } from '../pipeline/delete.ts'
import { readDeleteOptions } from '../pipeline/delete-options.ts'
import type { ApiResponse } from '../request.ts'
import { deleteWriteOptions } from './delete.ts'
import { expiredResponse } from './list.ts'
import { listOptions } from './list-options.ts'
import { ListExpired, type Page, readPage } from './page.ts'
import { namespaceOf, type RestRequest, writeContextOf } from './rest-context.ts'
import { selectionOf } from './selection.ts'

const readOptions = protobufReader({ group: '', version: 'v1', kind: 'DeleteOptions' })

/** Deletes at once; more would only queue up in front of the store. */
const PARALLEL = 16

/** DELETE of a collection: answers with the list of what was found. One failure ends it; what is gone already is fine. */
export async function handleDeleteCollection(rest: RestRequest): Promise<ApiResponse> {
  const { request, def, services } = rest
  const form = listForm(request, def)
  const options = await readDeleteOptions(request, readOptions)
  const selection = selectionOf(def, namespaceOf(rest), request.query)
  let page: Page
  try {
    const wait = { clock: services.clock, signal: request.signal }
    page = await readPage(services.cacheOf(def), selection, listOptions(request.query, false), wait)
  } catch (err) {
    if (err instanceof ListExpired) return expiredResponse(err)
    throw err
  }
  const context = writeContextOf(rest, deleteWriteOptions(options))
  await eachParallel(page.entries, async ({ namespace, name }) => {
    try {
      await deleteObject(services, options, { ...context, namespace, name })
    } catch (err) {
      if (!isNotFound(err)) throw err
    }
  })
  return listResponse(page, def, { request, form, nowMs: context.nowMs })
}

async function eachParallel(entries: readonly Entry[], act: (entry: Entry) => Promise<void>): Promise<void> {
  const queue = entries.values()
  const worker = async (): Promise<void> => {
    for (const entry of queue) await act(entry)
  }
  await Promise.all(Array.from({ length: Math.min(PARALLEL, entries.length) }, worker))
}
