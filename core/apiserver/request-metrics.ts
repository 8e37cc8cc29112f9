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

/** All requests that differ in their outcome only. */
interface Series {
  readonly labels: Readonly<Record<string, string>>
  readonly codes: Map<number, number>
  /** Requests by the first of BUCKETS that was not exceeded. */
  readonly buckets: number[]
  seconds: number
  count: number
}

export function createRequestMetrics(): RequestMetrics {
  const all = new Map<string, Series>()
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
      const series = seriesOf(all, request)
      const { code, seconds } = request
      series.codes.set(code, (series.codes.get(code) ?? 0) + 1)
      series.seconds += seconds
      series.count += 1
      const bucket = BUCKETS.findIndex((bound) => seconds <= bound)
      if (bucket >= 0) series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1
    },
    rejected(kind) {
      rejected[kind] += 1
    },
    render() {
      const lines = [
        ...requestLines([...all.values()]),
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

function requestLines(all: readonly Series[]): string[] {
  return [
    ...header(
      'apiserver_request_total',
      'counter',
      'Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.',
    ),
    ...all.flatMap(totalLines),
    ...header(
      'apiserver_request_duration_seconds',
      'histogram',
      'Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.',
    ),
    // A watch lasts as long as its client likes.
    ...all.filter(({ labels }) => labels['verb'] !== 'WATCH').flatMap(histogramLines),
  ]
}

function seriesOf(all: Map<string, Series>, request: FinishedRequest): Series {
  const { verb, group, version, resource, subresource, scope, dryRun } = request
  const key = `${verb} ${group}/${version}/${resource}/${subresource} ${scope} ${dryRun ? 'dry' : ''}`
  let series = all.get(key)
  if (series === undefined) {
    const labels = { component: 'apiserver', dry_run: dryRun ? 'All' : '', group, resource, scope, subresource, verb, version }
    series = { labels, codes: new Map(), buckets: new Array<number>(BUCKETS.length).fill(0), seconds: 0, count: 0 }
    all.set(key, series)
  }
  return series
}

function totalLines({ labels, codes }: Series): string[] {
  return [...codes].map(([code, count]) => `apiserver_request_total{${labelText({ code: String(code), ...labels })}} ${count}`)
}

function histogramLines({ labels, buckets, seconds, count }: Series): string[] {
  let running = 0
  const name = 'apiserver_request_duration_seconds'
  const text = labelText(labels)
  const lines = BUCKETS.map((bound, index) => {
    running += buckets[index] ?? 0
    return `${name}_bucket{${text},le="${bound}"} ${running}`
  })
  return [...lines, `${name}_bucket{${text},le="+Inf"} ${count}`, `${name}_sum{${text}} ${seconds}`, `${name}_count{${text}} ${count}`]
}

function header(name: string, type: string, help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`]
}

function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`))}"`)
    .join(',')
}
