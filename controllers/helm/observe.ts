import type { Job } from '../../core/api/types/batch-v1.ts'
import type { Namespace, Pod } from '../../core/api/types/core-v1.ts'
import type { Client } from '../../core/client/client.ts'
import type { InformerOptions, Lister } from '../../core/client/informer.ts'
import type { KubeObject } from '../../core/meta/object.ts'
import type { Clock } from '../../core/runtime/clock.ts'
import type { HelmSettings } from './build.ts'
import { newestRelease, type ReleaseRecord } from './state.ts'
import type { HelmChart, HelmChartConfig } from './types.ts'

/**
 * Of Secrets and ConfigMaps only the metadata is kept: helm's release records tell all in their labels, and what a chart
 * takes its values from is read when the chart is looked at.
 */
export const METADATA: InformerOptions = { metadataOnly: true }

export interface HelmDeps {
  readonly client: Client
  readonly charts: Lister<HelmChart>
  readonly configs: Lister<HelmChartConfig>
  readonly jobs: Lister<Job>
  readonly pods: Lister<Pod>
  /** Of `METADATA`. */
  readonly secrets: Lister<KubeObject>
  /** Of `METADATA`. */
  readonly configMaps: Lister<KubeObject>
  readonly namespaces: Lister<Namespace>
  readonly settings: HelmSettings
  readonly clock: Clock
  readonly recorder: Recorder
}

export interface Recorder {
  event(object: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): void
}

/** Pods that the job controls; none without a job. */
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
  const objects = chart.spec?.driver === 'configmap' ? deps.configMaps.list(namespace) : deps.secrets.list(namespace)
  return newestRelease(
    objects.filter((object) => object.metadata.labels?.['owner'] === 'helm' && object.metadata.labels['name'] === chart.metadata.name),
  )
}
