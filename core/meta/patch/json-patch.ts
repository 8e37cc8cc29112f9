import { deepEqual } from '../deep-equal.ts'
import { StatusError } from '../status-error.ts'
import { isObject } from './apply/path-element.ts'

/** Source: limits of the Kubernetes API server. */
export const MAX_OPERATIONS = 10_000
/** Copies of copies would grow without bound: sixty operations stand for more than all memory. */
const MAX_COPIED = 3 * 1024 * 1024

type Operation =
  | { readonly op: 'add' | 'replace' | 'test'; readonly path: Pointer; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: Pointer }
  | { readonly op: 'move' | 'copy'; readonly path: Pointer; readonly from: Pointer }

type Pointer = readonly string[]

/**
 * Applies a JSON patch (RFC 6902) without changing the document; untouched parts are shared. Throws StatusError: BadRequest when the
 * patch itself is malformed, RequestEntityTooLarge beyond 10,000 operations, Invalid (422, with the text Kubernetes gives and the
 * reason as cause) when an operation cannot be carried out.
 */
export function jsonPatch(document: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw malformed('json: cannot unmarshal object into Go value of type jsonpatch.Patch')
  if (patch.length > MAX_OPERATIONS)
    throw new StatusError(
      'RequestEntityTooLarge',
      `Request entity too large: The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`,
    )
  let copied = 0
  return patch.map(readOperation).reduce((before, operation) => {
    if (operation.op === 'copy') copied += sizeOf(existing(before, operation.from), MAX_COPIED - copied)
    if (copied > MAX_COPIED) throw rejected(`the accumulated size of copies exceeds ${MAX_COPIED} bytes`)
    return applyOperation(before, operation)
  }, document)
}

/** Characters of a value as JSON, about; stops counting beyond `limit`. */
function sizeOf(value: unknown, limit: number): number {
  if (typeof value === 'string') return value.length + 2
  if (typeof value !== 'object' || value === null) return 4
  let size = 2
  for (const [key, item] of Object.entries(value)) {
    if (size > limit) break
    size += key.length + 4 + sizeOf(item, limit - size)
  }
  return size
}

function readOperation(value: unknown): Operation {
  if (!isObject(value)) throw malformed('json: cannot unmarshal value into Go value of type jsonpatch.Operation')
  const { op, path, from } = value
  if (typeof path !== 'string') throw rejected('jsonpatch operation lacks a path')
  switch (op) {
    case 'add':
    case 'replace':
    case 'test':
      return { op, path: pointerOf(path), value: value['value'] ?? null }
    case 'remove':
      return { op, path: pointerOf(path) }
    case 'move':
    case 'copy':
      if (typeof from !== 'string') throw rejected(`jsonpatch ${op} operation lacks a from`)
      return { op, path: pointerOf(path), from: pointerOf(from) }
    default:
      throw rejected(`Unexpected kind: ${String(op)}`)
  }
}

function applyOperation(document: unknown, operation: Operation): unknown {
  switch (operation.op) {
    case 'add':
      return add(document, operation.path, operation.value)
    case 'remove':
      return remove(document, operation.path)
    case 'replace':
      if (read(document, operation.path) === undefined)
        throw rejected(`replace operation does not apply: doc is missing key: ${textOf(operation.path)}`)
      return operation.path.length === 0 ? operation.value : put(document, operation.path, operation.value)
    case 'test':
      if (!deepEqual(read(document, operation.path) ?? null, operation.value))
        throw rejected(`testing value ${textOf(operation.path)} failed`)
      return document
    case 'move':
      return add(remove(document, operation.from), operation.path, existing(document, operation.from))
    case 'copy':
      return add(document, operation.path, existing(document, operation.from))
  }
}

function existing(document: unknown, from: Pointer): unknown {
  const value = read(document, from)
  if (value === undefined) throw rejected(`doc is missing key: ${textOf(from)}`)
  return value
}

