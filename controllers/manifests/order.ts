import { gvkOf, type PlainObject } from './object-set.ts'

/** What others stand on goes first; the rest keeps the order of the file, kind by kind. */
const FIRST = [
  'Namespace',
  'CustomResourceDefinition',
  'PriorityClass',
  'StorageClass',
  'ServiceAccount',
  'ClusterRole',
  'Role',
  'ClusterRoleBinding',
  'RoleBinding',
  'Secret',
  'ConfigMap',
]

/** Groups by kind in order of first appearance, dependencies first; inside a kind by namespace and name. */
export function applyOrder(objects: readonly PlainObject[]): readonly PlainObject[] {
  const seen = [...new Set(objects.map(gvkOf))]
  const rank = (object: PlainObject): number => {
    const first = FIRST.indexOf(object.kind)
    return first >= 0 ? first : FIRST.length + seen.indexOf(gvkOf(object))
  }
  const place = (object: PlainObject): string => `${object.metadata.namespace ?? ''}/${object.metadata.name}`
  return [...objects].sort((a, b) => rank(a) - rank(b) || (place(a) < place(b) ? -1 : 1))
}
