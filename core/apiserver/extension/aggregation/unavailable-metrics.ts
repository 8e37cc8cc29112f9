import type { Availability } from './availability.ts'

/** How often, and whether now, the servers behind APIServices are not available, in Prometheus' text form. */
export class UnavailableMetrics {
  readonly #now = new Map<string, number>()
  readonly #total = new Map<string, number>()

  /** Called with the outcome of each check. */
  note(name: string, { status, reason }: Availability): void {
    const isAvailable = status === 'True'
    this.#now.set(name, isAvailable ? 0 : 1)
    if (isAvailable) return
    const labels = `name="${name}",reason="${reason}"`
    this.#total.set(labels, (this.#total.get(labels) ?? 0) + 1)
  }

  /** An APIService that is gone is neither; what was counted stays. */
  forget(name: string): void {
    this.#now.delete(name)
  }

  /** Source: kube-aggregator, metrics of the availability controller. */
  render(): string {
    if (this.#now.size === 0 && this.#total.size === 0) return ''
    return [
      '# HELP aggregator_unavailable_apiservice [ALPHA] 1 while the server behind an APIService is not available, else 0.',
      '# TYPE aggregator_unavailable_apiservice gauge',
      ...[...this.#now].map(([name, value]) => `aggregator_unavailable_apiservice{name="${name}"} ${value}`),
      '# HELP aggregator_unavailable_apiservice_total [ALPHA] Checks that found the server behind an APIService not available, by reason.',
      '# TYPE aggregator_unavailable_apiservice_total counter',
      ...[...this.#total].map(([labels, value]) => `aggregator_unavailable_apiservice_total{${labels}} ${value}`),
      '',
    ].join('\n')
  }
}