function pointerOf(text: string): Pointer {
  if (text === '') return []
  if (!text.startsWith('/')) throw rejected(`invalid JSON pointer: ${text}`)
  return text
    .slice(1)
    .split('/')
    .map((part) => part.replace(/~1/g, '/').replace(/~0/g, '~'))
}

const textOf = (path: Pointer): string => `/${path.map((part) => part.replace(/~/g, '~0').replace(/\//g, '~1')).join('/')}`

function read(document: unknown, path: Pointer): unknown {
  let value = document
  for (const key of path) {
    if (Array.isArray(value)) value = value[indexOf(key, value.length)]
    else if (isObject(value) && Object.hasOwn(value, key)) value = value[key]
    else return undefined
  }
  return value
}

/** -1 for what is no index of a list of this length. Negative ones count from the end, as the library of Kubernetes allows. */
function indexOf(key: string, length: number): number {
  if (!/^-?(0|[1-9]\d*)$/.test(key)) return -1
  const index = Number(key)
  const place = index < 0 ? length + index : index
  return place >= 0 && place < length ? place : -1
}

/** Replaces what stands at `path`, which must have a parent. */
function put(document: unknown, path: Pointer, value: unknown): unknown {
  return change(document, path, (parent, key) => {
    if (isList(parent)) return parent.with(indexOf(key, parent.length), value)
    return { ...parent, [key]: value }
  })
}

function add(document: unknown, path: Pointer, value: unknown): unknown {
  if (path.length === 0) return value
  return change(document, path, (parent, key) => {
    if (!isList(parent)) return { ...parent, [key]: value }
    const place = key === '-' ? parent.length : key === String(parent.length) ? parent.length : insertionIndex(key, parent.length)
    return parent.toSpliced(place, 0, value)
  })
}

function insertionIndex(key: string, length: number): number {
  const place = key.startsWith('-') ? indexOf(key, length + 1) : indexOf(key, length)
  if (place < 0) throw rejected(`Unable to access invalid index: ${key}`)
  return place
}

function remove(document: unknown, path: Pointer): unknown {
  if (path.length === 0) throw rejected('Unable to remove the whole document')
  return change(document, path, (parent, key) => {
    if (isList(parent)) {
      const place = indexOf(key, parent.length)
      if (place < 0) throw rejected(`Unable to access invalid index: ${key}`)
      return parent.toSpliced(place, 1)
    }
    if (!Object.hasOwn(parent, key)) throw rejected(`Unable to remove nonexistent key: ${key}`)
    const rest: Record<string, unknown> = { ...parent }
    delete rest[key]
    return rest
  })
}

type Parent = readonly unknown[] | Readonly<Record<string, unknown>>

function isList(value: Parent): value is readonly unknown[] {
  return Array.isArray(value)
}

/** Copies the way down to the parent of `path` and puts there what `edit` makes of the parent. */
function change(document: unknown, path: Pointer, edit: (parent: Parent, key: string) => unknown): unknown {
  const [key = '', ...rest] = path
  if (typeof document !== 'object' || document === null) throw rejected(`doc is missing path: ${textOf(path)}`)
  const parent = document as Parent
  if (rest.length === 0) return edit(parent, key)
  if (isList(parent)) {
    const place = indexOf(key, parent.length)
    if (place < 0) throw rejected(`doc is missing path: ${textOf(path)}`)
    return parent.with(place, change(parent[place], rest, edit))
  }
  if (!Object.hasOwn(parent, key)) throw rejected(`doc is missing path: ${textOf(path)}`)
  return { ...parent, [key]: change(parent[key], rest, edit) }
}

function malformed(text: string): StatusError {
  return new StatusError('BadRequest', text)
}

/** Kubernetes hides the reason from the client; it is kept as the cause for the log. */
function rejected(reason: string): StatusError {
  return new StatusError('Invalid', 'the server rejected our request due to an error in our request', {}, { cause: new Error(reason) })
}
