import type {
  Endpoints,
  LimitRange,
  Namespace,
  Node,
  PodTemplate,
  ReplicationController,
  ResourceQuota,
  Secret,
} from '../../../api/types/core-v1.ts'
import { roundQuantities } from '../defaulting.ts'
import { defaultPodTemplate } from '../pod/spec-defaults.ts'
import type { Work } from '../resource-def.ts'

/** Source for this file: shared facts on defaults, core_v1. */
export function defaultReplicationController({ metadata, spec }: Work<ReplicationController>): void {
  const labels = spec.template?.metadata.labels
  if (labels !== undefined) {
    if (Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels }
    if (Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels }
  }
  spec.replicas ??= 1
  defaultPodTemplate(spec.template)
}

export function defaultPodTemplateObject({ template }: Work<PodTemplate>): void {
  defaultPodTemplate(template)
}

export function defaultSecret(secret: Work<Secret>): void {
  secret.type ||= 'Opaque'
  // Plain text is for writing only: it goes into the data and is never stored or shown.
  const { stringData } = secret
  if (stringData === undefined) return
  const data = (secret.data ??= {})
  for (const [key, text] of Object.entries(stringData)) data[key] = Buffer.from(text).toString('base64')
  Reflect.deleteProperty(secret, 'stringData')
}

export function defaultEndpoints({ subsets }: Work<Endpoints>): void {
  for (const { ports } of subsets ?? []) for (const port of ports ?? []) port.protocol ||= 'TCP'
}

/** Label by which namespace selectors can name one namespace. */
const NAMESPACE_NAME_LABEL = 'kubernetes.io/metadata.name'

export function defaultNamespace({ metadata, status }: Work<Namespace>): void {
  // Not yet named objects get their label with the generated name, at creation.
  if (metadata.name !== '') metadata.labels = { ...metadata.labels, [NAMESPACE_NAME_LABEL]: metadata.name }
  status.phase ||= 'Active'
}

export function defaultNode({ spec, status }: Work<Node>): void {
  if (status.allocatable === undefined && status.capacity !== undefined) status.allocatable = { ...status.capacity }
  roundQuantities(status.capacity)
  roundQuantities(status.allocatable)
  // `podCIDR` is the first of `podCIDRs`; either may be what was sent.
  if ((spec.podCIDR ?? '') === '') {
    const first = spec.podCIDRs?.[0]
    if (first !== undefined) spec.podCIDR = first
  } else if (spec.podCIDR !== undefined && spec.podCIDRs?.[0] !== spec.podCIDR) spec.podCIDRs = [spec.podCIDR]
}

export function defaultResourceQuota({ spec, status }: Work<ResourceQuota>): void {
  roundQuantities(spec.hard)
  roundQuantities(status.hard)
  roundQuantities(status.used)
}

export function defaultLimitRange({ spec }: Work<LimitRange>): void {
  for (const item of spec.limits) {
    if (item.type === 'Container') {
      if (item.max !== undefined) item.default = { ...item.max, ...item.default }
      if (item.default !== undefined || item.min !== undefined)
        item.defaultRequest = { ...item.min, ...item.default, ...item.defaultRequest }
    }
    for (const list of [item.max, item.min, item.default, item.defaultRequest, item.maxLimitRequestRatio]) roundQuantities(list)
  }
}
