import { basename, dirname, join, normalize } from 'node:path'
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../core/api/types/core-v1.ts'
import type { StorageClass } from '../../core/api/types/storage-v1.ts'
import type { Draft } from '../../core/meta/object.ts'
import { parseQuantity } from '../../core/meta/quantity.ts'

export const PROVISIONER = 'rancher.io/local-path'
export const SELECTED_NODE = 'volume.kubernetes.io/selected-node'
export const PROVISIONED_BY = 'pv.kubernetes.io/provisioned-by'
const VOLUME_NODE = 'local.path.provisioner/selected-node'
const PROVISIONER_ANNOTATIONS = ['volume.kubernetes.io/storage-provisioner', 'volume.beta.kubernetes.io/storage-provisioner']
const HOSTNAME = 'kubernetes.io/hostname'
const NODE_LOCAL_MODES = new Set(['ReadWriteOnce', 'ReadWriteOncePod'])
const HELPER_NAME_LENGTH = 128

/** Whether a claim waits for this provisioner. */
export function wantsVolume(claim: PersistentVolumeClaim, storageClass: StorageClass | undefined): boolean {
  if (storageClass?.provisioner !== PROVISIONER || claim.metadata.deletionTimestamp !== undefined) return false
  if ((claim.spec.volumeName ?? '') !== '') return false
  const { annotations = {} } = claim.metadata
  if (!PROVISIONER_ANNOTATIONS.some((name) => annotations[name] === PROVISIONER)) return false
  return storageClass.volumeBindingMode !== 'WaitForFirstConsumer' || (annotations[SELECTED_NODE] ?? '') !== ''
}

/** Whether a volume's folder is to be removed and the volume with it. */
export function wantsRemoval(volume: PersistentVolume): boolean {
  return (
    volume.status.phase === 'Released' &&
    volume.spec.persistentVolumeReclaimPolicy === 'Delete' &&
    volume.metadata.annotations?.[PROVISIONED_BY] === PROVISIONER &&
    volume.metadata.deletionTimestamp === undefined
  )
}

/** Refuses what a folder of a node cannot give. */
export function assertPossible(claim: PersistentVolumeClaim, shared: boolean): void {
  if (claim.spec.selector !== undefined) throw new Error('claim.Spec.Selector is not supported')
  if (claim.spec.volumeMode === 'Block') throw new Error('block volumes are not supported')
  const foreign = (claim.spec.accessModes ?? []).find((mode) => !NODE_LOCAL_MODES.has(mode))
  if (!shared && foreign !== undefined)
    throw new Error(`NodePath only supports ReadWriteOnce and ReadWriteOncePod (1.22+) access modes, not ${foreign}`)
}

/** The name is the claim's uid's: a second attempt finds the volume of the first. */
export function volumeName(claim: PersistentVolumeClaim): string {
  return `pvc-${claim.metadata.uid}`
}

/** Folder of a volume below the node's folder. A pattern must keep namespace and claim apart unless the class says otherwise. */
export function folderFor(claim: PersistentVolumeClaim, storageClass: StorageClass): string {
  const namespace = claim.metadata.namespace ?? ''
  const { name } = claim.metadata
  const pattern = storageClass.parameters?.pathPattern
  if (pattern === undefined || pattern === '') return `${volumeName(claim)}_${namespace}_${name}`
  const folder = normalize(
    pattern.replaceAll(/\{\{\s*\.PVC\.(namespace|name|annotations\.([^\s}]+))\s*\}\}/g, (_, key: string, annotation?: string) =>
      annotation !== undefined ? (claim.metadata.annotations?.[annotation] ?? '') : key === 'namespace' ? namespace : name,
    ),
  )
  if (folder.includes('{{')) throw new Error(`pathPattern ${pattern} has parts that are not supported`)
  if (folder === '.' || folder.startsWith('..') || folder.startsWith('/')) throw new Error(`pathPattern leads out of the folder: ${folder}`)
  const safe = folder === `${namespace}/${name}` || folder.startsWith(`${namespace}/${name}/`)
  if (!safe && storageClass.parameters?.allowUnsafePathPattern !== 'true') {
    throw new Error(`pathPattern must begin with namespace/claim: ${folder}`)
  }
  return folder
}

export interface VolumeInput {
  readonly claim: PersistentVolumeClaim
  readonly storageClass: StorageClass
  readonly path: string
  /** Absent with a shared file system. */
  readonly node?: { readonly name: string; readonly hostname: string } | undefined
}

