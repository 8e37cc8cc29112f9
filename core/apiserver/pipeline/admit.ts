import type { KubeObject } from '../../meta/object.ts'
import type { AdmissionAttributes } from '../admission/admission.ts'
import type { Work } from '../resources/resource-def.ts'
import type { WriteContext } from './write-context.ts'

/** What admission sees of a write, in both rounds. `object` is the one that will be stored; absent on a delete. */
export function admissionAttributes(
  context: WriteContext,
  operation: AdmissionAttributes['operation'],
  object: Work<KubeObject> | undefined,
  oldObject: KubeObject | undefined,
): AdmissionAttributes {
  const { def, subresource, namespace, user, options, warn } = context
  const name = object?.metadata.name ?? context.name
  return { operation, def, subresource, namespace, name, object, oldObject, user, dryRun: options.dryRun, warn }
}
