/** A binary heap with removal by key; the element for which `before` says true against all others comes first. */
export class Heap<K, T> {
  readonly #before: (a: T, b: T) => boolean
  readonly #keyOf: (item: T) => K
  readonly #items: T[] = []
  readonly #places = new Map<K, number>()

  constructor(keyOf: (item: T) => K, before: (a: T, b: T) => boolean) {
    this.#keyOf = keyOf
    this.#before = before
  }

  get size(): number {
    return this.#items.length
  }

  peek(): T | undefined {
    return this.#items[0]
  }

  get(key: K): T | undefined {
    const place = this.#places.get(key)
    return place === undefined ? undefined : this.#items[place]
  }

  /** Replaces what stands under the same key. */
  push(item: T): void {
    this.remove(this.#keyOf(item))
    this.#items.push(item)
    this.#places.set(this.#keyOf(item), this.#items.length - 1)
    this.#rise(this.#items.length - 1)
  }

  pop(): T | undefined {
    const first = this.#items[0]
    if (first !== undefined) this.remove(this.#keyOf(first))
    return first
  }

  remove(key: K): T | undefined {
    const place = this.#places.get(key)
    if (place === undefined) return undefined
    const removed = this.#items[place]
    const last = this.#items.pop()
    this.#places.delete(key)
    if (last !== undefined && place < this.#items.length) {
      this.#items[place] = last
      this.#places.set(this.#keyOf(last), place)
      this.#rise(place)
      this.#sink(place)
    }
    return removed
  }

  #rise(start: number): void {
    let place = start
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (!this.#isBefore(place, parent)) return
      this.#swap(place, parent)
      place = parent
    }
  }

  #sink(start: number): void {
    let place = start
    for (;;) {
      let first = place
      for (const child of [2 * place + 1, 2 * place + 2]) if (child < this.#items.length && this.#isBefore(child, first)) first = child
      if (first === place) return
      this.#swap(place, first)
      place = first
    }
  }

  #isBefore(a: number, b: number): boolean {
    return this.#before(this.#items[a] as T, this.#items[b] as T)
  }

  #swap(a: number, b: number): void {
    const [left, right] = [this.#items[a] as T, this.#items[b] as T]
    this.#items[a] = right
    this.#items[b] = left
    this.#places.set(this.#keyOf(right), a)
    this.#places.set(this.#keyOf(left), b)
  }
}
