import type { Job } from '../../core/api/types/batch-v1.ts'
import type { ConfigMap, Container, EnvVar, PodTemplateSpec, Secret, ServiceAccount, Volume } from '../../core/api/types/core-v1.ts'
import type { ClusterRoleBinding } from '../../core/api/types/rbac-v1.ts'
import type { Draft } from '../../core/meta/object.ts'
import { CHART_LABEL, CONFIG_HASH, type FailurePolicy, type HelmChart, type HelmChartConfig } from './types.ts'
import { inlineValues, valueFiles } from './values.ts'

/** Cluster-wide settings of the helm controller. */
export interface HelmSettings {
  readonly jobImage: string
  /** ClusterRole that jobs get. Default of helm-controller: cluster-admin. */
  readonly jobClusterRole: string
  readonly apiServerPort: number
  /** Proxy variables of the server's environment, copied into jobs. */
  readonly proxy: Readonly<Record<string, string>>
}

export interface JobContext {
  readonly chart: HelmChart
  readonly config: HelmChartConfig | undefined
  readonly settings: HelmSettings
}

export const DEFAULT_BACKOFF_LIMIT = 1000

export const names = {
  install: (chart: string): string => `helm-install-${chart}`,
  delete: (chart: string): string => `helm-delete-${chart}`,
  serviceAccount: (chart: string): string => `helm-${chart}`,
  clusterRoleBinding: (namespace: string, chart: string): string => `helm-${namespace}-${chart}`,
  values: (chart: string): string => `chart-values-${chart}`,
  content: (chart: string): string => `chart-content-${chart}`,
}

