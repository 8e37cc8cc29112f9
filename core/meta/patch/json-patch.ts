import { deepEqual } from '../deep-equal.ts'
import { MAX_DEPTH, valueNestsTooDeep } from '../json-depth.ts'
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
  const work = new Patching(document)
  for (const operation of patch.map(readOperation)) work.apply(operation)
  // Moves can put a thing into itself again and again.
  if (valueNestsTooDeep(work.document)) throw rejected('exceeded max depth')
  return work.document
}

/** Characters of a value as JSON, about; stops counting beyond `limit`, and endless for what nests deeper than anybody may walk. */
function sizeOf(value: unknown, limit: number, depth = 0): number {
  if (typeof value === 'string') return value.length + 2
  if (typeof value !== 'object' || value === null) return 4
  if (depth > MAX_DEPTH) return Infinity
  let size = 2
  for (const [key, item] of Object.entries(value)) {
    if (size > limit) break
    size += key.length + 4 + sizeOf(item, limit - size, depth + 1)
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

/**
 * A document under change. Each list and object on the way to a change is copied once, however many operations touch it: thousands
 * of operations on one large object take no longer than one.
 */
class Patching {
  #document: unknown
  #copied = 0
  /** Containers that nobody else holds. */
  readonly #own = new WeakSet()

  constructor(document: unknown) {
    this.#document = document
  }

  get document(): unknown {
    return this.#document
  }

  apply(operation: Operation): void {
    switch (operation.op) {
      case 'add': {
        this.#add(operation.path, operation.value)
        return
      }
      case 'remove': {
        this.#remove(operation.path)
        return
      }
      case 'replace': {
        this.#replace(operation.path, operation.value)
        return
      }
      case 'test':
        if (!deepEqual(read(this.#document, operation.path) ?? null, operation.value))
          throw rejected(`testing value ${textOf(operation.path)} failed`)
        return
      case 'move': {
        const value = existing(this.#document, operation.from)
        this.#remove(operation.from)
        this.#add(operation.path, value)
        return
      }
      case 'copy': {
        this.#add(operation.path, this.#copyOf(existing(this.#document, operation.from)))
        return
      }
    }
  }

  #copyOf(value: unknown): unknown {
    this.#copied += sizeOf(value, MAX_COPIED - this.#copied)
    if (this.#copied > MAX_COPIED) throw rejected(`the accumulated size of copies exceeds ${MAX_COPIED} bytes`)
    return structuredClone(value)
  }

  #add(path: Pointer, value: unknown): void {
    if (path.length === 0) {
      this.#document = value
      return
    }
    const { parent, key } = this.#placeOf(path)
    if (Array.isArray(parent)) parent.splice(key === '-' ? parent.length : insertionIndex(key, parent.length), 0, value)
    else setKey(parent, key, value)
  }

  #replace(path: Pointer, value: unknown): void {
    if (read(this.#document, path) === undefined) throw rejected(`replace operation does not apply: doc is missing key: ${textOf(path)}`)
    if (path.length === 0) this.#document = value
    else {
      const { parent, key } = this.#placeOf(path)
      setItem(parent, key, value)
    }
  }

  #remove(path: Pointer): void {
    if (path.length === 0) throw rejected('Unable to remove the whole document')
    const { parent, key } = this.#placeOf(path)
    if (Array.isArray(parent)) {
      const place = indexOf(key, parent.length)
      if (place < 0) throw rejected(`Unable to access invalid index: ${key}`)
      parent.splice(place, 1)
    } else if (!Object.hasOwn(parent, key)) throw rejected(`Unable to remove nonexistent key: ${key}`)
    else delete parent[key]
  }

  /** The parent of a place, ready to be changed. */
  #placeOf(path: Pointer): { readonly parent: Container; readonly key: string } {
    const missing = (): StatusError => rejected(`doc is missing path: ${textOf(path)}`)
    if (!isContainer(this.#document)) throw missing()
    let parent = this.#owned(this.#document)
    this.#document = parent
    for (const key of path.slice(0, -1)) {
      const child = read(parent, [key])
      if (!isContainer(child)) throw missing()
      const owned = this.#owned(child)
      if (owned !== child) setItem(parent, key, owned)
      parent = owned
    }
    return { parent, key: path.at(-1) ?? '' }
  }

  #owned(container: Container): Container {
    if (this.#own.has(container)) return container
    const copy = Array.isArray(container) ? container.slice() : { ...container }
    this.#own.add(copy)
    return copy
  }
}

type Container = unknown[] | Record<string, unknown>

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null
}

/** Replaces an item that is there. */
function setItem(parent: Container, key: string, value: unknown): void {
  if (Array.isArray(parent)) parent[indexOf(key, parent.length)] = value
  else setKey(parent, key, value)
}

/** A key is only a key, whatever it means to the language. */
function setKey(parent: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(parent, key, { value, writable: true, enumerable: true, configurable: true })
  else parent[key] = value
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

function insertionIndex(key: string, length: number): number {
  if (key === String(length)) return length
  const place = key.startsWith('-') ? indexOf(key, length + 1) : indexOf(key, length)
  if (place < 0) throw rejected(`Unable to access invalid index: ${key}`)
  return place
}

function malformed(text: string): StatusError {
  return new StatusError('BadRequest', text)
}

/** Kubernetes hides the reason from the client; it is kept as the cause for the log. */
function rejected(reason: string): StatusError {
  return new StatusError('Invalid', 'the server rejected our request due to an error in our request', {}, { cause: new Error(reason) })
}
