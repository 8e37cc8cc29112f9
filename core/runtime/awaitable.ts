/**
 * A value that may be here already. What answers from memory says so by not being a promise: on the path of a request each
 * turn through the microtask queue costs more than the answer itself.
 */
export type Awaitable<T> = T | Promise<T>

/** Goes on with the value: at once when it is here, else when it arrives. */
export function after<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return value instanceof Promise ? value.then(next) : next(value)
}

/** The value of `run`, or what `onError` makes of its failure, thrown or rejected. */
export function recover<T>(run: () => Awaitable<T>, onError: (err: unknown) => Awaitable<T>): Awaitable<T> {
  try {
    const value = run()
    return value instanceof Promise ? value.catch(onError) : value
  } catch (err) {
    return onError(err)
  }
}

/** The value of `run`; `last` is called when it is here or has failed. */
export function lastly<T>(run: () => Awaitable<T>, last: () => void): Awaitable<T> {
  let value: Awaitable<T>
  try {
    value = run()
  } catch (err) {
    last()
    throw err
  }
  if (value instanceof Promise) return value.finally(last)
  last()
  return value
}
