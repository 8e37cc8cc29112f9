/** One finished request, as metrics and audit see it. */
export interface FinishedRequest {
  readonly verb: string
  readonly group: string
  readonly version: string
  readonly resource: string
  readonly subresource: string
  /** cluster, namespace, resource or empty. */
  readonly scope: string
  readonly dryRun: boolean
  readonly code: number
  readonly seconds: number
}

/**
 * Counts requests under the names of kube-apiserver. A request costs one map look-up and a few additions; text is made
 * when somebody scrapes. Source: apiserver, endpoints/metrics.
 */
export interface RequestMetrics {
  /** `change` is 1 when a request begins and -1 when it ends. */
  inFlight(kind: 'readOnly' | 'mutating', change: 1 | -1): void
  longRunning(
    labels: {
      readonly verb: string
      readonly group: string
      readonly version: string
      readonly resource: string
      readonly subresource: string
    },
    change: 1 | -1,
  ): void
  observe(request: FinishedRequest): void
  /** A request that was turned away because too many were under way. */
  rejected(kind: 'readOnly' | 'mutating'): void
  /** Prometheus text exposition. */
  render(): string
}

/** Upper bounds in seconds. Source: apiserver_request_duration_seconds. */
const BUCKETS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60]

interface Durations {
  readonly labels: string
  readonly counts: number[]
  sum: number
  count: number
}

export function createRequestMetrics(): RequestMetrics {
  const totals = new Map<string, { readonly labels: string; count: number }>()
  const durations = new Map<string, Durations>()
  const inFlight = { readOnly: 0, mutating: 0 }
  const rejected = { readOnly: 0, mutating: 0 }
  const longRunning = new Map<string, number>()
  return {
    inFlight(kind, change) {
      inFlight[kind] += change
    },
    longRunning({ verb, group, version, resource, subresource }, change) {
      const labels = labelText({ group, resource, scope: '', subresource, verb, version })
      longRunning.set(labels, (longRunning.get(labels) ?? 0) + change)
    },
    observe(request) {
      count(totals, request)
      if (request.verb !== 'WATCH') time(durations, request)
    },
    rejected(kind) {
      rejected[kind] += 1
    },
    render() {
      const lines = [
        ...header(
          'apiserver_request_total',
          'counter',
          'Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.',
        ),
        ...[...totals.values()].map(({ labels, count }) => `apiserver_request_total{${labels}} ${count}`),
        ...header(
          'apiserver_request_duration_seconds',
          'histogram',
          'Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.',
        ),
        ...[...durations.values()].flatMap(histogramLines),
        ...header(
          'apiserver_current_inflight_requests',
          'gauge',
          'Maximal number of currently used inflight request limit of this apiserver per request kind in last second.',
        ),
        ...Object.entries(inFlight).map(([kind, value]) => `apiserver_current_inflight_requests{request_kind="${kind}"} ${value}`),
        ...header(
          'apiserver_longrunning_requests',
          'gauge',
          'Gauge of all active long-running apiserver requests broken out by verb, group, version, resource, scope and component.',
        ),
        ...[...longRunning].map(([labels, value]) => `apiserver_longrunning_requests{${labels}} ${value}`),
        ...header('apiserver_dropped_requests_total', 'counter', 'Number of requests dropped with "Try again later" response.'),
        ...Object.entries(rejected).map(([kind, value]) => `apiserver_dropped_requests_total{request_kind="${kind}"} ${value}`),
      ]
      return `${lines.join('\n')}\n`
    },
  }
}

function count(totals: Map<string, { readonly labels: string; count: number }>, request: FinishedRequest): void {
  const { verb, group, version, resource, subresource, scope, dryRun, code } = request
  const key = `${verb} ${group}/${version}/${resource}/${subresource} ${scope} ${String(dryRun)} ${code}`
  let total = totals.get(key)
  if (total === undefined) {
    const labels = labelText({
      code: String(code),
      component: 'apiserver',
      dry_run: dryRun ? 'All' : '',
      group,
      resource,
      scope,
      subresource,
      verb,
      version,
    })
    totals.set(key, (total = { labels, count: 0 }))
  }
  total.count += 1
}

function time(durations: Map<string, Durations>, request: FinishedRequest): void {
  const { verb, group, version, resource, subresource, scope, dryRun, seconds } = request
  const key = `${verb} ${group}/${version}/${resource}/${subresource} ${scope} ${String(dryRun)}`
  let found = durations.get(key)
  if (found === undefined) {
    const labels = labelText({ component: 'apiserver', dry_run: dryRun ? 'All' : '', group, resource, scope, subresource, verb, version })
    durations.set(key, (found = { labels, counts: new Array<number>(BUCKETS.length).fill(0), sum: 0, count: 0 }))
  }
  found.sum += seconds
  found.count += 1
  const bucket = BUCKETS.findIndex((bound) => seconds <= bound)
  if (bucket >= 0) found.counts[bucket] = (found.counts[bucket] ?? 0) + 1
}

function histogramLines({ labels, counts, sum, count: total }: Durations): string[] {
  let running = 0
  const name = 'apiserver_request_duration_seconds'
  const buckets = BUCKETS.map((bound, index) => {
    running += counts[index] ?? 0
    return `${name}_bucket{${labels},le="${bound}"} ${running}`
  })
  return [...buckets, `${name}_bucket{${labels},le="+Inf"} ${total}`, `${name}_sum{${labels}} ${sum}`, `${name}_count{${labels}} ${total}`]
}

function header(name: string, type: string, help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`]
}

function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`))}"`)
    .join(',')
}
