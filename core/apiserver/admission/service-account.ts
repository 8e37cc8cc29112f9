import type { Container, Pod, PodSpec, ServiceAccount, Volume } from '../../api/types/core-v1.ts'
import { type Random, randomSuffix } from '../../meta/generate-name.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Work } from '../resources/resource-def.ts'
import type { AdmissionAttributes, AdmissionPlugin, ObjectReader } from './admission.ts'
import { denied } from './denied.ts'
import { assertMayReference } from './service-account-secrets.ts'
import { isCreateOf, isUpdateOf, MIRROR_ANNOTATION, PODS, SERVICE_ACCOUNTS } from './target.ts'

export interface ServiceAccountDeps {
  readonly reader: ObjectReader
  readonly clock: Clock
  readonly random: Random
}

const DEFAULT_NAME = 'default'
const VOLUME_PREFIX = 'kube-api-access-'
const MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount'
/** The controller makes the default account a moment after its namespace; a pod created in between waits for it. */
const DEFAULT_ATTEMPTS = 10
const ATTEMPT_MS = 150

/** Gives each pod a service account, its token and its pull secrets. Source: kubernetes, plugin/pkg/admission/serviceaccount. */
export function serviceAccount(deps: ServiceAccountDeps): AdmissionPlugin {
  return {
    name: 'ServiceAccount',
    handles: (attributes) => isCreateOf(attributes, PODS) || isUpdateOf(attributes, PODS, 'ephemeralcontainers'),
    admit: async (attributes) => {
      if (attributes.operation === 'CREATE') await admit(attributes, deps)
    },
    validate: async (attributes) => validate(attributes, deps),
  }
}

async function admit(attributes: AdmissionAttributes, deps: ServiceAccountDeps): Promise<void> {
  const pod = attributes.object as Work<Pod>
  if (isMirror(pod)) return
  const { spec } = pod
  spec.serviceAccountName ||= DEFAULT_NAME
  spec.serviceAccount = spec.serviceAccountName
  const account = await findAccount(attributes, spec.serviceAccountName, deps)
  if (spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(spec, deps.random)
  if (spec.imagePullSecrets === undefined || spec.imagePullSecrets.length === 0) {
    const secrets = account.imagePullSecrets ?? []
    if (secrets.length > 0) spec.imagePullSecrets = secrets.map(({ name }) => ({ name }))
  }
}

async function validate(attributes: AdmissionAttributes, deps: ServiceAccountDeps): Promise<void> {
  const pod = attributes.object as Pod
  if (isMirror(pod)) {
    if (attributes.operation === 'CREATE') assertPlainMirror(attributes, pod.spec)
    return
  }
  const account = await findAccount(attributes, pod.spec.serviceAccountName ?? DEFAULT_NAME, deps)
  assertMayReference(attributes, pod, account)
}

async function findAccount(attributes: AdmissionAttributes, name: string, { reader, clock }: ServiceAccountDeps): Promise<ServiceAccount> {
  const { namespace } = attributes
  const attempts = name === DEFAULT_NAME ? DEFAULT_ATTEMPTS : 1
  for (let attempt = 1; ; attempt += 1) {
    const account = reader.get<ServiceAccount>(SERVICE_ACCOUNTS, namespace, name)
    if (account !== undefined) return account
    if (attempt === attempts) break
    await clock.sleep(ATTEMPT_MS, NEVER)
  }
  throw denied(attributes, `error looking up service account ${namespace}/${name}: serviceaccount ${JSON.stringify(name)} not found`)
}

const NEVER = new AbortController().signal

function mountToken(spec: Work<PodSpec>, random: Random): void {
  const existing = spec.volumes?.find((volume) => volume.name.startsWith(VOLUME_PREFIX))
  const name = existing?.name ?? VOLUME_PREFIX + randomSuffix(5, random)
  let isUsed = false
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) isUsed = mountInto(container, name) || isUsed
  if (existing === undefined && isUsed) spec.volumes = [...(spec.volumes ?? []), tokenVolume(name)]
}

/** A mount of the author's own at that path keeps the token out. */
function mountInto(container: Work<Container>, name: string): boolean {
  const mounts = container.volumeMounts ?? []
  if (mounts.some((mount) => mount.mountPath === MOUNT_PATH)) return false
  container.volumeMounts = [...mounts, { name, readOnly: true, mountPath: MOUNT_PATH }]
  return true
}

function tokenVolume(name: string): Work<Volume> {
  return {
    name,
    projected: {
      defaultMode: 0o644,
      sources: [
        { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
      ],
    },
  }
}

function isMirror({ metadata }: Pick<Pod, 'metadata'>): boolean {
  return metadata.annotations?.[MIRROR_ANNOTATION] !== undefined
}

/** A node makes mirror pods of its static pods; they must not pull anything out of the cluster. */
function assertPlainMirror(attributes: AdmissionAttributes, spec: PodSpec): void {
  if (spec.serviceAccountName !== undefined && spec.serviceAccountName !== '') {
    throw denied(attributes, 'a mirror pod may not reference service accounts')
  }
  const volumes = spec.volumes ?? []
  const containers = [...(spec.initContainers ?? []), ...spec.containers]
  const usesSecret =
    (spec.imagePullSecrets ?? []).length > 0 ||
    volumes.some((volume) => volume.secret !== undefined || volume.projected?.sources.some((source) => source.secret !== undefined)) ||
    containers.some(
      (container) =>
        container.envFrom?.some((source) => source.secretRef !== undefined) === true ||
        container.env?.some((variable) => variable.valueFrom?.secretKeyRef !== undefined) === true,
    )
  if (usesSecret) throw denied(attributes, 'a mirror pod may not reference secrets')
  if (volumes.some((volume) => volume.projected?.sources.some((source) => source.serviceAccountToken !== undefined))) {
    throw denied(attributes, 'a mirror pod may not use ServiceAccountToken volume projections')
  }
}
