import { formatQuantity, parseQuantity, readQuantity, roundUpToMilli } from '../../meta/quantity.ts'

type Quantities = Record<string, string>

/** Values finer than a thousandth are rounded up, as resource lists are stored. */
export function roundQuantities(list: Quantities | undefined): void {
  if (list === undefined) return
  for (const key in list) {
    const text = list[key]
    // Only values with a fraction in them, or a suffix below milli, can be finer than a thousandth.
    if (text !== undefined && /[.nue]/.test(text) && typeof readQuantity(text) !== 'string')
      list[key] = formatQuantity(roundUpToMilli(parseQuantity(text)))
  }
}

/** Rounds both lists of a resource requirement. */
export function roundRequirements(resources: { limits?: Quantities | undefined; requests?: Quantities | undefined } | undefined): void {
  if (resources === undefined) return
  roundQuantities(resources.limits)
  roundQuantities(resources.requests)
}
