import type { Namespace, Pod, PodTemplateSpec } from '../../../api/types/core-v1.ts'
import { deepEqual } from '../../../meta/deep-equal.ts'
import type { KubeObject } from '../../../meta/object.ts'
import { invalidObject } from '../../errors.ts'
import type { AdmissionAttributes, AdmissionPlugin, ObjectReader } from '../admission.ts'
import type { PodSecurityConfiguration } from '../configuration.ts'
import { denied } from '../denied.ts'
import { isResource, NAMESPACES, PODS } from '../target.ts'
import type { PodLike } from './check.ts'
import { describeViolations, violationsOf } from './evaluate.ts'
import { namespaceWarnings } from './namespace-warnings.ts'
import { isSameStandard, isStricter, OPEN_POLICY, policyOf, type Standard, showStandard } from './policy.ts'

/** Subresources of pods that do not carry a pod. */
const IGNORED: ReadonlySet<string> = new Set(['exec', 'attach', 'binding', 'eviction', 'log', 'portforward', 'proxy', 'status'])

/** Where a workload keeps its template. */
const TEMPLATES: ReadonlyMap<string, (object: KubeObject) => PodTemplateSpec | undefined> = new Map([
  ['/replicationcontrollers', specTemplate],
  ['/podtemplates', (object: KubeObject) => (object as unknown as { readonly template?: PodTemplateSpec }).template],
  ['apps/replicasets', specTemplate],
  ['apps/deployments', specTemplate],
  ['apps/statefulsets', specTemplate],
  ['apps/daemonsets', specTemplate],
  ['batch/jobs', specTemplate],
  [
    'batch/cronjobs',
    (object: KubeObject) =>
      (object as unknown as { readonly spec: { readonly jobTemplate: { readonly spec: { readonly template?: PodTemplateSpec } } } }).spec
        .jobTemplate.spec.template,
  ],
])

export interface PodSecurityDeps {
  readonly reader: ObjectReader
  readonly configuration?: PodSecurityConfiguration | undefined
}

interface Context extends PodSecurityConfiguration {
  readonly reader: ObjectReader
}

const NO_CONFIGURATION: PodSecurityConfiguration = {
  defaults: OPEN_POLICY,
  exempt: { users: new Set(), runtimeClasses: new Set(), namespaces: new Set() },
}

/** Keys of what is told to the audit log. Source: pod-security-admission, api/constants.go. */
const ANNOTATION = {
  exempt: 'pod-security.kubernetes.io/exempt',
  enforced: 'pod-security.kubernetes.io/enforce-policy',
  violations: 'pod-security.kubernetes.io/audit-violations',
} as const

/** Pod Security Standards, enforced, warned of or recorded by the labels of a namespace. Source: pod-security-admission. */
export function podSecurity({ reader, configuration = NO_CONFIGURATION }: PodSecurityDeps): AdmissionPlugin {
  const context: Context = { reader, ...configuration }
  return {
    name: 'PodSecurity',
    handles: ({ operation, def, subresource }) => {
      if (operation !== 'CREATE' && operation !== 'UPDATE') return false
      if (def.group === '' && def.resource === 'pods') return !IGNORED.has(subresource)
      return subresource === '' && ((def.group === '' && def.resource === 'namespaces') || TEMPLATES.has(`${def.group}/${def.resource}`))
    },
    validate: (attributes) => {
      if (isResource(attributes, NAMESPACES)) validateNamespace(attributes, context)
      else if (isExempt(attributes, context)) return
      else if (isResource(attributes, PODS)) validatePod(attributes, context)
      else validateTemplate(attributes, context)
    },
  }
}

function isExempt({ namespace, user, annotate }: AdmissionAttributes, { exempt }: Context): boolean {
  const reason = exempt.namespaces.has(namespace) ? 'namespace' : exempt.users.has(user.name) ? 'user' : undefined
  if (reason === undefined) return false
  annotate?.(ANNOTATION.exempt, reason)
  return true
}

function isExemptPod({ spec }: PodLike, { annotate }: AdmissionAttributes, { exempt }: Context): boolean {
  if (spec.runtimeClassName === undefined || !exempt.runtimeClasses.has(spec.runtimeClassName)) return false
  annotate?.(ANNOTATION.exempt, 'runtimeClass')
  return true
}

