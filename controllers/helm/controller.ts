/**
 * Keeps helm releases equal to HelmChart resources by running helm in Jobs. Source: K3s docs, Helm; helm-controller.
 * Per reconcile: observe, `classify` into a state, carry out the one action of that state, report in the status.
 */
import { configMaps, jobs, namespaces, pods, secrets } from '../../core/api/kinds.ts'
import type { Job } from '../../core/api/types/batch-v1.ts'
import type { Pod, Secret } from '../../core/api/types/core-v1.ts'
import type { Client } from '../../core/client/client.ts'
import { type KubeObject, keyOf, type ObjectKey, objectKey, splitKey } from '../../core/meta/object.ts'
import { ignoreNotFound } from '../../core/meta/status-error.ts'
import { after, type Controller, done, type ReconcileContext, type Result, watch } from '../runtime/controller.ts'
import { buildJob, buildTemplate, DEFAULT_BACKOFF_LIMIT, type JobContext, names } from './build.ts'
import { ensureChildren } from './children.ts'
import { findRelease, type HelmDeps, METADATA, podsOf } from './observe.ts'
import { type ChartState, classify } from './state.ts'
import { report } from './status.ts'
import { CHART_LABEL, CONTROLLER_NAME, FINALIZER, type HelmChart, helmChartConfigs, helmCharts, MANAGED_BY, UNMANAGED } from './types.ts'
import { uninstallChart } from './uninstall.ts'
import { configHash, inlineValues, watchedSecrets } from './values.ts'

/** A release that keeps differing from what its job left is not fought over more often than this. */
const DRIFT_PAUSE_MS = 30_000
/** One reconcile carries out at most this many actions; the watch brings the rest. */
const FAILED_RECHECK_MS = 60_000

export function helmChartController(deps: HelmDeps): Controller {
  return {
    name: CONTROLLER_NAME,
    concurrency: 2,
    watches: [
      watch(helmCharts, (chart) => [keyOf(chart)]),
      watch(helmChartConfigs, (config) => [keyOf(config)]),
      watch(jobs, chartOfLabel),
      watch(pods, chartOfLabel),
      { ...watch(secrets, (secret) => chartsOfSecret(deps, secret)), options: METADATA },
      watch(namespaces, (namespace) =>
        namespace.metadata.deletionTimestamp === undefined ? [] : deps.charts.list(namespace.metadata.name).map((chart) => keyOf(chart)),
      ),
      { ...watch(configMaps, (map) => chartsOfRelease(deps, map)), options: METADATA },
    ],
    reconcile: (key, context) => reconcile(key, deps, context),
  }
}

async function reconcile(key: ObjectKey, deps: HelmDeps, context: ReconcileContext): Promise<Result> {
  const chart = deps.charts.get(key)
  if (chart === undefined || !isOurs(chart)) return done
  if (chart.metadata.deletionTimestamp !== undefined) return uninstallChart(chart, deps, context.signal)
  if ((chart.spec?.chart ?? '') === '' && (chart.spec?.chartContent ?? '') === '') return done
  if (!isClaimed(chart)) {
    await claim(chart, deps.client, context.signal)
    return done
  }
  const version = chart.spec?.helmVersion ?? ''
  if (version !== '' && version !== 'v3') {
    deps.recorder.event(chart, 'Warning', 'UnsupportedVersion', `helmVersion ${version} is not supported: only v3 is`)
    await report(
      chart,
      { failed: { reason: 'UnsupportedVersion', message: `helmVersion ${version} is not supported: only v3 is` } },
      deps,
      context.signal,
    )
    return done
  }
  return install(chart, deps, context.signal)
}

async function install(chart: HelmChart, deps: HelmDeps, signal: AbortSignal): Promise<Result> {
  const jobContext: JobContext = { chart, config: deps.configs.get(keyOf(chart)), settings: deps.settings }
  const sources = await readSecrets(jobContext, deps.client, signal)
  const observation = observe(jobContext, sources, deps)
  const missing = [...sources].filter(([, secret]) => secret === undefined).map(([name]) => name)
  if (missing.length > 0) {
    await report(chart, { failed: { reason: 'SecretNotFound', message: `valuesSecrets: not found: ${missing.join(', ')}` } }, deps, signal)
    return done
  }
  await ensureChildren(jobContext, deps.client, signal)
  return act(classify(observation), { jobContext, observation, deps, signal })
}

interface Action {
  readonly jobContext: JobContext
  readonly observation: Parameters<typeof classify>[0]
  readonly deps: HelmDeps
  readonly signal: AbortSignal
}

async function act(state: ChartState, action: Action): Promise<Result> {
  const { deps, signal, observation } = action
  const { chart } = action.jobContext
  switch (state.kind) {
    case 'no-job':
      return createJob(action)
    case 'resume':
      await deps.client.patch(
        jobs,
        state.job.metadata,
        { type: 'merge', body: { spec: { suspend: false } } },
        { signal, fieldManager: CONTROLLER_NAME },
      )
      await report(chart, { job: state.job }, deps, signal)
      return done
    case 'running':
      await report(
        chart,
        { job: state.job, ...(state.problem !== undefined && { failed: { reason: 'HelmFailed', message: state.problem } }) },
        deps,
        signal,
      )
      return done
    case 'deployed':
      await report(chart, { job: state.job, ready: observation.release }, deps, signal)
      return done
    case 'failed':
      deps.recorder.event(chart, 'Warning', 'JobFailed', state.problem)
      await report(chart, { job: state.job, failed: { reason: 'JobFailed', message: state.problem } }, deps, signal)
      return after(FAILED_RECHECK_MS)
    case 'outdated':
      return replaceJob(state.job, state.finished, action)
    case 'drifted': {
      const waitMs = state.finishedAtMs + DRIFT_PAUSE_MS - deps.clock.now()
      if (observation.release?.status === 'deployed' && waitMs > 0) return after(waitMs)
      return replaceJob(state.job, true, action)
    }
  }
}

