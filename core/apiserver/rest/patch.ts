import { invariant } from '../../runtime/invariant.ts'
import { objectForm, objectResponse } from '../output/object-output.ts'
import { bytesOf } from '../output/view.ts'
import { writeOptions } from '../pipeline/options.ts'
import { appliedState, patchedState, patchKind, readPatch } from '../pipeline/patch.ts'
import { updateObject } from '../pipeline/update.ts'
import type { ApiResponse } from '../request.ts'
import type { SubresourceDef } from '../resources/resource-def.ts'
import { type RestRequest, writeContextOf } from './rest-context.ts'

/** PATCH of an object or of one of its `status`-like subresources, in all four kinds. Apply creates what is absent. */
export async function handlePatch(rest: RestRequest, subresource?: SubresourceDef): Promise<ApiResponse> {
  const { request, def, services } = rest
  const form = objectForm(request, def)
  const kind = patchKind(request, def)
  const isApply = kind === 'apply'
  const context = writeContextOf(rest, writeOptions(request, 'PatchOptions', isApply))
  const patch = await readPatch(request, kind)
  const { entry, created } = await updateObject(
    services,
    {
      next: (current) => {
        const bytes = current === undefined ? undefined : bytesOf(def, current)
        if (isApply) return appliedState(patch, bytes, context)
        invariant(bytes !== undefined, 'only apply creates')
        return patchedState(patch, bytes, context)
      },
      isPatch: true,
      createsWhenAbsent: isApply && subresource === undefined,
      ...(isApply && { hasManagers: true }),
      ...(subresource !== undefined && { subresource }),
    },
    context,
  )
  return objectResponse(created ? 201 : 200, entry, def, { request, form, nowMs: context.nowMs })
}
