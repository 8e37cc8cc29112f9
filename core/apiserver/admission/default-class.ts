import type { KubeObject } from '../../meta/object.ts'
import type { ObjectReader } from './admission.ts'

/** The class that is marked as default; the newest, then the first by name, when several are. */
export function defaultClass<T extends KubeObject>(
  reader: ObjectReader,
  type: { readonly group: string; readonly resource: string },
  annotations: readonly string[],
): T | undefined {
  const marked = reader.list<T>(type).filter(({ metadata }) => annotations.some((key) => metadata.annotations?.[key] === 'true'))
  return [...marked].sort(
    (a, b) => compare(b.metadata.creationTimestamp, a.metadata.creationTimestamp) || compare(a.metadata.name, b.metadata.name),
  )[0]
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
