import type { Binding, Node, Pod } from '../../api/types/core-v1.ts'
import type { Work } from '../resources/resource-def.ts'
import type { AdmissionPlugin, ObjectReader } from './admission.ts'
import { isCreateOf, isResource, NODES, PODS } from './target.ts'

const LABELS = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'] as const

/**
 * A pod learns zone and region of its node: with its binding, whose labels the binding puts on the pod, or at once when
 * it is created bound. Source: kubernetes, plugin/pkg/admission/podtopologylabels.
 */
export function podTopologyLabels({ reader }: { readonly reader: ObjectReader }): AdmissionPlugin {
  return {
    name: 'PodTopologyLabels',
    handles: (attributes) =>
      isCreateOf(attributes, PODS) ||
      (attributes.operation === 'CREATE' && attributes.subresource === 'binding' && isResource(attributes, PODS)),
    admit: ({ object, subresource }) => {
      if (object === undefined) return
      const nodeName = subresource === 'binding' ? (object as unknown as Binding).target.name : (object as Pod).spec.nodeName
      if (nodeName === undefined || nodeName === '') return
      const labels = reader.get<Node>(NODES, '', nodeName)?.metadata.labels
      if (labels !== undefined) copy(object, labels)
    },
  }
}

function copy(object: Work<{ readonly metadata: Pod['metadata'] }>, from: Readonly<Record<string, string>>): void {
  for (const key of LABELS) {
    const value = from[key]
    if (value === undefined) continue
    object.metadata.labels ??= {}
    object.metadata.labels[key] = value
  }
}
