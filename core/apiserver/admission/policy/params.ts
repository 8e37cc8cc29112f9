import type { KubeObject } from '../../../meta/object.ts'
import { apiVersionOf } from '../../../meta/resource-type.ts'
import { matchesLabels, selectorOf } from '../../../meta/selector.ts'
import type { ResourceDef } from '../../resources/resource-def.ts'
import type { AdmissionAttributes, ObjectReader } from '../admission.ts'
import type { BoundPolicy } from './source.ts'

export interface ParamDeps {
  readonly reader: ObjectReader
  readonly resources: () => readonly ResourceDef[]
}

/** The parameters with which a policy is to be evaluated: once for each. `[null]`: once, without. */
export type Params = { readonly params: readonly (KubeObject | null)[] } | { readonly problem: string }

/** Source: apiserver, admission/plugin/policy/generic, CollectParams. */
export function collectParams({ policy, binding }: BoundPolicy, attributes: AdmissionAttributes, deps: ParamDeps): Params {
  const kind = policy.spec.paramKind
  const ref = binding.spec.paramRef
  if (kind === undefined || ref === undefined) return { params: [null] }
  const def = deps.resources().find((one) => one.kind === kind.kind && apiVersionOf(one) === kind.apiVersion)
  if (def === undefined)
    return { problem: `failed to find resource referenced by paramKind: '${kind.apiVersion ?? ''}, Kind=${kind.kind ?? ''}'` }
  const place = placeOf(def, ref.namespace ?? '', attributes)
  if ('problem' in place) return place
  const found = find(def, ref, { namespace: place.namespace, reader: deps.reader })
  if (found.length > 0) return { params: found }
  return ref.parameterNotFoundAction === 'Deny'
    ? { problem: 'no params found for policy binding with `Deny` parameterNotFoundAction' }
    : { params: [] }
}

function placeOf(
  def: ResourceDef,
  named: string,
  attributes: AdmissionAttributes,
): { readonly namespace: string } | { readonly problem: string } {
  if (!def.namespaced)
    return named === '' ? { namespace: '' } : { problem: 'paramRef.namespace must not be provided for a cluster-scoped `paramKind`' }
  if (named !== '') return { namespace: named }
  if (attributes.namespace === '')
    return { problem: 'cannot use namespaced paramRef in policy binding that matches cluster-scoped resources' }
  return { namespace: attributes.namespace }
}

function find(
  def: ResourceDef,
  { name = '', selector }: NonNullable<BoundPolicy['binding']['spec']['paramRef']>,
  { namespace, reader }: { readonly namespace: string; readonly reader: ObjectReader },
): readonly KubeObject[] {
  if (name !== '') {
    const one = reader.get(def, namespace, name)
    return one === undefined ? [] : [one]
  }
  const parsed = selectorOf(selector ?? {})
  return reader.list(def, def.namespaced ? namespace : undefined).filter(({ metadata }) => matchesLabels(parsed, metadata.labels))
}
