import { isSidecar } from '../../../../api/rules/pod-containers.ts'
import type { Container, EphemeralContainer, PodSpec, Volume } from '../../../../api/types/core-v1.ts'
import { duplicate, forbidden, invalid, notFound, required, tooLong } from '../../../../meta/field-error.ts'
import { dns1123LabelProblems, portNameProblems } from '../../../../meta/names.ts'
import { checkEnum, checkPort, checkRequiredEnum, checkRequiredFormat, type Problems } from '../../validation/common.ts'
import { checkEnv, checkEnvFrom } from './env.ts'
import { checkMounts } from './mounts.ts'
import { checkLifecycle, checkNoGrace, checkProbe, checkSingleSuccess } from './probes.ts'
import { checkRequirements } from './resources.ts'
import { checkSecurityContext } from './security.ts'
import { PULL_POLICIES } from './volumes.ts'

/** What the containers of one pod are checked against. */
export interface PodScope {
  readonly spec: PodSpec
  readonly volumes: ReadonlyMap<string, Volume>
  readonly claims: ReadonlySet<string>
  readonly graceSeconds: number
  /** The pod shares the node's user namespace. */
  readonly hostUsers: boolean
}

type AnyContainer = Container | EphemeralContainer

const PROTOCOLS: readonly string[] = ['SCTP', 'TCP', 'UDP']
const MESSAGE_POLICIES = ['FallbackToLogsOnError', 'File']
const RESTART_POLICIES: readonly string[] = ['Always', 'Never', 'OnFailure']
const MAX_RESTART_RULES = 20
const MAX_EXIT_CODES = 255

/** What holds for every container. Source: shared validation facts, core/ContainerCommon. */
function checkCommon(container: AnyContainer, path: string, scope: PodScope, problems: Problems): void {
  checkRequiredFormat(container.name, `${path}.name`, dns1123LabelProblems, problems)
  if ((container.image ?? '') === '') problems.push(required(`${path}.image`))
  checkRequiredEnum(container.terminationMessagePolicy, `${path}.terminationMessagePolicy`, MESSAGE_POLICIES, problems)
  if (container.ports !== undefined) checkPorts(container.ports, `${path}.ports`, problems)
  if (container.env !== undefined) checkEnv(container.env, `${path}.env`, scope.volumes, problems)
  if (container.envFrom !== undefined) checkEnvFrom(container.envFrom, `${path}.envFrom`, problems)
  if (container.volumeMounts !== undefined || container.volumeDevices !== undefined) checkMounts(container, path, scope.volumes, problems)
  checkRequiredEnum(container.imagePullPolicy, `${path}.imagePullPolicy`, PULL_POLICIES, problems)
  checkRequirements(container.resources, `${path}.resources`, scope.claims, problems)
  if (container.resizePolicy !== undefined) checkResizePolicy(container.resizePolicy, `${path}.resizePolicy`, scope.spec, problems)
  if (container.securityContext !== undefined)
    checkSecurityContext(container.securityContext, `${path}.securityContext`, scope.hostUsers, problems)
}

type Ports = NonNullable<Container['ports']>

function checkPorts(ports: Ports, path: string, problems: Problems): void {
  const names = new Set<string>()
  for (let i = 0; i < ports.length; i++) {
    const port = ports[i]
    if (port === undefined) continue
    const at = `${path}[${i}]`
    if ((port.name ?? '') !== '') checkPortName(port.name ?? '', `${at}.name`, names, problems)
    if (port.containerPort === 0) problems.push(required(`${at}.containerPort`))
    else checkPort(port.containerPort, `${at}.containerPort`, problems)
    if ((port.hostPort ?? 0) !== 0) checkPort(port.hostPort ?? 0, `${at}.hostPort`, problems)
    checkRequiredEnum(port.protocol, `${at}.protocol`, PROTOCOLS, problems)
  }
}

function checkPortName(name: string, path: string, names: Set<string>, problems: Problems): void {
  const found = portNameProblems(name)
  for (const text of found) problems.push(invalid(path, name, text))
  if (found.length === 0 && names.has(name)) problems.push(duplicate(path, name))
  names.add(name)
}

type ResizePolicies = NonNullable<Container['resizePolicy']>

