import type { Container, Pod, ServiceAccount } from '../../api/types/core-v1.ts'
import type { AdmissionAttributes } from './admission.ts'
import { denied } from './denied.ts'

const ENFORCE_ANNOTATION = 'kubernetes.io/enforce-mountable-secrets'

/** Accounts with the annotation may use only the secrets listed in them. */
export function assertMayReference(attributes: AdmissionAttributes, pod: Pod, account: ServiceAccount): void {
  const value = account.metadata.annotations?.[ENFORCE_ANNOTATION] ?? ''
  if (!['1', 't', 'true'].includes(value.toLowerCase())) return
  const allowed = new Set((account.secrets ?? []).map(({ name }) => name))
  const { spec } = pod
  const complain = (text: string): never => {
    throw denied(attributes, `${text} because service account ${account.metadata.name} does not reference that secret`)
  }
  if (attributes.subresource === '') {
    for (const volume of spec.volumes ?? []) {
      const name = volume.secret?.secretName
      if (name !== undefined && !allowed.has(name)) complain(`volume with secret.secretName=${JSON.stringify(name)} is not allowed`)
    }
    for (const container of spec.initContainers ?? []) checkContainer(container, 'init container', allowed, complain)
    for (const container of spec.containers) checkContainer(container, 'container', allowed, complain)
    const pullable = new Set((account.imagePullSecrets ?? []).map(({ name }) => name))
    for (const [at, { name }] of (spec.imagePullSecrets ?? []).entries()) {
      if (!pullable.has(name)) {
        throw denied(
          attributes,
          `imagePullSecrets[${at}].name=${JSON.stringify(name)} is not allowed because service account ${account.metadata.name} does not reference that imagePullSecret`,
        )
      }
    }
  }
  for (const container of spec.ephemeralContainers ?? []) checkContainer(container, 'ephemeral container', allowed, complain)
}

type Source = Pick<Container, 'name' | 'env' | 'envFrom'>

function checkContainer(
  container: Source,
  label: string,
  allowed: ReadonlySet<string | undefined>,
  complain: (text: string) => void,
): void {
  for (const { name, valueFrom } of container.env ?? []) {
    const secret = valueFrom?.secretKeyRef?.name
    if (secret !== undefined && !allowed.has(secret)) {
      complain(`${label} ${container.name} with envVar ${name} referencing secret.secretName=${JSON.stringify(secret)} is not allowed`)
    }
  }
  for (const { secretRef } of container.envFrom ?? []) {
    const secret = secretRef?.name
    if (secret !== undefined && !allowed.has(secret)) {
      complain(`${label} ${container.name} with envFrom referencing secret.secretName=${JSON.stringify(secret)} is not allowed`)
    }
  }
}
