import { createHash } from 'node:crypto'
import type { Secret } from '../../core/api/types/core-v1.ts'
import type { HelmChart, HelmChartConfig, ValuesSecret } from './types.ts'

/** Keys of the Secret `chart-values-NAME`. Source: helm-controller. */
export const VALUE_KEYS = {
  content: 'HelmChartValuesContent',
  values: 'HelmChartValues',
  repoCa: 'RepoCA',
  configContent: 'HelmChartConfigValuesContent',
  configValues: 'HelmChartConfigValues',
} as const

/** One file of the job's /config; name order is precedence order. */
export interface ValueFile {
  readonly secret: string
  readonly key: string
  readonly path: string
  readonly optional: boolean
}

/** Text of the own values Secret: what the chart and its config carry inline. Absent parts have no key. */
export function inlineValues(chart: HelmChart, config: HelmChartConfig | undefined): Readonly<Record<string, string>> {
  const { spec } = chart
  return withoutUndefined({
    [VALUE_KEYS.content]: spec?.valuesContent,
    [VALUE_KEYS.values]: toText(spec?.values),
    [VALUE_KEYS.repoCa]: spec?.repoCA,
    [VALUE_KEYS.configContent]: config?.spec?.valuesContent,
    [VALUE_KEYS.configValues]: toText(config?.spec?.values),
  })
}

/**
 * Files in the order of precedence, low to high: chart's valuesContent, values, valuesSecrets, then the same of the config.
 * `--set` of the chart beats them all on helm's command line.
 */
export function valueFiles(chart: HelmChart, config: HelmChartConfig | undefined): readonly ValueFile[] {
  const own = `chart-values-${chart.metadata.name}`
  const inline = inlineValues(chart, config)
  const files: ValueFile[] = []
  const add = (key: string, path: string): void => {
    if (key in inline) files.push({ secret: own, key, path, optional: false })
  }
  add(VALUE_KEYS.content, 'values-0-000-HelmChart-ValuesContent.yaml')
  add(VALUE_KEYS.values, 'values-0-001-HelmChart-Values.yaml')
  files.push(...secretFiles(chart.spec?.valuesSecrets, '0', 'HelmChart'))
  add(VALUE_KEYS.configContent, 'values-1-000-HelmChartConfig-ValuesContent.yaml')
  add(VALUE_KEYS.configValues, 'values-1-001-HelmChartConfig-Values.yaml')
  files.push(...secretFiles(config?.spec?.valuesSecrets, '1', 'HelmChartConfig'))
  add(VALUE_KEYS.repoCa, 'ca-file.pem')
  return files
}

function secretFiles(secrets: readonly ValuesSecret[] | undefined, rank: string, owner: string): readonly ValueFile[] {
  const keys = (secrets ?? []).flatMap((secret) =>
    (secret.keys ?? []).map((key) => ({ secret: secret.name, key, optional: secret.ignoreUpdates === true })),
  )
  return keys.map((file, at) => ({ ...file, path: `values-${rank}-${String(at + 2).padStart(3, '0')}-${owner}-ValuesSecret.yaml` }))
}

/** Names of the Secrets whose changes upgrade the release. */
export function watchedSecrets(chart: HelmChart, config: HelmChartConfig | undefined): readonly string[] {
  const all = [...(chart.spec?.valuesSecrets ?? []), ...(config?.spec?.valuesSecrets ?? [])]
  return [...new Set(all.filter((secret) => secret.ignoreUpdates !== true && (secret.keys ?? []).length > 0).map((secret) => secret.name))]
}

/** `SHA256=HEX` over all that decides what helm does; a change of it means a new job. */
export function configHash(parts: {
  readonly template: unknown
  readonly backoffLimit: number
  readonly inline: Readonly<Record<string, string>>
  readonly chartContent: string
  readonly secrets: readonly (Secret | undefined)[]
}): string {
  const secrets = parts.secrets.map((secret) => (secret === undefined ? null : [secret.metadata.name, sorted(secret.data ?? {})]))
  const text = JSON.stringify([parts.backoffLimit, parts.template, sorted(parts.inline), parts.chartContent, secrets])
  return `SHA256=${createHash('sha256').update(text).digest('hex').toUpperCase()}`
}

/** The form that fits a label of the helm release. */
export function hashLabel(hash: string): string {
  return hash
    .replace(/^SHA256=/, '')
    .toLowerCase()
    .slice(0, 63)
}

function sorted(record: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))
}

/** JSON is YAML; objects that are given as text stay as they are. */
function toText(values: unknown): string | undefined {
  if (values === undefined || values === null) return undefined
  return typeof values === 'string' ? values : JSON.stringify(values)
}

function withoutUndefined(record: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(record).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ''))
}
