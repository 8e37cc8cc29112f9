import type { HorizontalPodAutoscaler, HPAScalingRules } from '../../../api/types/autoscaling-v2.ts'
import type { Work } from '../resource-def.ts'

const CPU_PERCENT = 80
/** Both ways may at least double or shrink to nothing in this time. */
const PERIOD_SECONDS = 15
const POD_STEP = 4

/** Source: shared facts on defaults, autoscaling_v2. An absent scaleDown window means the controller's, 300 seconds. */
export function defaultAutoscaler({ spec }: Work<HorizontalPodAutoscaler>): void {
  spec.minReplicas ??= 1
  if ((spec.metrics?.length ?? 0) === 0)
    spec.metrics = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: CPU_PERCENT } } }]
  if (spec.behavior === undefined) return
  const up: Work<HPAScalingRules> = (spec.behavior.scaleUp ??= {})
  up.stabilizationWindowSeconds ??= 0
  up.selectPolicy ??= 'Max'
  up.policies ??= [
    { type: 'Pods', value: POD_STEP, periodSeconds: PERIOD_SECONDS },
    { type: 'Percent', value: 100, periodSeconds: PERIOD_SECONDS },
  ]
  const down: Work<HPAScalingRules> = (spec.behavior.scaleDown ??= {})
  down.selectPolicy ??= 'Max'
  down.policies ??= [{ type: 'Percent', value: 100, periodSeconds: PERIOD_SECONDS }]
}
