import { type FieldError, forbidden, notSupported } from '../../meta/field-error.ts'
import { badRequest, invalidObject } from '../errors.ts'
import { isTrue } from '../request-info.ts'

/** meta/v1 ListOptions without the selectors. */
export interface ListOptions {
  /** `''` most recent, otherwise decimal digits. */
  readonly resourceVersion: string
  readonly match: '' | 'Exact' | 'NotOlderThan'
  /** 0: no limit. */
  readonly limit: number
  readonly continueToken: string
  /** Undefined: the server's own. */
  readonly timeoutSeconds: number | undefined
  readonly allowBookmarks: boolean
  readonly sendInitialEvents: boolean | undefined
}

/** Throws StatusError BadRequest for what is no number, Invalid for what does not go together. */
export function listOptions(query: URLSearchParams, isWatch: boolean): ListOptions {
  if (query.size === 0) return NONE
  const options: ListOptions = {
    resourceVersion: revisionText(query.get('resourceVersion') ?? ''),
    match: (query.get('resourceVersionMatch') ?? '') as ListOptions['match'],
    limit: integer(query, 'limit') ?? 0,
    continueToken: query.get('continue') ?? '',
    timeoutSeconds: integer(query, 'timeoutSeconds'),
    allowBookmarks: isTrue(query.get('allowWatchBookmarks')),
    sendInitialEvents: query.has('sendInitialEvents') ? isTrue(query.get('sendInitialEvents')) : undefined,
  }
  const errors = isWatch ? watchErrors(options) : listErrors(options)
  if (errors.length > 0) throw invalidObject({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors)
  return options
}

const NONE: ListOptions = Object.freeze({
  resourceVersion: '',
  match: '',
  limit: 0,
  continueToken: '',
  timeoutSeconds: undefined,
  allowBookmarks: false,
  sendInitialEvents: undefined,
})

const MATCH = 'resourceVersionMatch'

/** Source: apimachinery, internalversion/validation. */
function listErrors({ match, resourceVersion, continueToken, sendInitialEvents }: ListOptions): FieldError[] {
  const errors: FieldError[] = []
  const isSet = (match as string) !== ''
  if (isSet && resourceVersion === '') errors.push(forbidden(MATCH, `${MATCH} is forbidden unless resourceVersion is provided`))
  if (isSet && continueToken !== '') errors.push(forbidden(MATCH, `${MATCH} is forbidden when continue is provided`))
  if (isSet && match !== 'Exact' && match !== 'NotOlderThan') errors.push(notSupported(MATCH, match, ['Exact', 'NotOlderThan', '']))
  if (match === 'Exact' && resourceVersion === '0') errors.push(forbidden(MATCH, `${MATCH} "exact" is forbidden for resourceVersion "0"`))
  if (sendInitialEvents !== undefined) errors.push(forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'))
  return errors
}

function watchErrors({ match, continueToken, sendInitialEvents }: ListOptions): FieldError[] {
  const errors: FieldError[] = []
  if (sendInitialEvents !== undefined && match !== 'NotOlderThan')
    errors.push(forbidden(MATCH, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'))
  if ((match as string) === '') return errors
  if (sendInitialEvents === undefined) errors.push(forbidden(MATCH, `${MATCH} is forbidden for watch unless sendInitialEvents is provided`))
  if (match !== 'NotOlderThan') errors.push(notSupported(MATCH, match, ['NotOlderThan']))
  if (continueToken !== '') errors.push(forbidden(MATCH, `${MATCH} is forbidden when continue is provided`))
  return errors
}

function integer(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null || text === '') return undefined
  if (!/^-?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`)
  return Math.max(Number(text), 0)
}

function revisionText(text: string): string {
  if (text !== '' && !/^\d+$/.test(text))
    throw badRequest(
      `resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
    )
  return text
}
