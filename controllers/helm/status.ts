import type { Job } from '../../core/api/types/batch-v1.ts'
import type { Client } from '../../core/client/client.ts'
import { keyOf, splitKey } from '../../core/meta/object.ts'
import { ignoreNotFound } from '../../core/meta/status-error.ts'
import type { ReleaseRecord } from './state.ts'
import { CONTROLLER_NAME, type HelmChart, type HelmChartCondition, type HelmChartStatus, helmCharts } from './types.ts'

/** What a reconcile found out, to be told in the HelmChart's status. */
export interface Report {
  readonly job?: Job | undefined
  readonly failed?: { readonly reason: string; readonly message: string } | undefined
  /** The deployed release, when it is what the chart asks for. */
  readonly ready?: ReleaseRecord | undefined
}

/** JobCreated and Failed as in K3s; Ready is an addition, so that pipelines can wait for a chart. */
export function conditionsFor(facts: Report): readonly HelmChartCondition[] {
  const created: HelmChartCondition =
    facts.job === undefined
      ? { type: 'JobCreated', status: 'False', reason: 'Job not created', message: '' }
      : {
          type: 'JobCreated',
          status: 'True',
          reason: 'Job created',
          message: `Applying HelmChart using Job ${facts.job.metadata.namespace ?? ''}/${facts.job.metadata.name}`,
        }
  const failed: HelmChartCondition =
    facts.failed === undefined
      ? { type: 'Failed', status: 'False' }
      : { type: 'Failed', status: 'True', reason: facts.failed.reason, message: facts.failed.message }
  const ready: HelmChartCondition =
    facts.ready === undefined
      ? { type: 'Ready', status: 'False', reason: facts.failed === undefined ? 'Progressing' : 'Failed' }
      : { type: 'Ready', status: 'True', reason: 'Deployed', message: `release revision ${facts.ready.revision} is deployed` }
  return [created, failed, ready]
}

/** Whether nothing a reader looks at differs; times of transitions do not count. */
export function sameStatus(old: HelmChartStatus | undefined, next: HelmChartStatus): boolean {
  const plain = (status: HelmChartStatus | undefined): string =>
    JSON.stringify([status?.jobName, status?.conditions?.map((c) => [c.type, c.status, c.reason ?? '', c.message ?? ''])])
  return plain(old) === plain(next)
}

/** Patches the status when it says something new. */
export async function report(chart: HelmChart, facts: Report, deps: { readonly client: Client }, signal: AbortSignal): Promise<void> {
  const status = { ...(facts.job !== undefined && { jobName: facts.job.metadata.name }), conditions: conditionsFor(facts) }
  if (sameStatus(chart.status, status)) return
  await ignoreNotFound(
    deps.client.patch(
      helmCharts,
      splitKey(keyOf(chart)),
      { type: 'merge', body: { status } },
      { signal, fieldManager: CONTROLLER_NAME, subresource: 'status' },
    ),
  )
}