/** Pod template without hash and revision: the part that decides whether a running job is out of date. */
export function buildTemplate(context: JobContext, action: 'install' | 'delete'): Draft<PodTemplateSpec> {
  const { chart } = context
  const { spec } = chart
  const bootstrap = spec?.bootstrap === true
  return {
    metadata: { labels: { [CHART_LABEL]: chart.metadata.name }, annotations: {} },
    spec: {
      restartPolicy: 'OnFailure',
      serviceAccountName: names.serviceAccount(chart.metadata.name),
      priorityClassName: 'system-cluster-critical',
      nodeSelector: { 'kubernetes.io/os': 'linux', ...(bootstrap && { 'node-role.kubernetes.io/control-plane': 'true' }) },
      ...(bootstrap && { hostNetwork: true, tolerations: BOOTSTRAP_TOLERATIONS }),
      securityContext: spec?.podSecurityContext ?? { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [buildContainer(context, action)],
      volumes: buildVolumes(context),
    },
  }
}

const BOOTSTRAP_TOLERATIONS = [
  { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule', operator: 'Exists' },
  { key: 'node.kubernetes.io/network-unavailable', effect: 'NoSchedule', operator: 'Exists' },
  { key: 'node.cloudprovider.kubernetes.io/uninitialized', operator: 'Equal', value: 'true', effect: 'NoSchedule' },
  { key: 'CriticalAddonsOnly', operator: 'Exists' },
  { key: 'node-role.kubernetes.io/etcd', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node-role.kubernetes.io/control-plane', operator: 'Exists', effect: 'NoSchedule' },
] as const

function buildContainer(context: JobContext, action: 'install' | 'delete'): Draft<Container> {
  const { spec } = context.chart
  return {
    name: 'helm',
    image: spec?.jobImage ?? context.settings.jobImage,
    imagePullPolicy: 'IfNotPresent',
    args: jobArguments(context.chart, action),
    env: environment(context),
    resources: { requests: { cpu: '100m', memory: '10M' }, limits: { cpu: '32', memory: '32G' } },
    securityContext: spec?.securityContext ?? {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [
      { name: 'klipper-helm', mountPath: '/home/klipper-helm/.helm' },
      { name: 'klipper-cache', mountPath: '/home/klipper-helm/.cache' },
      { name: 'klipper-config', mountPath: '/home/klipper-helm/.config' },
      { name: 'tmp', mountPath: '/tmp' },
      { name: 'values', mountPath: '/config' },
      { name: 'content', mountPath: '/chart' },
      ...(spec?.authSecret?.name === undefined ? [] : [{ name: 'auth', mountPath: '/auth' }]),
      ...(spec?.repoCAConfigMap?.name === undefined ? [] : [{ name: 'ca-files', mountPath: '/ca-files' }]),
      ...(spec?.dockerRegistrySecret?.name === undefined ? [] : [{ name: 'dockerconfig', mountPath: '/home/klipper-helm/.docker' }]),
    ],
  }
}

/** Arguments of the job's entry point. */
export function jobArguments(chart: HelmChart, action: 'install' | 'delete'): readonly string[] {
  const spec = chart.spec ?? {}
  const namespace = spec.targetNamespace === undefined || spec.targetNamespace === '' ? [] : ['--namespace', spec.targetNamespace]
  if (action === 'delete') return ['delete', ...namespace]
  const remote = (spec.chartContent ?? '') === '' && !/\.tgz$/.test(spec.chart ?? '')
  return [
    'install',
    ...namespace,
    ...(spec.createNamespace === true ? ['--create-namespace'] : []),
    ...(spec.takeOwnership === true ? ['--take-ownership'] : []),
    ...(remote && (spec.version ?? '') !== '' ? ['--version', spec.version ?? ''] : []),
    ...setFlags(spec.set ?? {}),
  ]
}

/** Numbers, true, false and null keep their type; other values are strings whose commas must not split them. */
function setFlags(values: Readonly<Record<string, string | number | boolean>>): readonly string[] {
  return Object.entries(values)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([key, raw]) => {
      const value = String(raw)
      if (/^-?\d+$/.test(value) || ['true', 'false', 'null'].includes(value)) return ['--set', `${key}=${value}`]
      return ['--set-string', `${key}=${value.replace(/(?<!\\),/g, '\\,')}`]
    })
}

function environment({ chart, config, settings }: JobContext): readonly Draft<EnvVar>[] {
  const spec = chart.spec ?? {}
  const values: Record<string, string> = {
    NAME: chart.metadata.name,
    VERSION: spec.version ?? '',
    REPO: spec.repo ?? '',
    HELM_DRIVER: spec.driver ?? 'secret',
    CHART_NAMESPACE: chart.metadata.namespace ?? '',
    CHART: spec.chart ?? '',
    HELM_VERSION: spec.helmVersion ?? '',
    TARGET_NAMESPACE: spec.targetNamespace ?? '',
    AUTH_PASS_CREDENTIALS: String(spec.authPassCredentials === true),
    INSECURE_SKIP_TLS_VERIFY: String(spec.insecureSkipTLSVerify === true),
    PLAIN_HTTP: String(spec.plainHTTP === true),
    ...(spec.timeout !== undefined && { TIMEOUT: spec.timeout }),
    FAILURE_POLICY: failurePolicyOf(chart, config),
    SERVER_SIDE: config?.spec?.serverSide ?? spec.serverSide ?? 'auto',
    FORCE_CONFLICTS: String(config?.spec?.forceConflicts ?? spec.forceConflicts ?? false),
    ...settings.proxy,
    ...(spec.bootstrap === true && {
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
      KUBERNETES_SERVICE_PORT: String(settings.apiServerPort),
      BOOTSTRAP: 'true',
    }),
  }
  return Object.entries(values).map(([name, value]) => ({ name, value }))
}

/** The config wins when it names one; creating a config without it changes nothing. */
export function failurePolicyOf(chart: HelmChart, config: HelmChartConfig | undefined): FailurePolicy {
  return config?.spec?.failurePolicy ?? chart.spec?.failurePolicy ?? 'reinstall'
}

function buildVolumes({ chart, config }: JobContext): readonly Draft<Volume>[] {
  const spec = chart.spec ?? {}
  const memory = { emptyDir: { medium: 'Memory' } }
  const sources = valueFiles(chart, config).map((file) => ({
    secret: { name: file.secret, items: [{ key: file.key, path: file.path }], ...(file.optional && { optional: true }) },
  }))
  return [
    { name: 'klipper-helm', ...memory },
    { name: 'klipper-cache', ...memory },
    { name: 'klipper-config', ...memory },
    { name: 'tmp', ...memory },
    { name: 'values', projected: { sources } },
    { name: 'content', configMap: { name: names.content(chart.metadata.name) } },
    ...(spec.authSecret?.name === undefined ? [] : [{ name: 'auth', secret: { secretName: spec.authSecret.name } }]),
    ...(spec.repoCAConfigMap?.name === undefined ? [] : [{ name: 'ca-files', configMap: { name: spec.repoCAConfigMap.name } }]),
    ...(spec.dockerRegistrySecret?.name === undefined
      ? []
      : [
          {
            name: 'dockerconfig',
            secret: { secretName: spec.dockerRegistrySecret.name, items: [{ key: '.dockerconfigjson', path: 'config.json' }] },
          },
        ]),
  ]
}

/** Born suspended; the controller resumes it once the Job controller has taken it over. */
export function buildJob(
  context: JobContext,
  action: 'install' | 'delete',
  run: { readonly hash: string; readonly revision: string },
): Draft<Job> {
  const { chart } = context
  const template = buildTemplate(context, action)
  const [container] = template.spec?.containers ?? []
  const env = [
    ...(container?.env ?? []),
    { name: 'EXPECTED_RELEASE_REVISION', value: run.revision },
    { name: 'CONFIG_HASH', value: run.hash },
  ]
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { ...childMetadata(chart, names[action](chart.metadata.name)), labels: { [CHART_LABEL]: chart.metadata.name } },
    spec: {
      suspend: true,
      backoffLimit: chart.spec?.backOffLimit ?? DEFAULT_BACKOFF_LIMIT,
      template: {
        metadata: { ...template.metadata, annotations: { [CONFIG_HASH]: run.hash } },
        spec: { ...template.spec, containers: [{ ...container, env }] },
      },
    },
  }
}

export function buildServiceAccount(chart: HelmChart): Draft<ServiceAccount> {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: childMetadata(chart, names.serviceAccount(chart.metadata.name)),
    automountServiceAccountToken: true,
  }
}

/** Binds the job's account to the role of the settings in the whole cluster. */
export function buildClusterRoleBinding(chart: HelmChart, settings: HelmSettings): Draft<ClusterRoleBinding> {
  const { name, namespace = 'default' } = chart.metadata
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: names.clusterRoleBinding(namespace, name), labels: { [CHART_LABEL]: name } },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: settings.jobClusterRole },
    subjects: [{ kind: 'ServiceAccount', name: names.serviceAccount(name), namespace }],
  }
}

/** The inline values of chart and config, a key each. */
export function buildValuesSecret(chart: HelmChart, config: HelmChartConfig | undefined): Draft<Secret> {
  const data = Object.fromEntries(
    Object.entries(inlineValues(chart, config)).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
  )
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: childMetadata(chart, names.values(chart.metadata.name)),
    type: 'helmcharts.helm.cattle.io/values',
    data,
  }
}

/** Always made, maybe empty, so that the job's volume mounts. */
export function buildContentConfigMap(chart: HelmChart): Draft<ConfigMap> {
  const { name } = chart.metadata
  const content = chart.spec?.chartContent ?? ''
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: childMetadata(chart, names.content(name)),
    data: content === '' ? {} : { [`${name}.tgz.base64`]: content },
  }
}

function childMetadata(chart: HelmChart, name: string): NonNullable<Draft<Job>['metadata']> {
  return {
    name,
    ...(chart.metadata.namespace !== undefined && { namespace: chart.metadata.namespace }),
    ownerReferences: [{ apiVersion: 'helm.cattle.io/v1', kind: 'HelmChart', name: chart.metadata.name, uid: chart.metadata.uid }],
  }
}
