import { clusterRoleBindings, configMaps, jobs, secrets, serviceAccounts } from '../../core/api/kinds.ts'
import type { Job } from '../../core/api/types/batch-v1.ts'
import { type KubeObject, keyOf, objectKey, splitKey } from '../../core/meta/object.ts'
import type { ResourceType } from '../../core/meta/resource-type.ts'
import { ignoreNotFound, isReason } from '../../core/meta/status-error.ts'
import { after, done, type Result } from '../runtime/controller.ts'
import { buildJob, type JobContext, names } from './build.ts'
import { ensureChildren } from './children.ts'
import { findRelease, type HelmDeps, podsOf } from './observe.ts'
import { hasCondition, lastProblem } from './state.ts'
import { report } from './status.ts'
import { CONTROLLER_NAME, FINALIZER, type HelmChart, helmCharts } from './types.ts'

/** A release that outlives its delete job is tried again, not forgotten. */
const RETRY_MS = 10_000

/**
 * Runs helm uninstall in a job, checks that the release is gone and only then lets the HelmChart go. In a terminating
 * namespace nothing new can run and everything goes anyway: the finalizer is dropped.
 */
export async function uninstallChart(chart: HelmChart, deps: HelmDeps, signal: AbortSignal): Promise<Result> {
  if (chart.metadata.finalizers?.includes(FINALIZER) !== true) return done
  const namespace = chart.metadata.namespace ?? ''
  const terminating = deps.namespaces.get(namespace)?.metadata.deletionTimestamp !== undefined
  const job = deps.jobs.get(objectKey(namespace, names.delete(chart.metadata.name)))
  const release = findRelease(chart, deps)
  if (terminating || (release === undefined && (job === undefined || hasCondition(job, 'Complete')))) {
    await removeChildren(chart, deps, signal)
    await dropFinalizer(chart, deps, signal)
    return done
  }
  if (job === undefined) return startDelete(chart, deps, signal, release?.revision ?? '')
  return followDelete(chart, job, deps, signal)
}

async function startDelete(chart: HelmChart, deps: HelmDeps, signal: AbortSignal, revision: string): Promise<Result> {
  const context: JobContext = { chart, config: deps.configs.get(keyOf(chart)), settings: deps.settings }
  await removeJob(chart, names.install(chart.metadata.name), deps, signal)
  await ensureChildren(context, deps.client, signal)
  const job = await deps.client.create(jobs, buildJob(context, 'delete', { hash: '', revision }), { signal, fieldManager: CONTROLLER_NAME })
  deps.recorder.event(chart, 'Normal', 'RemoveJob', `Removing HelmChart using Job ${chart.metadata.namespace ?? ''}/${job.metadata.name}`)
  await report(chart, { job }, deps, signal)
  return done
}

async function followDelete(chart: HelmChart, job: Job, deps: HelmDeps, signal: AbortSignal): Promise<Result> {
  if (hasCondition(job, 'Complete') || hasCondition(job, 'Failed')) {
    // Finished, yet the release is there: a new try with the revision of now.
    await report(
      chart,
      { job, failed: { reason: 'DeleteFailed', message: lastProblem(podsOf(job, deps)) ?? 'the release is still there' } },
      deps,
      signal,
    )
    await removeJob(chart, job.metadata.name, deps, signal)
    return after(RETRY_MS)
  }
  if (job.spec.suspend === true && hasCondition(job, 'Suspended')) {
    await deps.client.patch(
      jobs,
      splitKey(keyOf(job)),
      { type: 'merge', body: { spec: { suspend: false } } },
      { signal, fieldManager: CONTROLLER_NAME },
    )
    return done
  }
  const problem = lastProblem(podsOf(job, deps))
  await report(chart, { job, ...(problem !== undefined && { failed: { reason: 'HelmFailed', message: problem } }) }, deps, signal)
  return done
}

async function removeChildren(chart: HelmChart, deps: HelmDeps, signal: AbortSignal): Promise<void> {
  const { name, namespace = '' } = chart.metadata
  await removeJob(chart, names.install(name), deps, signal)
  await removeJob(chart, names.delete(name), deps, signal)
  const children: readonly (readonly [ResourceType<KubeObject>, string, string | undefined])[] = [
    [serviceAccounts, names.serviceAccount(name), namespace],
    [clusterRoleBindings, names.clusterRoleBinding(namespace, name), undefined],
    [secrets, names.values(name), namespace],
    [configMaps, names.content(name), namespace],
  ]
  for (const [type, child, childNamespace] of children)
    await ignoreNotFound(deps.client.delete(type, { name: child, namespace: childNamespace }, { signal }))
}

async function removeJob(chart: HelmChart, name: string, deps: HelmDeps, signal: AbortSignal): Promise<void> {
  if (deps.jobs.get(objectKey(chart.metadata.namespace, name)) === undefined) return
  await ignoreNotFound(deps.client.delete(jobs, { name, namespace: chart.metadata.namespace }, { signal, propagationPolicy: 'Background' }))
}

async function dropFinalizer(chart: HelmChart, deps: HelmDeps, signal: AbortSignal): Promise<void> {
  const finalizers = (chart.metadata.finalizers ?? []).filter((item) => item !== FINALIZER)
  const body = { metadata: { resourceVersion: chart.metadata.resourceVersion, finalizers } }
  try {
    await deps.client.patch(helmCharts, splitKey(keyOf(chart)), { type: 'merge', body }, { signal, fieldManager: CONTROLLER_NAME })
  } catch (err) {
    if (!isReason(err, 'NotFound')) throw err
  }
}
