import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { deployments, horizontalPodAutoscalers, metricsPods, pods } from '../../core/api/kinds.ts'
import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec } from '../../core/api/types/autoscaling-v2.ts'
import type { PodMetrics } from '../../core/api/types/metrics-v1beta1.ts'
import type { Draft } from '../../core/meta/object.ts'
import { toTimestamp } from '../../core/runtime/clock.ts'
import { deployment, pod } from '../../tests/helpers/builders.ts'
import { type Bench, controllerBench } from '../../tests/helpers/controller-bench.ts'
import { FakeDiscovery } from '../../tests/helpers/fake-discovery.ts'
import { horizontalPodAutoscaler } from './horizontal-pod-autoscaler.ts'

const LABELS = { app: 'web' }

async function start(bench: Bench, spec: Draft<HorizontalPodAutoscalerSpec> = {}, use = '900m'): Promise<void> {
  const { cluster, clock, recorder } = bench
  cluster.seed(deployments, deployment({ replicas: 2 }))
  const started = toTimestamp(clock.now() - 3_600_000)
  for (const name of ['a', 'b']) {
    const containers = [{ name: 'c', resources: { requests: { cpu: '1' } } }]
    const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: started }]
    cluster.seed(pods, pod(name, { spec: { containers }, status: { phase: 'Running', startTime: started, conditions } }))
    if (use !== '') measure(bench, name, use)
  }
  cluster.seed(horizontalPodAutoscalers, {
    metadata: { namespace: 'default', name: 'h' },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      maxReplicas: 10,
      metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } }],
      ...spec,
    },
    status: { desiredReplicas: 0, currentMetrics: [] },
  })
  const { informers } = cluster
  await bench.run(
    horizontalPodAutoscaler({
      client: cluster,
      discovery: new FakeDiscovery(deployments),
      autoscalers: informers.informer(horizontalPodAutoscalers),
      pods: informers.informer(pods),
      recorder,
      clock,
    }),
  )
}
function measure({ cluster, clock }: Bench, name: string, cpu: string): void {
  const metrics: Draft<PodMetrics> = {
    metadata: { namespace: 'default', name, labels: LABELS },
    timestamp: toTimestamp(clock.now()),
    window: '30s',
    containers: [{ name: 'c', usage: { cpu } }],
  }
  if (cluster.all(metricsPods).some(({ metadata }) => metadata.name === name)) cluster.remove(metricsPods, { namespace: 'default', name })
  cluster.seed(metricsPods, metrics)
}
const size = (bench: Bench): number | undefined => bench.cluster.all(deployments)[0]?.spec.replicas
const status = (bench: Bench): HorizontalPodAutoscaler['status'] | undefined => bench.cluster.all(horizontalPodAutoscalers)[0]?.status
const conditions = (bench: Bench): string[] =>
  (status(bench)?.conditions ?? []).map((each) => `${each.type} ${each.status} ${each.reason ?? ''}`)

describe('horizontal pod autoscaler', () => {
  it('adds replicas for what pods use and says why', async () => {
    await using bench = controllerBench()
    await start(bench)
    assert.equal(size(bench), 4)
    assert.deepEqual(bench.recorder.events, [
      'Normal SuccessfulRescale New size: 4; reason: cpu resource utilization (percentage of request) above target',
    ])
    assert.deepEqual(conditions(bench), [
      'AbleToScale True SucceededRescale',
      'ScalingActive True ValidMetricFound',
      'ScalingLimited False DesiredWithinRange',
    ])
    assert.deepEqual(status(bench)?.currentMetrics, [
      { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 90, averageValue: '900m' } } },
    ])
    assert.equal(status(bench)?.desiredReplicas, 4)
  })

  it('takes replicas away only after the load has been low for five minutes', async () => {
    await using bench = controllerBench()
    await start(bench, {}, '500m')
    assert.equal(size(bench), 2)
    for (const name of ['a', 'b']) measure(bench, name, '100m')
    await bench.clock.advance(240_000)
    assert.equal(size(bench), 2)
    assert.ok(conditions(bench).includes('AbleToScale True ScaleDownStabilized'))
    await bench.clock.advance(90_000)
    await bench.settle()
    assert.equal(size(bench), 1)
  })

  it('does nothing and says so without metrics', async () => {
    await using bench = controllerBench()
    await start(bench, {}, '')
    assert.equal(size(bench), 2)
    assert.ok(conditions(bench).includes('ScalingActive False FailedGetResourceMetric'))
    assert.ok(
      bench.recorder.events.includes(
        'Warning FailedGetResourceMetric failed to get resource utilization: no metrics returned from resource metrics API',
      ),
    )
  })

  it('leaves a target alone that was scaled to zero', async () => {
    await using bench = controllerBench()
    await start(bench)
    bench.cluster.change(deployments, { namespace: 'default', name: 'web' }, (object) => ({
      ...object,
      spec: { ...object.spec, replicas: 0 },
    }))
    await bench.clock.advance(16_000)
    await bench.settle()
    assert.equal(size(bench), 0)
    assert.ok(conditions(bench).includes('ScalingActive False ScalingDisabled'))
  })

  it('says that it cannot find its target', async () => {
    await using bench = controllerBench()
    await start(bench, { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'other' } })
    assert.deepEqual(conditions(bench), ['AbleToScale False FailedGetScale'])
  })
})
