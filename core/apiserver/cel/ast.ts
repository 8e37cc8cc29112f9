import type { Value } from './values.ts'

/** Where a node starts in its expression, counted in UTF-16 units. */
interface At {
  readonly at: number
}

/** The form of an expression after parsing. Operators are calls of names such as `_+_`; macros keep their names. */
export type Expr =
  | (At & { readonly kind: 'literal'; readonly value: Value })
  | (At & { readonly kind: 'name'; readonly name: string })
  | (At & { readonly kind: 'select'; readonly operand: Expr; readonly field: string; readonly optional: boolean })
  | (At & { readonly kind: 'has'; readonly operand: Expr; readonly field: string })
  | (At & { readonly kind: 'index'; readonly operand: Expr; readonly index: Expr; readonly optional: boolean })
  | (At & { readonly kind: 'call'; readonly name: string; readonly target: Expr | undefined; readonly args: readonly Expr[] })
  | (At & { readonly kind: 'list'; readonly items: readonly Item[] })
  | (At & { readonly kind: 'map'; readonly entries: readonly Entry[] })
  | Macro

/** `target.name(vars…, args…)`, where `vars` are names that `args` see. */
export interface Macro extends At {
  readonly kind: 'macro'
  readonly name: string
  readonly target: Expr
  readonly vars: readonly string[]
  readonly args: readonly Expr[]
}

/** `optional`: written with a question mark, so an absent value leaves the place out. */
export interface Item {
  readonly value: Expr
  readonly optional: boolean
}

export interface Entry extends Item {
  readonly key: Expr
}
