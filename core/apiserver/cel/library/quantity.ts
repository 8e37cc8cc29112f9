import { readQuantity } from '../../../meta/quantity.ts'
import { EvaluationError } from '../issue.ts'
import { global, method, type Overload } from '../overload.ts'
import { BOOL, DOUBLE, INT, opaque, STRING } from '../types.ts'
import { Opaque } from '../values.ts'

const NANO = 1_000_000_000n

class QuantityValue extends Opaque {
  override readonly type = 'kubernetes.Quantity'
  readonly nano: bigint
  constructor(nano: bigint) {
    super()
    this.nano = nano
  }
  override same(other: Opaque): boolean {
    return other instanceof QuantityValue && other.nano === this.nano
  }
}

function parse(text: string): QuantityValue {
  const read = readQuantity(text)
  if (typeof read === 'string') throw new EvaluationError(read)
  return new QuantityValue(read.nano)
}

function asInteger({ nano }: QuantityValue): bigint {
  if (nano % NANO !== 0n) throw new EvaluationError('cannot convert value to integer')
  return nano / NANO
}

const sign = (value: bigint): bigint => (value > 0n ? 1n : value < 0n ? -1n : 0n)
const QUANTITY = opaque<QuantityValue>('kubernetes.Quantity')

/** Resource quantities. Source: apiserver, cel/library/quantity. */
export const QUANTITIES: readonly Overload[] = [
  global('quantity', [STRING], QUANTITY, parse),
  global('isQuantity', [STRING], BOOL, (text) => typeof readQuantity(text) !== 'string'),
  method('sign', [QUANTITY], INT, ({ nano }) => sign(nano)),
  method('isInteger', [QUANTITY], BOOL, ({ nano }) => nano % NANO === 0n),
  method('asInteger', [QUANTITY], INT, asInteger),
  method('asApproximateFloat', [QUANTITY], DOUBLE, ({ nano }) => Number(nano) / Number(NANO)),
  method('isGreaterThan', [QUANTITY, QUANTITY], BOOL, (a, b) => a.nano > b.nano),
  method('isLessThan', [QUANTITY, QUANTITY], BOOL, (a, b) => a.nano < b.nano),
  method('compareTo', [QUANTITY, QUANTITY], INT, (a, b) => sign(a.nano - b.nano)),
  method('add', [QUANTITY, QUANTITY], QUANTITY, (a, b) => new QuantityValue(a.nano + b.nano)),
  method('add', [QUANTITY, INT], QUANTITY, (a, b) => new QuantityValue(a.nano + b * NANO)),
  method('sub', [QUANTITY, QUANTITY], QUANTITY, (a, b) => new QuantityValue(a.nano - b.nano)),
  method('sub', [QUANTITY, INT], QUANTITY, (a, b) => new QuantityValue(a.nano - b * NANO)),
]
