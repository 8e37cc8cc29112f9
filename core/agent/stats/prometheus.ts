/** One value of a metric in Prometheus' text form. */
export interface Sample {
  /** With braces, such as `{pod="a"}`; empty without labels. */
  readonly labels: string
  readonly value: number
  readonly atMs?: number | undefined
}

export interface Metric {
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly help: string
  readonly samples: readonly Sample[]
}

/** The text of one metric; nothing for one without values. */
export function metricText({ name, type, help, samples }: Metric): string {
  if (samples.length === 0) return ''
  const lines = samples.map(({ labels, value, atMs }) => `${name}${labels} ${value}${atMs === undefined ? '' : ` ${Math.round(atMs)}`}\n`)
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
}

export function labelText(labels: Readonly<Record<string, string>>): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (found) => ESCAPES[found] ?? found)}"`)
  return `{${parts.join(',')}}`
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' }