function checkResizePolicy(policies: ResizePolicies, path: string, { restartPolicy }: PodSpec, problems: Problems): void {
  const seen = new Set<string>()
  policies.forEach((policy, i) => {
    if (seen.has(policy.resourceName)) problems.push(duplicate(`${path}[${i}]`, policy.resourceName))
    seen.add(policy.resourceName)
    checkRequiredEnum(policy.resourceName, path, ['cpu', 'memory'], problems)
    checkRequiredEnum(policy.restartPolicy, path, ['NotRequired', 'RestartContainer'], problems)
    if (restartPolicy === 'Never' && policy.restartPolicy !== '' && policy.restartPolicy !== 'NotRequired')
      problems.push(invalid(path, policy.restartPolicy, "must be 'NotRequired' when `restartPolicy` is 'Never'"))
  })
}

function checkRestart(container: AnyContainer, path: string, problems: Problems): void {
  const { restartPolicy, restartPolicyRules: rules = [] } = container
  if (restartPolicy === undefined && rules.length > 0)
    problems.push(required(`${path}.restartPolicy`, 'must specify restartPolicy when restart rules are used'))
  checkEnum(restartPolicy, `${path}.restartPolicy`, RESTART_POLICIES, problems)
  checkRestartRules(rules, `${path}.restartPolicyRules`, problems)
}

type RestartRules = NonNullable<Container['restartPolicyRules']>

function checkRestartRules(rules: RestartRules, path: string, problems: Problems): void {
  if (rules.length > MAX_RESTART_RULES) problems.push(tooLong(path, MAX_RESTART_RULES))
  rules.forEach(({ action, exitCodes }, i) => {
    const at = `${path}[${i}]`
    checkEnum(action ?? '', `${at}.action`, ['Restart'], problems)
    if (exitCodes === undefined) {
      problems.push(required(`${at}.exitCodes`, 'must be specified'))
      return
    }
    checkEnum(exitCodes.operator ?? '', `${at}.exitCodes.operator`, ['In', 'NotIn'], problems)
    if ((exitCodes.values?.length ?? 0) > MAX_EXIT_CODES) problems.push(tooLong(`${at}.exitCodes.values`, MAX_EXIT_CODES))
  })
}

function checkProbes(container: AnyContainer, path: string, graceSeconds: number, problems: Problems): void {
  const { lifecycle, livenessProbe, readinessProbe, startupProbe } = container
  if (lifecycle !== undefined) checkLifecycle(lifecycle, `${path}.lifecycle`, graceSeconds, problems)
  if (livenessProbe !== undefined) {
    checkProbe(livenessProbe, `${path}.livenessProbe`, graceSeconds, problems)
    checkSingleSuccess(livenessProbe, `${path}.livenessProbe`, problems)
  }
  if (readinessProbe !== undefined) {
    checkProbe(readinessProbe, `${path}.readinessProbe`, graceSeconds, problems)
    checkNoGrace(readinessProbe, `${path}.readinessProbe`, problems)
  }
  if (startupProbe !== undefined) {
    checkProbe(startupProbe, `${path}.startupProbe`, graceSeconds, problems)
    checkSingleSuccess(startupProbe, `${path}.startupProbe`, problems)
  }
}

/** The main containers. `names` collects those of the whole pod. */
export function checkContainers(scope: PodScope, path: string, names: Set<string>, problems: Problems): void {
  const { containers } = scope.spec
  if (containers.length === 0) {
    problems.push(required(path))
    return
  }
  for (let i = 0; i < containers.length; i++) {
    const container = containers[i]
    if (container === undefined) continue
    const at = `${path}[${i}]`
    checkCommon(container, at, scope, problems)
    if (names.has(container.name)) problems.push(duplicate(`${at}.name`, container.name))
    else names.add(container.name)
    checkProbes(container, at, scope.graceSeconds, problems)
    if (container.restartPolicy !== undefined || container.restartPolicyRules !== undefined) checkRestart(container, at, problems)
  }
  checkUniqueHostPorts(containers, path, new Set(), problems)
}

const SIDECAR_FIELDS = ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const

export function checkInitContainers(scope: PodScope, path: string, names: Set<string>, problems: Problems): void {
  const containers = scope.spec.initContainers
  if (containers === undefined) return
  for (let i = 0; i < containers.length; i++) {
    const container = containers[i]
    if (container === undefined) continue
    const at = `${path}[${i}]`
    checkCommon(container, at, scope, problems)
    checkInitRestart(container, at, problems)
    if (names.has(container.name)) problems.push(duplicate(`${at}.name`, container.name))
    else names.add(container.name)
    // Ports of init containers collide among themselves only: they do not run at the same time as others.
    checkUniqueHostPorts([container], path, new Set(), problems)
    if (isSidecar(container)) checkProbes(container, at, scope.graceSeconds, problems)
    else checkNoSidecarFields(container, at, problems)
  }
}

