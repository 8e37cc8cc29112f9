import type { Container, PodAffinity, PodSpec, PodTemplateSpec, Volume } from '../../../api/types/core-v1.ts'
import { dns1123LabelProblems } from '../../../meta/names.ts'
import { parseQuantity } from '../../../meta/quantity.ts'

/** What is allowed and most likely not meant. Answered in `Warning` headers. Source: Kubernetes documentation, "Warning". */

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution'
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution'
const NANO = 1_000_000_000n

const LABELS: Readonly<Record<string, string>> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region': 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone': 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type': 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
}

const VOLUMES: Readonly<Partial<Record<keyof Volume, string>>> = {
  gitRepo: 'deprecated in v1.11, and disabled by default in v1.33+',
  cephfs: 'deprecated in v1.28, non-functional in v1.31+',
  rbd: 'deprecated in v1.28, non-functional in v1.31+',
  glusterfs: 'deprecated in v1.25, non-functional in v1.26+',
  scaleIO: 'deprecated in v1.16, non-functional in v1.22+',
  flocker: 'deprecated in v1.22, non-functional in v1.25+',
  photonPersistentDisk: 'deprecated in v1.11, non-functional in v1.16+',
  quobyte: 'deprecated in v1.22, non-functional in v1.25+',
  storageos: 'deprecated in v1.22, non-functional in v1.25+',
}

const SECCOMP_ANNOTATION = 'seccomp.security.alpha.kubernetes.io/pod'
const SECCOMP_PREFIX = 'container.seccomp.security.alpha.kubernetes.io/'
const APP_ARMOR_PREFIX = 'container.apparmor.security.beta.kubernetes.io/'

/** Says that a label of nodes has got another name; undefined for one that has not. */
export const deprecatedLabel = (label: string): string | undefined => LABELS[label]

/** `path` leads to the template, and is empty for a pod. */
export function podWarnings({ metadata, spec }: PodTemplateSpec, path = ''): string[] {
  const at = path === '' ? 'spec' : `${path}.spec`
  const warnings: string[] = []
  nodeLabelWarnings(spec, at, warnings)
  annotationWarnings(metadata.annotations, path === '' ? 'metadata.annotations' : `${path}.metadata.annotations`, warnings)
  volumeWarnings(spec.volumes, `${at}.volumes`, warnings)
  repeatWarnings(spec, at, warnings)
  selectorWarnings(spec, at, warnings)
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0)
    warnings.push(`${at}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`)
  for (const list of ['initContainers', 'containers'] as const)
    spec[list]?.forEach((container, i) => {
      containerWarnings(container, `${at}.${list}[${i}]`, warnings)
    })
  fractionWarnings(spec.overhead, `${at}.overhead`, warnings)
  return warnings
}

function nodeLabelWarnings(spec: PodSpec, path: string, warnings: string[]): void {
  for (const label in spec.nodeSelector) {
    const text = LABELS[label]
    if (text !== undefined) warnings.push(`${path}.nodeSelector[${label}]: ${text}`)
  }
  const { nodeAffinity } = spec.affinity ?? {}
  const report = (key: string, at: string): void => {
    const text = LABELS[key]
    if (text !== undefined) warnings.push(`${at}: ${key} is ${text}`)
  }
  const base = `${path}.affinity.nodeAffinity`
  nodeAffinity?.[REQUIRED]?.nodeSelectorTerms.forEach(({ matchExpressions }, i) => {
    matchExpressions?.forEach(({ key }, j) => {
      report(key, `${base}.${REQUIRED}.nodeSelectorTerms[${i}].matchExpressions[${j}].key`)
    })
  })
  nodeAffinity?.[PREFERRED]?.forEach(({ preference }, i) => {
    preference.matchExpressions?.forEach(({ key }, j) => {
      report(key, `${base}.${PREFERRED}[${i}].preference.matchExpressions[${j}].key`)
    })
  })
  spec.topologySpreadConstraints?.forEach(({ topologyKey }, i) => {
    report(topologyKey, `${path}.topologySpreadConstraints[${i}].topologyKey`)
  })
}

function annotationWarnings(annotations: Readonly<Record<string, string>> | undefined, path: string, warnings: string[]): void {
  for (const key in annotations) {
    if (key === SECCOMP_ANNOTATION || key.startsWith(SECCOMP_PREFIX))
      warnings.push(`${path}[${key}]: non-functional in v1.27+; use the "seccompProfile" field instead`)
    if (key.startsWith(APP_ARMOR_PREFIX)) warnings.push(`${path}[${key}]: deprecated since v1.30; use the "appArmorProfile" field instead`)
  }
}

function volumeWarnings(volumes: readonly Volume[] | undefined, path: string, warnings: string[]): void {
  volumes?.forEach((volume, i) => {
    for (const [kind, text] of Object.entries(VOLUMES))
      if (volume[kind as keyof Volume] !== undefined) warnings.push(`${path}[${i}].${kind}: ${text}`)
  })
}