/** The volume for a claim whose folder exists. Throws Error for a volume type other than hostPath and local. */
export function volumeFor({ claim, storageClass, path, node }: VolumeInput): Draft<PersistentVolume> {
  const kind = (claim.metadata.annotations?.volumeType ?? storageClass.metadata.annotations?.defaultVolumeType ?? 'hostPath').toLowerCase()
  if (kind !== 'local' && kind !== 'hostpath') throw new Error(`"${kind}" is not a recognised volume type: expected local or hostPath`)
  if (kind === 'local' && node === undefined) throw new Error('local volumes need a node')
  const affinity = {
    required: { nodeSelectorTerms: [{ matchExpressions: [{ key: HOSTNAME, operator: 'In' as const, values: [node?.hostname ?? ''] }] }] },
  }
  return {
    metadata: {
      name: volumeName(claim),
      annotations: { [PROVISIONED_BY]: PROVISIONER, ...(node !== undefined && { [VOLUME_NODE]: node.name }) },
    },
    spec: {
      capacity: { storage: claim.spec.resources.requests?.storage ?? '0' },
      accessModes: [...(claim.spec.accessModes ?? [])],
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
      storageClassName: storageClass.metadata.name,
      volumeMode: claim.spec.volumeMode ?? 'Filesystem',
      ...(storageClass.mountOptions !== undefined && { mountOptions: [...storageClass.mountOptions] }),
      claimRef: {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        namespace: claim.metadata.namespace,
        name: claim.metadata.name,
        uid: claim.metadata.uid,
        resourceVersion: claim.metadata.resourceVersion,
      },
      ...(node !== undefined && { nodeAffinity: affinity }),
      ...(kind === 'local' ? { local: { path } } : { hostPath: { path, type: 'DirectoryOrCreate' } }),
    },
  }
}

/** Folder and node of a volume made here; the node is absent with a shared file system. */
export function placeOf(volume: PersistentVolume): { readonly path: string; readonly node: string | undefined } {
  const path = volume.spec.local?.path ?? volume.spec.hostPath?.path
  if (path === undefined) throw new Error('the volume has no path')
  const terms = volume.spec.nodeAffinity?.required?.nodeSelectorTerms ?? []
  const named = terms.flatMap(({ matchExpressions = [] }) => matchExpressions).find(({ key }) => key === HOSTNAME)?.values?.[0]
  return { path, node: volume.metadata.annotations?.[VOLUME_NODE] ?? named }
}

export interface HelperInput {
  readonly action: 'create' | 'delete'
  readonly volume: string
  readonly path: string
  readonly node: string | undefined
  readonly namespace: string
  readonly sizeBytes: string
  readonly mode: string
  /** ConfigMap with the scripts `setup` and `teardown`. */
  readonly configMap: string
}

/** The pod that makes or removes a folder on its node: the template of the configuration with the given parts filled in. */
export function helperPodFor(template: Draft<Pod>, input: HelperInput): Draft<Pod> {
  const [container] = template.spec?.containers ?? []
  if (container === undefined) throw new Error('helperPod.yaml has no container')
  const parent = dirname(input.path)
  const script = input.action === 'create' ? 'setup' : 'teardown'
  const env = { VOL_DIR: join(parent, basename(input.path)), VOL_MODE: input.mode, VOL_SIZE_BYTES: input.sizeBytes }
  return {
    ...template,
    metadata: {
      ...template.metadata,
      name: `helper-pod-${input.action}-${input.volume}`.slice(0, HELPER_NAME_LENGTH),
      namespace: input.namespace,
    },
    spec: {
      ...template.spec,
      ...(input.node !== undefined && { nodeName: input.node }),
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      // The folder must be made on the chosen node, whatever keeps other pods away from it.
      tolerations: [{ operator: 'Exists' }],
      containers: [
        {
          ...container,
          command: ['/bin/sh', `/script/${script}`],
          args: ['-p', env.VOL_DIR, '-s', input.sizeBytes, '-m', input.mode, '-a', input.action],
          env: [...(container.env ?? []), ...Object.entries(env).map(([name, value]) => ({ name, value }))],
          volumeMounts: [...(container.volumeMounts ?? []), { name: 'data', mountPath: parent }, { name: 'script', mountPath: '/script' }],
        },
      ],
      volumes: [
        ...(template.spec?.volumes ?? []),
        { name: 'data', hostPath: { path: parent, type: 'DirectoryOrCreate' } },
        { name: 'script', configMap: { name: input.configMap, items: [{ key: script, path: script }] } },
      ],
    },
  }
}

/** Bytes of a claim or volume as text; sizes are passed to the scripts and enforced by nobody. */
export function sizeBytesOf(quantity: string | undefined): string {
  return String(parseQuantity(quantity).nano / 1_000_000_000n)
}