async function createJob({ jobContext, observation, deps, signal }: Action): Promise<Result> {
  const job = buildJob(jobContext, 'install', { hash: observation.hash, revision: observation.release?.revision ?? '' })
  const created = await deps.client.create(jobs, job, { signal, fieldManager: CONTROLLER_NAME })
  deps.recorder.event(
    jobContext.chart,
    'Normal',
    'ApplyJob',
    `Applying HelmChart using Job ${created.metadata.namespace ?? ''}/${created.metadata.name}`,
  )
  await report(jobContext.chart, { job: created }, deps, signal)
  return done
}

/** A running job is suspended first and deleted when its pods are gone, so that no two helms work on one release. */
async function replaceJob(job: Job, finished: boolean, { jobContext, deps, signal }: Action): Promise<Result> {
  const name = { name: job.metadata.name, namespace: job.metadata.namespace }
  if (finished) {
    await ignoreNotFound(
      deps.client.delete(jobs, name, { signal, propagationPolicy: 'Background', preconditions: { uid: job.metadata.uid } }),
    )
    deps.recorder.event(jobContext.chart, 'Normal', 'RemoveJob', `Removing Job ${job.metadata.namespace ?? ''}/${job.metadata.name}`)
    return done
  }
  if (job.spec.suspend !== true) {
    await deps.client.patch(jobs, name, { type: 'merge', body: { spec: { suspend: true } } }, { signal, fieldManager: CONTROLLER_NAME })
    deps.recorder.event(
      jobContext.chart,
      'Normal',
      'SuspendJob',
      `Suspending Job ${job.metadata.namespace ?? ''}/${job.metadata.name}: the chart changed`,
    )
  }
  return done
}

/** The Secrets that a chart's values come from, by name. */
type Sources = ReadonlyMap<string, Secret | undefined>

async function readSecrets({ chart, config }: JobContext, client: Client, signal: AbortSignal): Promise<Sources> {
  const { namespace } = chart.metadata
  const read = async (name: string) => [name, await ignoreNotFound(client.get(secrets, { namespace, name }, signal))] as const
  return new Map(await Promise.all(watchedSecrets(chart, config).map(read)))
}

function observe(jobContext: JobContext, sources: Sources, deps: HelmDeps): Parameters<typeof classify>[0] {
  const { chart, config } = jobContext
  const namespace = chart.metadata.namespace ?? ''
  const hash = configHash({
    template: buildTemplate(jobContext, 'install'),
    backoffLimit: chart.spec?.backOffLimit ?? DEFAULT_BACKOFF_LIMIT,
    inline: inlineValues(chart, config),
    chartContent: chart.spec?.chartContent ?? '',
    secrets: [...sources.values()],
  })
  const job = deps.jobs.get(objectKey(namespace, names.install(chart.metadata.name)))
  return { job, hash, release: findRelease(chart, deps), pods: podsOf(job, deps) }
}

function isOurs(chart: HelmChart): boolean {
  const annotations = chart.metadata.annotations ?? {}
  return !(UNMANAGED in annotations) && (annotations[MANAGED_BY] ?? CONTROLLER_NAME) === CONTROLLER_NAME
}

function isClaimed(chart: HelmChart): boolean {
  return chart.metadata.annotations?.[MANAGED_BY] === CONTROLLER_NAME && chart.metadata.finalizers?.includes(FINALIZER) === true
}

async function claim(chart: HelmChart, client: Client, signal: AbortSignal): Promise<void> {
  const finalizers = [...new Set([...(chart.metadata.finalizers ?? []), FINALIZER])]
  const body = { metadata: { resourceVersion: chart.metadata.resourceVersion, annotations: { [MANAGED_BY]: CONTROLLER_NAME }, finalizers } }
  await client.patch(helmCharts, splitKey(keyOf(chart)), { type: 'merge', body }, { signal, fieldManager: CONTROLLER_NAME })
}

function chartOfLabel(object: Job | Pod): readonly ObjectKey[] {
  const name = object.metadata.labels?.[CHART_LABEL]
  return name === undefined ? [] : [objectKey(object.metadata.namespace, name)]
}

/** Values Secrets by name in the chart's namespace, and helm's release storage by its labels. */
function chartsOfSecret(deps: HelmDeps, secret: KubeObject): readonly ObjectKey[] {
  const users = deps.charts
    .list(secret.metadata.namespace)
    .filter(
      (chart) =>
        watchedSecrets(chart, deps.configs.get(keyOf(chart))).includes(secret.metadata.name) ||
        secret.metadata.name === names.values(chart.metadata.name),
    )
  return [...users.map((chart) => keyOf(chart)), ...chartsOfRelease(deps, secret)]
}

function chartsOfRelease(deps: HelmDeps, object: KubeObject): readonly ObjectKey[] {
  const labels = object.metadata.labels ?? {}
  if (labels['owner'] !== 'helm') return []
  return deps.charts
    .list()
    .filter((chart) => chart.metadata.name === labels['name'])
    .map((chart) => keyOf(chart))
}