/** Names that stand twice where the second hides the first. */
function repeatWarnings({ imagePullSecrets, hostAliases }: PodSpec, path: string, warnings: string[]): void {
  const names = new Set<string>()
  imagePullSecrets?.forEach(({ name = '' }, i) => {
    const at = `${path}.imagePullSecrets[${i}].name`
    if (name === '') warnings.push(`${at}: invalid empty name ""`)
    else if (names.has(name)) warnings.push(`${at}: duplicate name ${JSON.stringify(name)}`)
    names.add(name)
  })
  const addresses = new Set<string>()
  hostAliases?.forEach(({ ip }, i) => {
    if (addresses.has(ip)) warnings.push(`${path}.hostAliases[${i}].ip: duplicate ip ${JSON.stringify(ip)}`)
    addresses.add(ip)
  })
}

const NO_POD = 'a null labelSelector results in matching no pod'

function selectorWarnings(spec: PodSpec, path: string, warnings: string[]): void {
  for (const kind of ['podAffinity', 'podAntiAffinity'] as const) {
    const affinity: PodAffinity = spec.affinity?.[kind] ?? {}
    affinity[REQUIRED]?.forEach(({ labelSelector }, i) => {
      if (labelSelector === undefined) warnings.push(`${path}.affinity.${kind}.${REQUIRED}[${i}].labelSelector: ${NO_POD}`)
    })
    affinity[PREFERRED]?.forEach(({ podAffinityTerm }, i) => {
      if (podAffinityTerm.labelSelector === undefined)
        warnings.push(`${path}.affinity.${kind}.${PREFERRED}[${i}].podAffinityTerm.labelSelector: ${NO_POD}`)
    })
  }
  spec.topologySpreadConstraints?.forEach(({ labelSelector }, i) => {
    if (labelSelector === undefined) warnings.push(`${path}.topologySpreadConstraints[${i}].labelSelector: ${NO_POD}`)
  })
}

function containerWarnings({ env, ports, resources }: Container, path: string, warnings: string[]): void {
  fractionWarnings(resources.limits, `${path}.resources.limits`, warnings)
  fractionWarnings(resources.requests, `${path}.resources.requests`, warnings)
  if (env !== undefined && env.length > 1) {
    const names = new Set<string>()
    env.forEach(({ name, value = '' }, i) => {
      // A value that builds on the one before is meant.
      if (names.has(name) && !value.includes(`$(${name})`))
        warnings.push(`${path}.env[${i}]: hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`)
      names.add(name)
    })
  }
  if (ports !== undefined && ports.length > 1) portWarnings(ports, `${path}.ports`, warnings)
}

function portWarnings(ports: NonNullable<Container['ports']>, path: string, warnings: string[]): void {
  const seen = new Map<string, number>()
  const names = new Map<string, number>()
  ports.forEach(({ name = '', protocol = '', containerPort, hostIP = '', hostPort = 0 }, i) => {
    const key = `${protocol}/${containerPort}/${hostIP}/${hostPort}`
    const first = seen.get(key)
    if (first !== undefined) warnings.push(`${path}[${i}]: duplicate port definition with ${path}[${first}]`)
    else seen.set(key, i)
    const named = name === '' ? undefined : names.get(name)
    if (named !== undefined)
      warnings.push(
        `${path}[${i}]: duplicate port name ${JSON.stringify(name)} with ${path}[${named}], services and probes that select ports by name will use ${path}[${named}]`,
      )
    else names.set(name, i)
  })
}

/** Bytes are whole. */
export function fractionWarnings(list: Readonly<Record<string, string>> | undefined, path: string, warnings: string[]): void {
  for (const name of ['memory', 'ephemeral-storage', 'storage']) {
    const text = list?.[name]
    if (text !== undefined && parseQuantity(text).nano % NANO !== 0n)
      warnings.push(`${path}[${name}]: fractional byte value ${JSON.stringify(text)} is invalid, must be an integer`)
  }
}

/** Kubernetes lets names of pods and of what makes them be DNS subdomains, of which only labels make good host names. */
export function hostNameWarning(name: string, use: string): string[] {
  const found = dns1123LabelProblems(name)
  const text = `metadata.name: this is used in ${use}, which can result in surprising behavior; a DNS label is recommended`
  return found.length === 0 ? [] : [`${text}: [${found.join(' ')}]`]
}

/** Warnings of a kind that makes pods: on create, and on an update that changes what they look like. */
export function templateWarnings<T extends { readonly metadata: { readonly generation?: number | undefined } }>(
  template: (object: T) => PodTemplateSpec | undefined,
  path: string,
): (next: T, old: T | undefined) => string[] {
  return (next, old) => {
    const pod = template(next)
    if (pod === undefined || (old !== undefined && old.metadata.generation === next.metadata.generation)) return []
    return podWarnings(pod, path)
  }
}
