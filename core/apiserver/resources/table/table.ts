import type { KubeObject } from '../../../meta/object.ts'
import type { Cell, Column } from '../resource-def.ts'
import { age } from './cells.ts'

/** Columns and the cells under them, in the same order. */
export interface Table<T> {
  readonly columns: readonly Column[]
  readonly toRow: (object: T, nowMs: number) => readonly Cell[]
  readonly rowConditions?: (object: T) => readonly unknown[]
}

/** One column with the rule that fills it. */
export interface ColumnRule<T> {
  readonly column: Column
  readonly cell: (object: T, nowMs: number) => Cell
}

type CellRule<T> = (object: T, nowMs: number) => Cell
type Options = Partial<Omit<Column, 'name'>>

/** A column shown by default; `options.priority` 1 hides it unless the client asks for the wide form. */
export function column<T>(name: string, cell: CellRule<T>, options: Options = {}): ColumnRule<T> {
  return { column: columnOf(name, options), cell }
}

/** A column that clients show in the wide form only. */
export function wide<T>(name: string, cell: CellRule<T>, options: Options = {}): ColumnRule<T> {
  return column(name, cell, { ...options, priority: 1 })
}

export function columnOf(name: string, options: Options = {}): Column {
  return { name, type: 'string', format: '', description: '', priority: 0, ...options }
}

export const INTEGER: Options = { type: 'integer' }

const NAME_TEXT = 'Name is unique within a namespace and is set by whoever creates the object.'
const AGE_TEXT = 'Time since the object was created on the server.'

export const NAME_COLUMN: Column = columnOf('Name', { format: 'name', description: NAME_TEXT })
export const AGE_COLUMN: Column = columnOf('Age', { description: AGE_TEXT })

/** First column of nearly every kind. */
export const name: ColumnRule<KubeObject> = { column: NAME_COLUMN, cell: (object) => object.metadata.name }

/** Time since creation. */
export const created: ColumnRule<KubeObject> = {
  column: AGE_COLUMN,
  cell: (object, nowMs) => age(object.metadata.creationTimestamp, nowMs),
}

/** Columns and the cells of a row, from one rule a column. */
export function table<T>(...rules: readonly ColumnRule<T>[]): Table<T> {
  const cells = rules.map((rule) => rule.cell)
  return { columns: rules.map((rule) => rule.column), toRow: (object, nowMs) => cells.map((cell) => cell(object, nowMs)) }
}

/** What Kubernetes prints for kinds without columns of their own. */
export const defaultTable: Table<KubeObject> = table<KubeObject>(
  name,
  column('Created At', (object) => object.metadata.creationTimestamp, { type: 'date', description: AGE_TEXT }),
)
