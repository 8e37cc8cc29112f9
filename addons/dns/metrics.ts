const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED']

/** Counters under CoreDNS's names, in the text format of Prometheus. */
export class Metrics {
  readonly #requests = new Map<string, number>()
  readonly #responses = new Map<string, number>()

  answered(via: 'udp' | 'tcp', rcode: number): void {
    bump(this.#requests, `proto="${via}"`)
    bump(this.#responses, `rcode="${RCODES[rcode] ?? String(rcode)}"`)
  }

  text(): string {
    return [
      ...family('coredns_dns_requests_total', 'Counter of DNS requests made per protocol.', this.#requests),
      ...family('coredns_dns_responses_total', 'Counter of response status codes.', this.#responses),
      '# TYPE process_resident_memory_bytes gauge',
      `process_resident_memory_bytes ${process.memoryUsage.rss()}`,
      '',
    ].join('\n')
  }
}

function bump(counts: Map<string, number>, labels: string): void {
  counts.set(labels, (counts.get(labels) ?? 0) + 1)
}

function family(name: string, help: string, counts: ReadonlyMap<string, number>): readonly string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} counter`, ...[...counts].map(([labels, value]) => `${name}{${labels}} ${value}`)]
}
