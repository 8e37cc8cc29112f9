import type { ControllerContext, ControllerEntry } from './context.ts'
import type { Controller } from './controller.ts'

/**
 * Builds the controllers that `--controllers` asks for: `*` stands for all that are on by default, `name` turns one on,
 * `-name` turns one off. Throws an Error for names that are not in the table.
 */
export function selectControllers(
  table: readonly ControllerEntry[],
  wanted: readonly string[],
  contextFor: (entry: ControllerEntry) => ControllerContext,
): readonly Controller[] {
  const known = new Set(table.map(({ name }) => name))
  const unknown = wanted.map((name) => name.replace(/^-/, '')).filter((name) => name !== '*' && !known.has(name))
  if (unknown.length > 0) throw new Error(`unknown controllers: ${unknown.join(', ')}`)
  const isOn = ({ name, byDefault }: ControllerEntry): boolean => {
    if (wanted.includes(`-${name}`)) return false
    return wanted.includes(name) || (byDefault && wanted.includes('*'))
  }
  return table
    .filter(isOn)
    .map((entry) => entry.create(contextFor(entry)))
    .filter((controller) => controller !== undefined)
}
