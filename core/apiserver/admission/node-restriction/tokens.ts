import type { TokenRequest } from '../../../api/types/authentication-v1.ts'
import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from '../../../api/types/core-v1.ts'
import type { CSIDriver } from '../../../api/types/storage-v1.ts'
import { notFound } from '../../errors.ts'
import type { AdmissionAttributes, ObjectReader } from '../admission.ts'
import { denied } from '../denied.ts'
import { CLAIMS, PODS } from '../target.ts'

const VOLUMES = { group: '', resource: 'persistentvolumes' }
const DRIVERS = { group: 'storage.k8s.io', resource: 'csidrivers' }

/** A node gets tokens only for pods bound to it, and only for audiences that those pods ask for. */
export function restrictTokens(node: string, attributes: AdmissionAttributes, reader: ObjectReader): void {
  if (attributes.operation !== 'CREATE' || attributes.subresource !== 'token') return
  const { spec } = attributes.object as unknown as { readonly spec?: Partial<TokenRequest['spec']> }
  const ref = spec?.boundObjectRef
  if (ref?.apiVersion !== 'v1' || ref.kind !== 'Pod' || ref.name === undefined || ref.name === '') {
    throw denied(attributes, 'node requested token not bound to a pod')
  }
  if (ref.uid === undefined || ref.uid === '') throw denied(attributes, 'node requested token with a pod binding without a uid')
  const pod = reader.get<Pod>(PODS, attributes.namespace, ref.name)
  if (pod === undefined) throw notFound({ group: '', resource: 'pod' }, ref.name)
  if (ref.uid !== pod.metadata.uid) {
    const text = `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`
    throw denied(attributes, text)
  }
  if (pod.spec.nodeName !== node) throw denied(attributes, 'node requested token bound to a pod scheduled on a different node')
  const audiences = spec?.audiences ?? []
  if (audiences.length > 1) throw denied(attributes, 'node may only request 0 or 1 audiences')
  const [audience = ''] = audiences
  if (!(pod.spec.volumes ?? []).some((volume) => asksFor(volume, pod, audience, reader))) {
    throw denied(attributes, `audience ${JSON.stringify(audience)} not found in pod spec volume`)
  }
}

function asksFor(volume: Volume, pod: Pod, audience: string, reader: ObjectReader): boolean {
  const sources = volume.projected?.sources ?? []
  if (sources.some(({ serviceAccountToken }) => serviceAccountToken !== undefined && (serviceAccountToken.audience ?? '') === audience))
    return true
  const driver = driverOf(volume, pod, reader)
  if (driver === undefined) return false
  const requests = reader.get<CSIDriver>(DRIVERS, '', driver)?.spec.tokenRequests ?? []
  return requests.some((request) => request.audience === audience)
}

function driverOf(volume: Volume, pod: Pod, reader: ObjectReader): string | undefined {
  if (volume.csi !== undefined) return volume.csi.driver
  const claimName = volume.ephemeral === undefined ? volume.persistentVolumeClaim?.claimName : `${pod.metadata.name}-${volume.name}`
  if (claimName === undefined) return undefined
  const claim = reader.get<PersistentVolumeClaim>(CLAIMS, pod.metadata.namespace ?? '', claimName)
  const volumeName = claim?.spec.volumeName
  return volumeName === undefined ? undefined : reader.get<PersistentVolume>(VOLUMES, '', volumeName)?.spec.csi?.driver
}