function validatePod(attributes: AdmissionAttributes, context: Context): void {
  const { policy } = policyFor(attributes, context)
  if ([policy.enforce, policy.audit, policy.warn].every(({ level }) => level === 'privileged')) return
  const pod = attributes.object as Pod
  if (isExemptPod(pod, attributes, context)) return
  if (attributes.operation === 'UPDATE' && !isSignificant(pod, attributes.oldObject as Pod)) return
  attributes.annotate?.(ANNOTATION.enforced, showStandard(policy.enforce))
  record(attributes, policy.audit, pod)
  const violations = violationsOf(policy.enforce, pod)
  if (violations.length > 0) {
    throw denied(attributes, `violates PodSecurity ${JSON.stringify(showStandard(policy.enforce))}: ${describeViolations(violations)}`)
  }
  if (!isSameStandard(policy.enforce, policy.warn)) warn(attributes, policy.warn, pod)
}

/** Templates are warned of and recorded only: the workload may be changed before pods come of it. */
function validateTemplate(attributes: AdmissionAttributes, context: Context): void {
  const { policy } = policyFor(attributes, context)
  if ((policy.warn.level === 'privileged' && policy.audit.level === 'privileged') || attributes.object === undefined) return
  const template = TEMPLATES.get(`${attributes.def.group}/${attributes.def.resource}`)?.(attributes.object)
  if (template === undefined || isExemptPod(template, attributes, context)) return
  record(attributes, policy.audit, template)
  warn(attributes, policy.warn, template)
}

function record({ annotate }: AdmissionAttributes, standard: Standard, pod: PodLike): void {
  const violations = annotate === undefined ? [] : violationsOf(standard, pod)
  if (violations.length > 0) annotate?.(ANNOTATION.violations, wouldViolate(standard, violations))
}

function warn(attributes: AdmissionAttributes, standard: Standard, pod: PodLike): void {
  const violations = violationsOf(standard, pod)
  if (violations.length === 0) return
  attributes.warn(wouldViolate(standard, violations))
}

function wouldViolate(standard: Standard, violations: ReturnType<typeof violationsOf>): string {
  return `would violate PodSecurity ${JSON.stringify(showStandard(standard))}: ${describeViolations(violations)}`
}

function validateNamespace(attributes: AdmissionAttributes, { reader, defaults, exempt }: Context): void {
  const { metadata } = attributes.object as Namespace
  const next = policyOf(metadata.labels, defaults)
  const old = attributes.oldObject === undefined ? undefined : policyOf(attributes.oldObject.metadata.labels, defaults)
  if (next.problems.length > 0 && !deepEqual(next.problems, old?.problems)) {
    throw invalidObject(attributes.def, attributes.name, next.problems)
  }
  if (old === undefined || exempt.namespaces.has(metadata.name) || !isTightened(next.policy.enforce, old.policy.enforce)) return
  for (const text of namespaceWarnings(metadata.name, next.policy.enforce, reader.list<Pod>(PODS, metadata.name))) attributes.warn(text)
}

function isTightened(next: Standard, old: Standard): boolean {
  if (isSameStandard(next, old) || next.level === 'privileged') return false
  return next.version !== old.version || isStricter(next.level, old.level)
}

function policyFor({ namespace }: AdmissionAttributes, { reader, defaults }: Context): ReturnType<typeof policyOf> {
  return policyOf(reader.get<Namespace>(NAMESPACES, '', namespace)?.metadata.labels, defaults)
}

/** Of what may change in a pod, only images and added containers matter. */
function isSignificant(next: Pod, old: Pod): boolean {
  const images = ({ spec }: Pod): readonly string[] => [...spec.containers, ...(spec.initContainers ?? [])].map(({ image = '' }) => image)
  if (!deepEqual(images(next), images(old))) return true
  const known = new Map((old.spec.ephemeralContainers ?? []).map(({ name, image }) => [name, image]))
  return (next.spec.ephemeralContainers ?? []).some(({ name, image }) => known.get(name) !== image)
}

function specTemplate(object: KubeObject): PodTemplateSpec | undefined {
  return (object as unknown as { readonly spec: { readonly template?: PodTemplateSpec } }).spec.template
}
