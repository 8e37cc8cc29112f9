import { type FieldError, forbidden, invalid, notSupported, required, tooLong } from '../../meta/field-error.ts'
import { invalidObject } from '../errors.ts'
import type { ApiRequest } from '../request.ts'
import { isTrue } from '../request-info.ts'

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict'

/** The query of create, update and patch. */
export interface WriteOptions {
  readonly dryRun: boolean
  /** As given, or the User-Agent up to the first slash. */
  readonly fieldManager: string
  readonly validation: FieldValidation
  /** Server-side apply takes fields over from other managers. */
  readonly force: boolean
  /** The options object as it was sent, for admission webhooks; absent when nothing was. */
  readonly sent?: Readonly<Record<string, unknown>>
}

const MAX_MANAGER_LENGTH = 128
const VALIDATIONS: ReadonlySet<string> = new Set(['Ignore', 'Warn', 'Strict'])

/** `kind` names the options in errors: CreateOptions, UpdateOptions, PatchOptions. Throws StatusError Invalid. */
export function writeOptions(request: ApiRequest, kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions', apply = false): WriteOptions {
  const { query } = request
  const agent = managerOf(request.headers['user-agent'] ?? '')
  if (query.size === 0 && !apply) return { dryRun: false, fieldManager: agent, validation: 'Warn', force: false }
  const given = query.get('fieldManager') ?? ''
  const validation = query.get('fieldValidation') ?? ''
  const errors: FieldError[] = []
  const dryRun = dryRunOf(query.getAll('dryRun'), errors)
  managerErrors(given, errors)
  if (validation !== '' && !VALIDATIONS.has(validation)) errors.push(notSupported('fieldValidation', validation, ['', ...VALIDATIONS]))
  if (kind === 'PatchOptions') {
    if (apply && given === '') errors.push(required('fieldManager', 'is required for apply patch'))
    if (!apply && query.has('force')) errors.push(forbidden('force', 'may not be specified for non-apply patch'))
  }
  if (errors.length > 0) throw invalidObject({ group: 'meta.k8s.io', kind }, '', errors)
  return {
    dryRun,
    fieldManager: given === '' ? agent : given,
    validation: validation === '' ? 'Warn' : (validation as FieldValidation),
    force: isTrue(query.get('force')),
    sent: {
      kind,
      apiVersion: 'meta.k8s.io/v1',
      ...(dryRun && { dryRun: ['All'] }),
      ...(given !== '' && { fieldManager: given }),
      ...(validation !== '' && { fieldValidation: validation }),
      ...(query.has('force') && { force: isTrue(query.get('force')) }),
    },
  }
}

/** `dryRun=All` may stand several times; anything else is an error. */
export function dryRunOf(given: readonly string[], errors: FieldError[]): boolean {
  const values = given.filter((value) => value !== '')
  if (values.some((value) => value !== 'All')) errors.push(notSupported('dryRun', values, ['All']))
  return values.length > 0
}

const UNPRINTABLE = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u

function managerErrors(manager: string, errors: FieldError[]): void {
  if (Buffer.byteLength(manager) > MAX_MANAGER_LENGTH) errors.push(tooLong('fieldManager', MAX_MANAGER_LENGTH))
  const bad = UNPRINTABLE.exec(manager)
  if (bad !== null) errors.push(invalid('fieldManager', manager, `invalid character ${codePoint(bad[0])} (at position ${bad.index})`))
}

function codePoint(char: string): string {
  return `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
}

/** Who writes, when nobody says so: the User-Agent up to the first slash, printable and cut to the allowed length. */
function managerOf(userAgent: string): string {
  const slash = userAgent.indexOf('/')
  const name = slash < 0 ? userAgent : userAgent.slice(0, slash)
  return name.length <= MAX_MANAGER_LENGTH && !UNPRINTABLE.test(name)
    ? name
    : name.replace(new RegExp(UNPRINTABLE, 'gu'), '').slice(0, MAX_MANAGER_LENGTH)
}
