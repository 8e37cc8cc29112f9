import type { Binding, Pod } from '../../api/types/core-v1.ts'
import { setCondition } from '../../meta/conditions.ts'
import { type FieldError, notSupported, required } from '../../meta/field-error.ts'
import { aggregateText } from '../../meta/requirement.ts'
import { toTimestamp } from '../../meta/time.ts'
import { badRequest, conflict, unknownResource } from '../errors.ts'
import { objectForm, textForm } from '../output/object-output.ts'
import { valueToProtobuf } from '../output/protobuf.ts'
import type { ApiResponse } from '../request.ts'
import type { ResourceDef } from '../resources/resource-def.ts'
import { formResponse } from '../response.ts'
import type { RestHandler, RestRequest } from '../rest/rest-context.ts'
import { writeDirectly } from './direct-write.ts'
import { type BodyType, sentObject } from './sent-object.ts'

const BINDING: BodyType = { group: '', version: 'v1', kind: 'Binding', schemaName: 'core_v1.Binding' }
const TARGET = { group: '', resource: 'pods/binding' }

/** POST pods/NAME/binding: gives a pod its node. Source: kubernetes, registry/core/pod/storage, BindingREST. */
export const bindPod: RestHandler = async (rest) => {
  const { object: binding, context } = await sentObject<Binding>(rest, BINDING)
  if (binding.metadata.name !== rest.info.name) throw badRequest('name in URL does not match name in Binding object')
  return bind(rest, rest.def, binding, context.options.dryRun)
}

/** POST bindings: the older way, with the pod named in the body. `pods` is looked up when needed. */
export function createBinding(pods: () => ResourceDef | undefined): RestHandler {
  return async (rest) => {
    const { object: binding, context } = await sentObject<Binding>(rest, BINDING)
    const def = pods()
    if (def === undefined) throw unknownResource()
    return bind(rest, def, binding, context.options.dryRun)
  }
}

async function bind(rest: RestRequest, def: ResourceDef, binding: Binding, dryRun: boolean): Promise<ApiResponse> {
  const problems = bindingProblems(binding)
  if (problems.length > 0) throw badRequest(aggregateText(problems))
  const { name } = binding.metadata
  const now = toTimestamp(rest.services.clock.now())
  await writeDirectly(rest.services, {
    def,
    namespace: rest.info.namespace,
    name,
    dryRun,
    change: (current) => {
      const pod = current as Pod
      const problem = unbindable(pod, binding)
      if (problem !== undefined) throw conflict(TARGET, name, problem)
      return bound(pod, binding, now)
    },
  })
  return created(rest)
}

function bindingProblems({ target }: Binding): FieldError[] {
  const problems: FieldError[] = []
  const { kind = '', name = '' } = target
  if (kind !== '' && kind !== 'Node') problems.push(notSupported('target.kind', kind, ['Node', '<empty>']))
  if (name === '') problems.push(required('target.name'))
  return problems
}

function unbindable(pod: Pod, { metadata }: Binding): string | undefined {
  const { name, uid, resourceVersion, deletionTimestamp } = pod.metadata
  const { uid: wantedUid = '', resourceVersion: wantedRevision = '' } = metadata as {
    readonly uid?: string
    readonly resourceVersion?: string
  }
  if (wantedUid !== '' && wantedUid !== uid) return `Precondition failed: UID in precondition: ${wantedUid}, UID in object meta: ${uid}`
  if (wantedRevision !== '' && wantedRevision !== resourceVersion)
    return `Precondition failed: ResourceVersion in precondition: ${wantedRevision}, ResourceVersion in object meta: ${resourceVersion}`
  if (deletionTimestamp !== undefined) return `pod ${name} is being deleted, cannot be assigned to a host`
  const { nodeName = '', schedulingGates = [] } = pod.spec
  if (nodeName !== '') return `pod ${name} is already assigned to node ${JSON.stringify(nodeName)}`
  return schedulingGates.length > 0 ? `pod ${name} has non-empty .spec.schedulingGates` : undefined
}

/** Annotations of the binding win over the pod's, its labels do not. The node it was nominated for is of no use any more. */
function bound(pod: Pod, { target, metadata }: Binding, now: string): Pod {
  const { annotations, labels } = metadata
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      ...(annotations !== undefined && { annotations: { ...pod.metadata.annotations, ...annotations } }),
      ...(labels !== undefined && { labels: { ...labels, ...pod.metadata.labels } }),
    },
    spec: { ...pod.spec, nodeName: target.name ?? '' },
    status: {
      ...pod.status,
      nominatedNodeName: undefined,
      conditions: setCondition(pod.status.conditions, { type: 'PodScheduled', status: 'True' }, now),
    },
  }
}

/** 201 with the Status of an operation that leaves nothing to show. */
export function created(rest: RestRequest): ApiResponse | Promise<ApiResponse> {
  const form = objectForm(rest.request, rest.def)
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }
  if (form.encoding === 'protobuf') return formResponse(201, form, valueToProtobuf(status))
  return textForm(201, Buffer.from(`${JSON.stringify(status)}\n`), form, rest.request)
}
