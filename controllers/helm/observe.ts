import type { Job } from '../../core/api/types/batch-v1.ts'
import type { ConfigMap, Namespace, Pod, Secret } from '../../core/api/types/core-v1.ts'
import type { Client } from '../../core/client/client.ts'
import type { Lister } from '../../core/client/informer.ts'
import type { KubeObject } from '../../core/meta/object.ts'
import type { Clock } from '../../core/runtime/clock.ts'
import type { HelmSettings } from './build.ts'
import { newestRelease, type ReleaseRecord } from './state.ts'
import type { HelmChart, HelmChartConfig } from './types.ts'

export interface HelmDeps {
  readonly client: Client
  readonly charts: Lister<HelmChart>
  readonly configs: Lister<HelmChartConfig>
  readonly jobs: Lister<Job>
  readonly pods: Lister<Pod>
  readonly secrets: Lister<Secret>
  readonly configMaps: Lister<ConfigMap>
  readonly namespaces: Lister<Namespace>
  readonly settings: HelmSettings
  readonly clock: Clock
  readonly recorder: Recorder
}

export interface Recorder {
  event(object: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): void
}

export function podsOf(job: Job | undefined, deps: Pick<HelmDeps, 'pods'>): readonly Pod[] {
  if (job === undefined) return []
  return deps.pods
    .list(job.metadata.namespace)
    .filter((pod) => pod.metadata.ownerReferences?.some((owner) => owner.uid === job.metadata.uid) === true)
}

/** An empty target namespace means the chart's own; looking further would find strangers of the same name. */
export function findRelease(chart: HelmChart, deps: Pick<HelmDeps, 'secrets' | 'configMaps'>): ReleaseRecord | undefined {
  const target = chart.spec?.targetNamespace ?? ''
  const namespace = target === '' ? (chart.metadata.namespace ?? '') : target
  const objects: readonly (Secret | ConfigMap)[] =
    chart.spec?.driver === 'configmap' ? deps.configMaps.list(namespace) : deps.secrets.list(namespace)
  return newestRelease(
    objects.filter((object) => object.metadata.labels?.['owner'] === 'helm' && object.metadata.labels['name'] === chart.metadata.name),
  )
}
