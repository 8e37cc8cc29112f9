import { replicaSets, replicationControllers, services, statefulSets } from '../../api/kinds.ts'
import type { Pod } from '../../api/types/core-v1.ts'
import type { InformerFactory } from '../../client/informer.ts'
import { objectKey } from '../../meta/object.ts'
import { controllerOf } from '../../meta/owner.ts'
import type { Requirement } from '../../meta/requirement.ts'
import { matchesLabels, type Selector, selectorOf, selectorOfMap } from '../../meta/selector.ts'

/**
 * The pods that belong together with `pod` although it has no spread constraints: those of the services that select it and of its
 * controller. Undefined when there are none, so that lone pods are not spread. Source: default constraints of PodTopologySpread.
 */
export type DefaultSelector = (pod: Pod) => Selector | undefined

/** Over informers, which must be asked for before their start. */
export function defaultSelectorOf(informers: InformerFactory): DefaultSelector {
  const [serviceLister, controllerLister] = [informers.informer(services), informers.informer(replicationControllers)]
  const [replicaSetLister, statefulSetLister] = [informers.informer(replicaSets), informers.informer(statefulSets)]
  const ofController = (pod: Pod): Selector | undefined => {
    const owner = controllerOf(pod)
    if (owner === undefined) return undefined
    const key = objectKey(pod.metadata.namespace, owner.name)
    switch (`${owner.apiVersion}/${owner.kind}`) {
      case 'apps/v1/ReplicaSet':
        return presentSelector(replicaSetLister.get(key)?.spec.selector)
      case 'apps/v1/StatefulSet':
        return presentSelector(statefulSetLister.get(key)?.spec.selector)
      case 'v1/ReplicationController': {
        const map = controllerLister.get(key)?.spec.selector
        return map === undefined ? undefined : selectorOfMap(map)
      }
      default:
        return undefined
    }
  }
  return (pod) => {
    const requirements: Requirement[] = []
    for (const service of serviceLister.list(pod.metadata.namespace)) {
      const selector = selectorOfMap(service.spec.selector, false)
      if (matchesLabels(selector, pod.metadata.labels)) requirements.push(...selector.requirements)
    }
    requirements.push(...(ofController(pod)?.requirements ?? []))
    return requirements.length === 0 ? undefined : { requirements }
  }
}

function presentSelector(source: Parameters<typeof selectorOf>[0]): Selector | undefined {
  return source === undefined ? undefined : selectorOf(source)
}
