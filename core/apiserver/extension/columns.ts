import type { CustomResourceColumnDefinition } from '../../api/types/apiextensions-v1.ts'
import { humanDuration } from '../../meta/duration.ts'
import type { KubeObject } from '../../meta/object.ts'
import type { Cell, Column } from '../resources/resource-def.ts'
import { AGE_COLUMN, created, NAME_COLUMN, type Table } from '../resources/table/table.ts'
import { compileJsonPath, type JsonPath } from './json-path.ts'

/**
 * Table of a custom kind: its name, then the columns of its definition, or its age when there are none.
 * Source: apiextensions, registry/customresource/tableconvertor.
 */
export function customTable(definitions: readonly CustomResourceColumnDefinition[] | undefined): Table<KubeObject> {
  if (definitions === undefined || definitions.length === 0) {
    return { columns: [NAME_COLUMN, AGE_COLUMN], toRow: (object, nowMs) => [object.metadata.name, created.cell(object, nowMs)] }
  }
  const cells = definitions.map((definition) => ({ type: definition.type, path: pathOf(definition.jsonPath) }))
  return {
    columns: [NAME_COLUMN, ...definitions.map(columnOf)],
    toRow: (object, nowMs) => [object.metadata.name, ...cells.map(({ type, path }) => cellOf(type, path(object), nowMs))],
  }
}

function columnOf({ name, type, format, description, priority }: CustomResourceColumnDefinition): Column {
  return {
    name,
    type: type as Column['type'],
    format: format ?? '',
    description: description ?? `Custom resource definition column (in JSONPath format): ${name}`,
    priority: priority ?? 0,
  }
}

/** A path that cannot be read was refused when the definition was made; an old one shows an empty cell. */
function pathOf(text: string): JsonPath {
  try {
    return compileJsonPath(text)
  } catch {
    // The cell of a path that this build does not know stays empty.
    return () => []
  }
}

function cellOf(type: string, values: readonly unknown[], nowMs: number): Cell {
  const [first] = values
  if (first === undefined || first === null) return null
  switch (type) {
    case 'string':
      return values.map(printed).join(' ')
    case 'date':
      return typeof first === 'string' ? ageOf(first, nowMs) : null
    case 'integer':
      return typeof first === 'number' ? Math.trunc(first) : null
    case 'number':
      return typeof first === 'number' ? first : null
    case 'boolean':
      return typeof first === 'boolean' ? first : null
    default:
      return null
  }
}

function printed(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null)
}

function ageOf(text: string, nowMs: number): string {
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? '<invalid>' : humanDuration(nowMs - ms)
}
