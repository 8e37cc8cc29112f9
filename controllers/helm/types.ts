import type { PodSecurityContext, SecurityContext } from '../../core/api/types/core-v1.ts'
import type { ObjectMeta } from '../../core/api/types/meta-v1.ts'
import { type ResourceType, resourceType } from '../../core/meta/resource-type.ts'

/** helm.cattle.io/v1. Source: K3s docs, Helm; fields and meanings as in helm-controller. */
export interface HelmChart {
  readonly apiVersion?: string | undefined
  readonly kind?: string | undefined
  readonly metadata: ObjectMeta
  readonly spec?: HelmChartSpec | undefined
  readonly status?: HelmChartStatus | undefined
}

export interface HelmChartSpec {
  readonly chart?: string | undefined
  readonly chartContent?: string | undefined
  readonly repo?: string | undefined
  readonly version?: string | undefined
  readonly repoCA?: string | undefined
  readonly repoCAConfigMap?: NameReference | undefined
  readonly targetNamespace?: string | undefined
  readonly createNamespace?: boolean | undefined
  readonly set?: Readonly<Record<string, string | number | boolean>> | undefined
  readonly values?: unknown
  readonly valuesContent?: string | undefined
  readonly valuesSecrets?: readonly ValuesSecret[] | undefined
  readonly helmVersion?: string | undefined
  readonly bootstrap?: boolean | undefined
  readonly takeOwnership?: boolean | undefined
  readonly serverSide?: 'true' | 'false' | 'auto' | undefined
  readonly forceConflicts?: boolean | undefined
  readonly jobImage?: string | undefined
  readonly backOffLimit?: number | undefined
  readonly timeout?: string | undefined
  readonly failurePolicy?: FailurePolicy | undefined
  readonly authSecret?: NameReference | undefined
  readonly authPassCredentials?: boolean | undefined
  readonly insecureSkipTLSVerify?: boolean | undefined
  readonly plainHTTP?: boolean | undefined
  readonly dockerRegistrySecret?: NameReference | undefined
  readonly podSecurityContext?: PodSecurityContext | undefined
  readonly securityContext?: SecurityContext | undefined
  readonly driver?: 'secret' | 'configmap' | undefined
}

export type FailurePolicy = 'abort' | 'reinstall' | 'retry'

export interface NameReference {
  readonly name?: string | undefined
}

export interface ValuesSecret {
  readonly name: string
  /** Without keys the Secret is not used. */
  readonly keys?: readonly string[] | undefined
  /** The Secret may be absent, and its changes do not upgrade the release. */
  readonly ignoreUpdates?: boolean | undefined
}

export interface HelmChartStatus {
  readonly jobName?: string | undefined
  readonly conditions?: readonly HelmChartCondition[] | undefined
}

export interface HelmChartCondition {
  readonly type: 'JobCreated' | 'Failed' | 'Ready'
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason?: string | undefined
  readonly message?: string | undefined
}

/** Bound to the HelmChart of the same name and namespace; alone it does nothing. */
export interface HelmChartConfig {
  readonly apiVersion?: string | undefined
  readonly kind?: string | undefined
  readonly metadata: ObjectMeta
  readonly spec?: HelmChartConfigSpec | undefined
}

export interface HelmChartConfigSpec {
  readonly values?: unknown
  readonly valuesContent?: string | undefined
  readonly valuesSecrets?: readonly ValuesSecret[] | undefined
  readonly failurePolicy?: FailurePolicy | undefined
  readonly serverSide?: 'true' | 'false' | 'auto' | undefined
  readonly forceConflicts?: boolean | undefined
}

export const helmCharts: ResourceType<HelmChart> = resourceType('helm.cattle.io/v1', 'helmcharts', 'HelmChart', true)
export const helmChartConfigs: ResourceType<HelmChartConfig> = resourceType(
  'helm.cattle.io/v1',
  'helmchartconfigs',
  'HelmChartConfig',
  true,
)

export const CONTROLLER_NAME = 'helm-controller'
export const FINALIZER = 'wrangler.cattle.io/on-helm-chart-remove'
export const MANAGED_BY = 'helmcharts.cattle.io/managed-by'
export const UNMANAGED = 'helmcharts.helm.cattle.io/unmanaged'
/** On jobs and their pods; the value is the name of the chart. */
export const CHART_LABEL = 'helmcharts.helm.cattle.io/chart'
/** On the pod template (`SHA256=HEX`) and, cut to a label value, on the helm release. */
export const CONFIG_HASH = 'helmcharts.helm.cattle.io/configHash'
