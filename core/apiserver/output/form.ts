import { notAcceptable } from '../errors.ts'
import { type AcceptClause, parseAccept } from './accept.ts'

export type Encoding = 'json' | 'yaml' | 'protobuf'

/** `metadata` is PartialObjectMetadata, and PartialObjectMetadataList for collections. */
export type Shape = 'object' | 'table' | 'metadata'

/** How a client wants to see objects. There is one frozen value a combination, so forms compare by identity. */
export interface OutputForm {
  readonly encoding: Encoding
  readonly shape: Shape
  /** Version of meta.k8s.io that Table and PartialObjectMetadata are shown in. */
  readonly metaVersion: 'v1' | 'v1beta1'
}

/** What an endpoint can produce. */
export interface Offer {
  /** `list` allows PartialObjectMetadataList, the others PartialObjectMetadata. */
  readonly endpoint: 'object' | 'list' | 'watch'
  /** False for custom kinds and others without a protobuf form. */
  readonly protobuf: boolean
  /** Default true. Kinds that only answer have neither tables nor a metadata form. */
  readonly shapes?: boolean
}

export const MEDIA_TYPES: Readonly<Record<Encoding, string>> = {
  json: 'application/json',
  yaml: 'application/yaml',
  protobuf: 'application/vnd.kubernetes.protobuf',
}

const SUBTYPES: Readonly<Record<string, Encoding>> = { json: 'json', yaml: 'yaml', 'vnd.kubernetes.protobuf': 'protobuf' }

const forms = new Map<string, OutputForm>()

function form(encoding: Encoding, shape: Shape, metaVersion: 'v1' | 'v1beta1'): OutputForm {
  const key = `${encoding} ${shape} ${metaVersion}`
  let found = forms.get(key)
  if (found === undefined) forms.set(key, (found = Object.freeze({ encoding, shape, metaVersion })))
  return found
}

/** Stored bytes as they are. */
export const JSON_OBJECT: OutputForm = form('json', 'object', 'v1')

/**
 * Picks the first acceptable form in the client's order. Throws StatusError NotAcceptable.
 * Source: apiserver, endpoints/handlers/negotiation.
 */
export function negotiate(accept: string | undefined, offer: Offer): OutputForm {
  for (const clause of parseAccept(accept)) {
    const found = formOf(clause, offer)
    if (found !== undefined) return found
  }
  throw notAcceptable(mediaTypes(offer))
}

function formOf(clause: AcceptClause, offer: Offer): OutputForm | undefined {
  const encoding = encodingOf(clause)
  if (encoding === undefined || (encoding === 'yaml' && offer.endpoint === 'watch')) return undefined
  const { as, g, v } = clause.params
  if (as === undefined) return encoding === 'protobuf' && !offer.protobuf ? undefined : form(encoding, 'object', 'v1')
  if (offer.shapes === false || g !== 'meta.k8s.io' || (v !== 'v1' && v !== 'v1beta1')) return undefined
  if (as === 'Table') return encoding === 'protobuf' ? undefined : form(encoding, 'table', v)
  const metadata = offer.endpoint === 'list' ? 'PartialObjectMetadataList' : 'PartialObjectMetadata'
  return as === metadata ? form(encoding, 'metadata', v) : undefined
}

function encodingOf({ type, subtype }: AcceptClause): Encoding | undefined {
  if (type === '*') return subtype === '*' ? 'json' : undefined
  if (type !== 'application') return undefined
  return subtype === '*' ? 'json' : SUBTYPES[subtype]
}

function mediaTypes(offer: Offer): string[] {
  const types = Object.values(MEDIA_TYPES).filter((type) => type !== MEDIA_TYPES.protobuf || offer.protobuf)
  if (offer.endpoint !== 'watch') return types
  return [...types, ...types.filter((type) => type !== MEDIA_TYPES.yaml).map((type) => `${type};stream=watch`)]
}
