import { objectForm, objectResponse } from '../output/object-output.ts'
import { protobufReader, valueToProtobuf } from '../output/protobuf.ts'
import { deleteObject } from '../pipeline/delete.ts'
import { type DeleteOptions, readDeleteOptions } from '../pipeline/delete-options.ts'
import type { WriteOptions } from '../pipeline/options.ts'
import type { ApiResponse } from '../request.ts'
import { formResponse, successStatus } from '../response.ts'
import type { OutputForm } from '../output/form.ts'
import { textForm } from '../output/object-output.ts'
import { type RestRequest, writeContextOf } from './rest-context.ts'

const readOptions = protobufReader({ group: '', version: 'v1', kind: 'DeleteOptions' })

/** DELETE of one object: a Status when it is gone, the object when finalizers or grace keep it for now. */
export async function handleDelete(rest: RestRequest): Promise<ApiResponse> {
  const { request, def, services } = rest
  const form = objectForm(request, def)
  const options = await readDeleteOptions(request, readOptions)
  const context = writeContextOf(rest, deleteWriteOptions(options))
  const { entry, isGone } = await deleteObject(services, options, context)
  if (isGone && !RETURNS_OBJECT.has(`${def.group}/${def.resource}`)) {
    const { uid } = entry.object().metadata
    return statusAnswer(rest, form, successStatus({ name: entry.name, group: def.group, kind: def.resource, uid }))
  }
  return objectResponse(!isGone && options.wantsCascade ? 202 : 200, entry, def, { request, form, nowMs: context.nowMs })
}

/** Kinds whose deletion answers with the object that went. Source: kubernetes, pkg/registry, ReturnDeletedObject. */
const RETURNS_OBJECT: ReadonlySet<string> = new Set([
  '/persistentvolumeclaims',
  '/persistentvolumes',
  '/pods',
  '/podtemplates',
  '/resourcequotas',
  '/serviceaccounts',
  '/services',
  'storage.k8s.io/csidrivers',
  'storage.k8s.io/csinodes',
  'storage.k8s.io/storageclasses',
  'storage.k8s.io/volumeattachments',
  'storage.k8s.io/volumeattributesclasses',
])

/** The pipeline's options of a delete, which have no field manager and nothing to decode. */
export function deleteWriteOptions({ dryRun }: Pick<DeleteOptions, 'dryRun'>): WriteOptions {
  return { dryRun, fieldManager: '', validation: 'Ignore', force: false }
}

function statusAnswer(rest: RestRequest, form: OutputForm, status: object): ApiResponse | Promise<ApiResponse> {
  if (form.encoding === 'protobuf') return formResponse(200, form, valueToProtobuf(status))
  return textForm(200, Buffer.from(`${JSON.stringify(status)}\n`), form, rest.request)
}
