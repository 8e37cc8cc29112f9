import type { PersistentVolume, Pod, PodSpec, Volume } from '../../../api/types/core-v1.ts'

/** Kinds of objects a node may see because a pod bound to it uses them. */
export type ReferenceKind = 'secret' | 'configmap' | 'pvc' | 'serviceaccount' | 'resourceclaim'

export function referenceKey(kind: ReferenceKind, namespace: string, name: string): string {
  return `${kind}:${namespace}/${name}`
}

const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror'

/** Everything a pod refers to in its namespace. Mirror pods refer to nothing: a node makes them itself and must not widen its rights. */
export function podReferences(pod: Pod): readonly string[] {
  if (pod.metadata.annotations?.[MIRROR_ANNOTATION] !== undefined) return []
  const { namespace = '' } = pod.metadata
  const keys = new Set<string>()
  const add = (kind: ReferenceKind, name: string | undefined): void => {
    if (name !== undefined && name !== '') keys.add(referenceKey(kind, namespace, name))
  }
  add('serviceaccount', pod.spec.serviceAccountName)
  for (const secret of pod.spec.imagePullSecrets ?? []) add('secret', secret.name)
  addContainers(pod.spec, add)
  for (const volume of pod.spec.volumes ?? []) addVolume(volume, pod.metadata.name, add)
  for (const claim of pod.spec.resourceClaims ?? []) add('resourceclaim', claim.resourceClaimName)
  for (const claim of pod.status.resourceClaimStatuses ?? []) add('resourceclaim', claim.resourceClaimName)
  return [...keys]
}

type Add = (kind: ReferenceKind, name: string | undefined) => void

function addContainers(spec: PodSpec, add: Add): void {
  for (const container of [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])]) {
    for (const source of container.envFrom ?? []) {
      add('configmap', source.configMapRef?.name)
      add('secret', source.secretRef?.name)
    }
    for (const variable of container.env ?? []) {
      add('configmap', variable.valueFrom?.configMapKeyRef?.name)
      add('secret', variable.valueFrom?.secretKeyRef?.name)
    }
  }
}

function addVolume(volume: Volume, podName: string, add: Add): void {
  add('secret', volume.secret?.secretName)
  add('configmap', volume.configMap?.name)
  add('pvc', volume.persistentVolumeClaim?.claimName)
  if (volume.ephemeral !== undefined) add('pvc', `${podName}-${volume.name}`)
  for (const source of volume.projected?.sources ?? []) {
    add('secret', source.secret?.name)
    add('configmap', source.configMap?.name)
  }
  add('secret', volume.csi?.nodePublishSecretRef?.name)
  add('secret', volume.azureFile?.secretName)
  add('secret', (volume.cephfs ?? volume.flexVolume ?? volume.rbd ?? volume.iscsi ?? volume.scaleIO ?? volume.storageos)?.secretRef?.name)
}

/** Secrets that mounting a volume needs; those without a namespace of their own are in the claim's. */
export function volumeSecrets(volume: PersistentVolume): readonly string[] {
  const { spec } = volume
  const claimNamespace = spec.claimRef?.namespace ?? ''
  const secrets = [
    spec.csi?.nodePublishSecretRef,
    spec.csi?.nodeStageSecretRef,
    spec.csi?.nodeExpandSecretRef,
    spec.csi?.controllerPublishSecretRef,
    (spec.cephfs ?? spec.flexVolume ?? spec.rbd ?? spec.iscsi ?? spec.scaleIO)?.secretRef,
    spec.storageos?.secretRef,
  ]
  const keys = secrets.flatMap((secret) => {
    if (secret?.name === undefined || secret.name === '') return []
    const { namespace = '' } = secret
    return [referenceKey('secret', namespace === '' ? claimNamespace : namespace, secret.name)]
  })
  const azure = spec.azureFile
  if (azure !== undefined)
    keys.push(referenceKey('secret', azure.secretNamespace === '' ? claimNamespace : azure.secretNamespace, azure.secretName))
  return keys
}
