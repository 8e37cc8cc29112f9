import { randomUUID } from 'node:crypto'
import type { ConversionResponse, ConversionReview, CustomResourceDefinition } from '../../api/types/apiextensions-v1.ts'
import { deepEqual } from '../../meta/deep-equal.ts'
import type { KubeObject } from '../../meta/object.ts'
import { StatusError } from '../../meta/status-error.ts'
import type { WebhookClient } from '../admission/webhook/client.ts'

/** Makes objects of a custom kind into another version, in their order. Throws StatusError InternalError. */
export type Convert = (crd: CustomResourceDefinition, objects: readonly KubeObject[], apiVersion: string) => Promise<readonly KubeObject[]>

/** Source: apiextensions, apiserver/conversion, webhookConverter. */
const TIMEOUT_SECONDS = 30
const SPOKEN = ['v1', 'v1beta1']

/** Conversion by the webhook that the definition names. Objects that are in the version already stay as they are. */
export function webhookConverter(client: Pick<WebhookClient, 'call'>): Convert {
  return async (crd, objects, apiVersion) => {
    const others = objects.filter((object) => object.apiVersion !== apiVersion)
    if (others.length === 0) return objects
    try {
      const converted = await ask(client, crd, { objects: others, apiVersion })
      const next = converted.values()
      return objects.map((object) => (object.apiVersion === apiVersion ? object : (next.next().value ?? object)))
    } catch (err) {
      const from = others[0]?.apiVersion ?? ''
      const text = `conversion webhook for ${from}, Kind=${crd.spec.names.kind} failed: ${(err as Error).message}`
      throw new StatusError('InternalError', text, { causes: [{ message: text }] }, { cause: err })
    }
  }
}

interface Question {
  readonly objects: readonly KubeObject[]
  readonly apiVersion: string
}

async function ask(
  client: Pick<WebhookClient, 'call'>,
  { spec }: CustomResourceDefinition,
  { objects, apiVersion }: Question,
): Promise<readonly KubeObject[]> {
  const { clientConfig, conversionReviewVersions = [] } = spec.conversion?.webhook ?? {}
  const version = conversionReviewVersions.find((known) => SPOKEN.includes(known))
  if (clientConfig === undefined || version === undefined)
    throw new Error('the webhook accepts no known ConversionReview version (v1, v1beta1)')
  const review = {
    kind: 'ConversionReview',
    apiVersion: `apiextensions.k8s.io/${version}`,
    request: { uid: randomUUID(), desiredAPIVersion: apiVersion, objects },
  }
  const response = readResponse(await client.call(clientConfig, review, TIMEOUT_SECONDS), review)
  if (response.convertedObjects.length !== objects.length)
    throw new Error(`returned ${response.convertedObjects.length} objects, expected ${objects.length}`)
  return objects.map((object, index) =>
    checked(object, response.convertedObjects[index] as KubeObject | null | undefined, { apiVersion, index }),
  )
}

function readResponse(
  body: unknown,
  review: { readonly apiVersion: string; readonly request: { readonly uid: string } },
): ConversionResponse {
  const { apiVersion, kind, response } = (body ?? {}) as ConversionReview
  if (apiVersion !== review.apiVersion || kind !== 'ConversionReview')
    throw new Error(`expected webhook response of ${review.apiVersion}, Kind=ConversionReview, got ${apiVersion ?? ''}, Kind=${kind ?? ''}`)
  if (response === undefined) throw new Error('no response provided')
  if (response.uid !== review.request.uid)
    throw new Error(`expected response.uid=${JSON.stringify(review.request.uid)}, got ${JSON.stringify(response.uid)}`)
  const { status, message = '' } = (response as Partial<ConversionResponse>).result ?? {}
  if (status !== 'Success') throw new Error(message === '' ? `response.result.status was '${status ?? ''}', not 'Success'` : message)
  return { ...response, convertedObjects: (response as Partial<ConversionResponse>).convertedObjects ?? [] }
}

interface Wanted {
  readonly apiVersion: string
  readonly index: number
}

/** A conversion may change anything but who the object is: of metadata only labels and annotations. */
function checked(before: KubeObject, after: KubeObject | null | undefined, { apiVersion, index }: Wanted): KubeObject {
  const fail = (text: string): never => {
    throw new Error(`invalid converted object at index ${index}: ${text}`)
  }
  if (typeof after !== 'object' || after === null) return fail('it is no object')
  if (after.apiVersion !== apiVersion) fail(`invalid groupVersion (expected ${apiVersion}, received ${after.apiVersion ?? ''})`)
  if (after.kind !== before.kind) fail(`invalid kind (expected ${before.kind ?? ''}, received ${after.kind ?? ''})`)
  const metadata = (after as Partial<KubeObject>).metadata ?? fail('missing metadata')
  for (const field of ['name', 'namespace', 'uid'] as const)
    if (!deepEqual(metadata[field], before.metadata[field])) fail(`${field} must not change`)
  const { labels, annotations } = metadata
  const kept = { ...before.metadata, labels, annotations }
  if (labels === undefined) Reflect.deleteProperty(kept, 'labels')
  if (annotations === undefined) Reflect.deleteProperty(kept, 'annotations')
  return { ...after, metadata: kept }
}
