import type { PodTemplateSpec } from '../../core/api/types/core-v1.ts'
import { deepEqual } from '../../core/meta/deep-equal.ts'
import { safeEncode } from '../../core/meta/generate-name.ts'

export const POD_TEMPLATE_HASH = 'pod-template-hash'

/**
 * Short name of a template: the same for equal templates whatever the order of their keys. `collisionCount` is mixed
 * in when a name turned out to be taken by another template.
 */
export function templateHash(template: PodTemplateSpec, collisionCount = 0): string {
  return hashOf(template, collisionCount === 0 ? '' : String(collisionCount))
}

/** FNV-1a over canonical JSON, in the letters of generated names. */
export function hashOf(value: unknown, salt = ''): string {
  return safeEncode(String(fnv32a(`${canonicalJson(value)}${salt}`)))
}

/** Equal but for the hash label that the controller itself adds. */
export function sameTemplate(a: PodTemplateSpec, b: PodTemplateSpec): boolean {
  return deepEqual(withoutHash(a), withoutHash(b))
}

function withoutHash(template: PodTemplateSpec): unknown {
  const labels: Record<string, string | undefined> = { ...template.metadata.labels, [POD_TEMPLATE_HASH]: undefined }
  return { ...template, metadata: { ...template.metadata, labels } }
}

/** JSON with sorted keys and without undefined values. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value)
    .filter(([, child]) => child !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, child]) => `${JSON.stringify(key)}:${canonicalJson(child)}`).join(',')}}`
}

/** 32-bit FNV-1a over UTF-8. Source: draft-eastlake-fnv. */
export function fnv32a(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(text, 'utf8')) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}
