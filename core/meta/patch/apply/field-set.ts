/**
 * A set of field paths in the form of FieldsV1, which is at once its JSON and a trie: `f:` field, `k:` list item by keys, `v:` list
 * item by value, `i:` by index. A node without children is a member; one with children is a member when it has `.`.
 * At the root `{}` is the empty set. Nodes are never changed once made, so results share structure with their operands.
 * Source: Kubernetes API reference, "FieldsV1".
 */
export interface FieldSet {
  readonly [element: string]: FieldSet
}

export const EMPTY_SET: FieldSet = Object.freeze({})
/** A member without children; the same shape as the empty root, which no child ever is. */
export const LEAF: FieldSet = EMPTY_SET
/** The key that makes a node with children a member itself. */
export const SELF = '.'

type Children = Record<string, FieldSet>

export function isEmptySet(root: FieldSet): boolean {
  for (const _ in root) return false
  return true
}

/** Whether a node below the root is itself in the set. */
export function isMember(node: FieldSet): boolean {
  return SELF in node || isEmptySet(node)
}

function hasChildren(node: FieldSet): boolean {
  for (const key in node) if (key !== SELF) return true
  return false
}

/** Shares what only one of them has. */
export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b || isEmptySet(b)) return a
  if (isEmptySet(a)) return b
  let result: Children | undefined
  for (const key in b) {
    const right = b[key] as FieldSet
    const left = a[key]
    const merged = left === undefined ? right : uniteNodes(left, right)
    if (merged !== left) (result ??= { ...a })[key] = merged
  }
  return result ?? a
}

/** Of two nodes below the root, where an empty node stands for membership. */
function uniteNodes(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b) return a
  const [leftDeep, rightDeep] = [hasChildren(a), hasChildren(b)]
  if (!rightDeep) return leftDeep && !(SELF in a) ? { [SELF]: LEAF, ...a } : a
  if (!leftDeep) return SELF in b ? b : { [SELF]: LEAF, ...b }
  return union(a, b)
}

/** The members of `a` that are not members of `b`. Children of a removed member stay. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return withoutCommon(a, b, subtractNodes)
}

/** `a` with each child that `b` has as well replaced by what `restOf` leaves of it; shared where nothing changes. */
function withoutCommon(a: FieldSet, b: FieldSet, restOf: (left: FieldSet, right: FieldSet) => FieldSet | undefined): FieldSet {
  let result: Children | undefined
  for (const key in b) {
    const left = a[key]
    if (left === undefined || key === SELF) continue
    const rest = restOf(left, b[key] as FieldSet)
    if (rest === left) continue
    result ??= { ...a }
    if (rest === undefined) delete result[key]
    else result[key] = rest
  }
  return result ?? a
}

function subtractNodes(a: FieldSet, b: FieldSet): FieldSet | undefined {
  const children = difference(a, b)
  if (SELF in children) return isMember(b) ? normalized(children, false) : normalized(children, true)
  if (isEmptySet(a)) return isMember(b) ? undefined : a
  return isEmptySet(children) ? undefined : children
}

/** A node from its children, with or without membership: collapses `{".":{}}` to a leaf and nothing to undefined. */
function normalized(node: FieldSet, member: boolean): FieldSet | undefined {
  if (!hasChildren(node)) return member ? LEAF : undefined
  if (member) return SELF in node ? node : { [SELF]: LEAF, ...node }
  if (!(SELF in node)) return node
  const rest: Children = { ...node }
  delete rest[SELF]
  return rest
}

/** The members of `a` that neither are members of `b` nor lie below one. */
export function recursiveDifference(a: FieldSet, b: FieldSet): FieldSet {
  return withoutCommon(a, b, (left, right) => (isMember(right) ? undefined : emptied(left, recursiveDifference(left, right))))
}

/** What is left of a node after children went: a node that lost all of them is no member, unless it was one before. */
function emptied(before: FieldSet, after: FieldSet): FieldSet | undefined {
  return after === before ? before : normalized(after, SELF in after)
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const result: Children = {}
  for (const key in a) {
    const right = b[key]
    if (key === SELF || right === undefined) continue
    const left = a[key] as FieldSet
    const node = left === right ? left : normalized(intersection(left, right), isMember(left) && isMember(right))
    if (node !== undefined) result[key] = node
  }
  return result
}

/** Every member of `a` is one of `b`. */
export function isSubset(a: FieldSet, b: FieldSet): boolean {
  for (const key in a) {
    if (key === SELF) continue
    const [left, right] = [a[key] as FieldSet, b[key]]
    if (left === right) continue
    if (right === undefined || (isMember(left) && !isMember(right)) || !isSubset(left, right)) return false
  }
  return true
}

export function equalSets(a: FieldSet, b: FieldSet): boolean {
  return a === b || (isSubset(a, b) && isSubset(b, a))
}

/** Members of each level in order, then what lies below: the order in which conflicts are reported. */
export function* members(set: FieldSet, prefix: readonly string[] = []): Generator<readonly string[]> {
  const keys = Object.keys(set)
    .filter((key) => key !== SELF)
    .sort()
  for (const key of keys) if (isMember(set[key] as FieldSet)) yield [...prefix, key]
  for (const key of keys) yield* members(set[key] as FieldSet, [...prefix, key])
}

export function hasPath(set: FieldSet, path: readonly string[]): boolean {
  let node: FieldSet | undefined = set
  for (const element of path) node = node?.[element]
  return node !== undefined && isMember(node)
}

/**
 * The same set with its keys in order, as it is written; itself when it is in order already. Plain text order puts `.` first and
 * fields before keys before values, which is the order of Kubernetes except among numbers.
 */
export function sorted(set: FieldSet): FieldSet {
  let result: Children | undefined
  let last = ''
  let isOrdered = true
  for (const key in set) {
    if (key < last) isOrdered = false
    last = key
    const node = set[key] as FieldSet
    if (node === LEAF) continue
    const inner = sorted(node)
    if (inner !== node) (result ??= { ...set })[key] = inner
  }
  if (isOrdered) return result ?? set
  const source = result ?? set
  const ordered: Children = {}
  for (const key of Object.keys(source).sort()) ordered[key] = source[key] as FieldSet
  return ordered
}