function checkInitRestart(container: Container, path: string, problems: Problems): void {
  const { restartPolicy, restartPolicyRules: rules = [] } = container
  if (rules.length > 0 && restartPolicy === undefined)
    problems.push(required(`${path}.restartPolicy`, 'must specify restartPolicy when restart rules are used'))
  if (restartPolicy === 'Always' && rules.length > 0)
    problems.push(
      forbidden(`${path}.restartPolicyRules`, 'restartPolicyRules are not allowed for init containers with restart policy Always'),
    )
  checkEnum(restartPolicy, `${path}.restartPolicy`, RESTART_POLICIES, problems)
  checkRestartRules(rules, `${path}.restartPolicyRules`, problems)
}

function checkNoSidecarFields(container: Container, path: string, problems: Problems): void {
  for (const field of SIDECAR_FIELDS)
    if (container[field] !== undefined)
      problems.push(forbidden(`${path}.${field}`, 'may not be set for init containers without restartPolicy=Always'))
  if ((container.resizePolicy?.length ?? 0) > 0)
    problems.push(invalid(`${path}.resizePolicy`, container.resizePolicy, 'must not be set for init containers'))
}

/** One port of the node serves one container. */
function checkUniqueHostPorts(containers: readonly Container[], path: string, taken: Set<string>, problems: Problems): void {
  for (let i = 0; i < containers.length; i++) {
    const ports = containers[i]?.ports
    if (ports === undefined) continue
    for (let j = 0; j < ports.length; j++) {
      const port = ports[j]
      if (port === undefined || (port.hostPort ?? 0) === 0) continue
      const key = `${port.protocol ?? ''}/${port.hostIP ?? ''}/${port.hostPort ?? 0}`
      if (taken.has(key)) problems.push(duplicate(`${path}[${i}].ports[${j}].hostPort`, key))
      taken.add(key)
    }
  }
}

/** Fields that make no sense for a container that comes and goes for debugging. */
const NOT_EPHEMERAL = ['ports', 'livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle', 'resizePolicy'] as const
const EPHEMERAL_TEXT = 'cannot be set for an Ephemeral Container'

/** Names may not repeat those in `names`; most fields of regular containers are forbidden. */
export function checkEphemeralContainers(scope: PodScope, path: string, names: Set<string>, problems: Problems): void {
  const containers = scope.spec.ephemeralContainers
  if (containers === undefined) return
  const targets = new Set([...scope.spec.containers, ...(scope.spec.initContainers ?? [])].map(({ name }) => name))
  containers.forEach((container, i) => {
    const at = `${path}[${i}]`
    checkCommon(container, at, scope, problems)
    if (names.has(container.name)) problems.push(duplicate(`${at}.name`, container.name))
    else names.add(container.name)
    const target = container.targetContainerName ?? ''
    if (target !== '' && !targets.has(target)) problems.push(notFound(`${at}.targetContainerName`, target))
    checkEphemeralFields(container, at, problems)
  })
}

function checkEphemeralFields(container: EphemeralContainer, path: string, problems: Problems): void {
  for (const field of NOT_EPHEMERAL) if (container[field] !== undefined) problems.push(forbidden(`${path}.${field}`, EPHEMERAL_TEXT))
  if (container.restartPolicy !== undefined) problems.push(forbidden(`${path}.restartPolicy`, EPHEMERAL_TEXT))
  if (Object.values(container.resources).some((list) => list !== undefined)) problems.push(forbidden(`${path}.resources`, EPHEMERAL_TEXT))
  container.volumeMounts?.forEach((mount, i) => {
    for (const field of ['subPath', 'subPathExpr'] as const)
      if ((mount[field] ?? '') !== '') problems.push(forbidden(`${path}.volumeMounts[${i}].${field}`, EPHEMERAL_TEXT))
  })
}

/** In the node's network a container port is a port of the node. In a template it may still be left open. */
export function checkHostNetworkPorts(containers: readonly Container[], path: string, inTemplate: boolean, problems: Problems): void {
  containers.forEach(({ ports }, i) => {
    ports?.forEach(({ hostPort = 0, containerPort }, j) => {
      if (hostPort === containerPort || (inTemplate && hostPort === 0)) return
      problems.push(invalid(`${path}[${i}].ports[${j}].hostPort`, hostPort, 'must match `containerPort` when `hostNetwork` is true'))
    })
  })
}
