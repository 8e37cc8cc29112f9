import type { Node, Pod, Secret, ServiceAccount } from '../../../api/types/core-v1.ts'
import type { KubeObject } from '../../../meta/object.ts'
import type { LegacyClaims } from '../../../pki/legacy-token.ts'
import type { ObjectReader } from '../../admission/admission.ts'
import type { BoundClaims, Reference } from './claims.ts'

/** A token lives on for this long after the deletion of what it is bound to began. */
const DELETION_LEEWAY_MS = 60_000
const CORE = (resource: string): { readonly group: string; readonly resource: string } => ({ group: '', resource })

/**
 * Whether what a token is bound to still exists and is the same object. Answers the reason when not.
 * Source: kubernetes, pkg/serviceaccount/claims.go, legacy.go.
 */
export function boundProblem(claims: BoundClaims, reader: ObjectReader, nowMs: number): string | undefined {
  const own = claims['kubernetes.io']
  const { namespace } = own
  return (
    serviceAccountProblem({ namespace, reference: own.serviceaccount }, reader, nowMs) ??
    (own.secret && referenceProblem('secret', reader.get<Secret>(CORE('secrets'), namespace, own.secret.name), own.secret, nowMs)) ??
    (own.pod && referenceProblem('pod', reader.get<Pod>(CORE('pods'), namespace, own.pod.name), own.pod, nowMs)) ??
    nodeProblem(own, reader, nowMs)
  )
}

/** A token in a Secret is good while the Secret holds exactly this token and the account is the one it was made for. */
export function legacyProblem(claims: LegacyClaims, token: string, reader: ObjectReader, nowMs: number): string | undefined {
  const { namespace, serviceAccount, secretName } = claims
  const secret = reader.get<Secret>(CORE('secrets'), namespace, secretName)
  if (secret === undefined) return 'service account token has been invalidated'
  if (isGone(secret, nowMs)) return 'service account token has been invalidated'
  const stored = secret.data?.['token']
  if (stored === undefined || Buffer.from(stored, 'base64').toString() !== token) return 'service account token does not match server copy'
  return serviceAccountProblem({ namespace, reference: serviceAccount }, reader, nowMs)
}

function serviceAccountProblem(
  { namespace, reference }: { readonly namespace: string; readonly reference: Reference },
  reader: ObjectReader,
  nowMs: number,
): string | undefined {
  const account = reader.get<ServiceAccount>(CORE('serviceaccounts'), namespace, reference.name)
  if (account === undefined) return `serviceaccounts ${JSON.stringify(reference.name)} not found`
  if (isGone(account, nowMs)) return `service account ${namespace}/${reference.name} has been deleted`
  if (account.metadata.uid !== reference.uid) return `service account UID (${account.metadata.uid}) does not match claim (${reference.uid})`
  return undefined
}

/** The node of a pod's token is told to the application only; the node of a token bound to it must exist. */
function nodeProblem(own: BoundClaims['kubernetes.io'], reader: ObjectReader, nowMs: number): string | undefined {
  if (own.node?.name === undefined || own.pod !== undefined) return undefined
  const reference = { name: own.node.name, uid: own.node.uid ?? '' }
  return referenceProblem('node', reader.get<Node>(CORE('nodes'), '', own.node.name), reference, nowMs)
}

function referenceProblem(what: string, object: KubeObject | undefined, reference: Reference, nowMs: number): string | undefined {
  if (object === undefined || isGone(object, nowMs)) return 'service account token has been invalidated'
  if (object.metadata.uid !== reference.uid)
    return `${what} UID (${object.metadata.uid}) does not match service account ${what} ref claim (${reference.uid})`
  return undefined
}

function isGone(object: KubeObject, nowMs: number): boolean {
  const { deletionTimestamp } = object.metadata
  return deletionTimestamp !== undefined && Date.parse(deletionTimestamp) + DELETION_LEEWAY_MS < nowMs
}
