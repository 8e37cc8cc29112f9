import type { Namespace, Pod } from '../../../api/types/core-v1.ts'
import type { Work } from '../../resources/resource-def.ts'
import type { AdmissionAttributes, AdmissionPlugin, ObjectReader } from '../admission.ts'
import { denied } from '../denied.ts'
import { isCreateOf, NAMESPACES, PODS } from '../target.ts'

const ANNOTATION = 'scheduler.alpha.kubernetes.io/node-selector'

/** Pods of an annotated namespace run on its nodes only. Off by default. Source: kubernetes, plugin/pkg/admission/podnodeselector. */
export function podNodeSelector({ reader }: { readonly reader: ObjectReader }): AdmissionPlugin {
  return {
    name: 'PodNodeSelector',
    handles: (attributes) => isCreateOf(attributes, PODS),
    admit: (attributes) => {
      const { spec } = attributes.object as Work<Pod>
      const wanted = selectorOf(attributes, reader)
      if (hasConflict(spec.nodeSelector, wanted)) throw conflict(attributes)
      if (Object.keys(wanted).length > 0) spec.nodeSelector = { ...wanted, ...spec.nodeSelector }
    },
    validate: (attributes) => {
      if (hasConflict((attributes.object as Pod).spec.nodeSelector, selectorOf(attributes, reader))) throw conflict(attributes)
    },
  }
}

function conflict(attributes: AdmissionAttributes): Error {
  return denied(attributes, 'pod node label selector conflicts with its namespace node label selector')
}

function selectorOf({ namespace }: AdmissionAttributes, reader: ObjectReader): Readonly<Record<string, string>> {
  const text = reader.get<Namespace>(NAMESPACES, '', namespace)?.metadata.annotations?.[ANNOTATION] ?? ''
  const pairs = text
    .split(',')
    .map((term) => term.trim().split('='))
    .filter(([key = '']) => key !== '')
  return Object.fromEntries(pairs.map(([key = '', value = '']) => [key.trim(), value.trim()]))
}

function hasConflict(own: Readonly<Record<string, string>> | undefined, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).some(([key, value]) => own?.[key] !== undefined && own[key] !== value)
}
