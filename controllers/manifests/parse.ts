import { YAMLException } from 'js-yaml'
import { parseYaml } from '../../core/runtime/yaml.ts'
import type { PlainObject } from './object-set.ts'

/** The file cannot be used; nothing of it is applied, so that a half-read file never prunes. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError'
  readonly reason: 'ParseManifestFailed' | 'ValidateManifestFailed'

  constructor(reason: ManifestError['reason'], message: string) {
    super(message)
    this.reason = reason
  }
}

interface Part {
  readonly text: string
  /** Line of the file, from 1, on which the part begins. */
  readonly line: number
}

/**
 * Reads a manifest file: several YAML documents or JSON, Lists are taken apart, empty documents are skipped.
 * Throws ManifestError with file, line and reason.
 */
export function parseManifest(file: string, text: string): readonly PlainObject[] {
  return splitDocuments(text).flatMap((part) => {
    const value = parsePart(file, part)
    return value === null || value === undefined ? [] : expand(value).map((object) => checked(object, `${file}:${part.line}`))
  })
}

/** A document starts after a line that begins with three dashes, wherever it stands. */
function splitDocuments(text: string): readonly Part[] {
  const parts: Part[] = []
  let line = 1
  let begin = 1
  let lines: string[] = []
  for (const current of text.split('\n')) {
    if (/^---(\s|$)/.test(current)) {
      parts.push({ text: lines.join('\n'), line: begin })
      lines = [current.slice(3)]
      begin = line
    } else lines.push(current)
    line += 1
  }
  parts.push({ text: lines.join('\n'), line: begin })
  return parts.filter((part) =>
    part.text.split('\n').some((row) => row.trim() !== '' && !row.trim().startsWith('#') && !row.startsWith('...')),
  )
}

function parsePart(file: string, part: Part): unknown {
  try {
    return parseYaml(part.text)
  } catch (err) {
    const mark = err instanceof YAMLException ? (err as { mark?: { line?: number } }).mark : undefined
    const reason = (err as Error).message.split('\n')[0] ?? 'not YAML'
    throw new ManifestError('ParseManifestFailed', `${file}:${part.line + (mark?.line ?? 0)}: ${reason.replace(/ \(\d+:\d+\)$/, '')}`)
  }
}

function expand(value: unknown): readonly unknown[] {
  const list = value as { kind?: unknown; items?: unknown }
  const isList =
    typeof value === 'object' && value !== null && typeof list.kind === 'string' && list.kind.endsWith('List') && Array.isArray(list.items)
  return isList ? (list.items as readonly unknown[]).flatMap(expand) : [value]
}

function checked(value: unknown, place: string): PlainObject {
  const fail = (problem: string): never => {
    throw new ManifestError('ValidateManifestFailed', `${place}: ${problem}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fail('the document is not a Kubernetes object')
  const object = value as { apiVersion?: unknown; kind?: unknown; metadata?: { name?: unknown } | null }
  if (typeof object.apiVersion !== 'string' || object.apiVersion === '') return fail('apiVersion is missing')
  if (typeof object.kind !== 'string' || object.kind === '') return fail('kind is missing')
  if (typeof object.metadata?.name !== 'string' || object.metadata.name === '')
    return fail(`metadata.name of the ${object.kind} is missing`)
  return value as PlainObject
}
