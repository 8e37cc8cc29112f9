import { persistentVolumeClaims, persistentVolumes } from '../../api/kinds.ts'
import type { Node, PersistentVolume, PersistentVolumeClaim } from '../../api/types/core-v1.ts'
import type { Client } from '../../client/client.ts'
import type { Informer } from '../../client/informer.ts'
import { keyOf, type ObjectKey } from '../../meta/object.ts'
import { childController } from '../../runtime/abort.ts'
import type { Clock } from '../../runtime/clock.ts'
import { BOUND_BY_CONTROLLER, isBound, SELECTED_NODE } from './claims.ts'
import { reaches, type VolumePlan } from './find-volumes.ts'

/** Provisioners may take long; after this the pod is tried again, perhaps on another node. */
const BIND_TIMEOUT_MS = 600_000

export interface BindDeps {
  readonly client: Client
  readonly clock: Clock
  readonly claims: Informer<PersistentVolumeClaim>
  readonly volumes: Informer<PersistentVolume>
}

/**
 * Reserves the chosen volumes for their claims, tells provisioners the node, and waits until all claims are bound by the volume
 * controller. Rejects when a provisioner gives the node up, when a claim vanishes, or after ten minutes.
 */
export async function bindVolumes(plan: VolumePlan, node: Node, deps: BindDeps, signal: AbortSignal): Promise<void> {
  for (const { claim, volume } of plan.bindings) await reserveVolume(claim, volume, deps, signal)
  for (const claim of plan.provisions) await selectNode(claim, node, deps, signal)
  const keys = [...plan.bindings.map(({ claim }) => keyOf(claim)), ...plan.provisions.map(keyOf)]
  await untilBound(keys, { node, provisioned: new Set(plan.provisions.map(keyOf)) }, deps, signal)
}

async function reserveVolume(
  claim: PersistentVolumeClaim,
  volume: PersistentVolume,
  { client }: BindDeps,
  signal: AbortSignal,
): Promise<void> {
  const { name, namespace, uid, resourceVersion } = claim.metadata
  if (volume.spec.claimRef?.uid === uid) return
  const annotations = { ...volume.metadata.annotations, ...(volume.spec.claimRef === undefined && { [BOUND_BY_CONTROLLER]: 'yes' }) }
  const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid, resourceVersion }
  const next = { ...volume, metadata: { ...volume.metadata, annotations }, spec: { ...volume.spec, claimRef } }
  await client.update(persistentVolumes, next, { signal })
}

async function selectNode(claim: PersistentVolumeClaim, node: Node, { client }: BindDeps, signal: AbortSignal): Promise<void> {
  if (claim.metadata.annotations?.[SELECTED_NODE] === node.metadata.name) return
  const annotations = { ...claim.metadata.annotations, [SELECTED_NODE]: node.metadata.name }
  await client.update(persistentVolumeClaims, { ...claim, metadata: { ...claim.metadata, annotations } }, { signal })
}

interface Expectation {
  readonly node: Node
  /** Claims that carried or just got the selected node. */
  readonly provisioned: ReadonlySet<ObjectKey>
}

/** Looks at the claims again at each change of one. */
async function untilBound(keys: readonly ObjectKey[], expected: Expectation, deps: BindDeps, parent: AbortSignal): Promise<void> {
  if (keys.length === 0) return
  const seen = new Set<ObjectKey>()
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  const look = (): void => {
    try {
      if (keys.every((key) => isReady(key, expected, deps, seen))) resolve(undefined)
    } catch (err) {
      reject(err instanceof Error ? err : new Error(String(err)))
    }
  }
  using wait = childController(parent)
  const removers = [deps.claims.onChange(look), deps.volumes.onChange(look)]
  const timeout = deps.clock.sleep(BIND_TIMEOUT_MS, wait.signal).then(() => {
    throw new Error('timed out waiting for the condition')
  })
  try {
    look()
    await Promise.race([promise, timeout])
  } finally {
    for (const remove of removers) remove()
    wait.abort()
    // The sleep ends by the abort just made; its rejection says nothing new.
    timeout.catch(() => undefined)
  }
}

function isReady(key: ObjectKey, { node, provisioned }: Expectation, deps: BindDeps, seen: Set<ObjectKey>): boolean {
  const claim = deps.claims.get(key)
  if (claim === undefined) throw new Error(`pvc "${key}" does not exist any more when checking its binding`)
  if (claim.metadata.deletionTimestamp !== undefined) throw new Error(`pvc "${key}" is being deleted`)
  if (isBound(claim)) {
    const volume = deps.volumes.get(claim.spec.volumeName ?? '')
    if (volume === undefined) return false
    if (!reaches(volume, node)) throw new Error(`pv "${volume.metadata.name}" node affinity doesn't match node "${node.metadata.name}"`)
    return true
  }
  const selected = claim.metadata.annotations?.[SELECTED_NODE]
  if (selected === node.metadata.name) seen.add(key)
  // The cache may still show the claim before our own write; only a mark that was there and went means the provisioner gave up.
  else if (provisioned.has(key) && seen.has(key)) throw new Error(`selectedNode annotation reset for PVC "${claim.metadata.name}"`)
  return false
}
