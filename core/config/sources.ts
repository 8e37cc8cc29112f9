import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadAll } from 'js-yaml'
import { type Command, FLAGS, type Flag, IDLE_FLAGS, UNSUPPORTED_FLAGS } from './flags.ts'

/** Values by flag name, strings as on a command line. */
export type RawValues = ReadonlyMap<string, readonly string[]>

export interface Sourced {
  readonly values: RawValues
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
}

/** Reads `K3TS_<NAME>` and, when that is absent, `K3S_<NAME>`. */
export function fromEnvironment(env: Readonly<Record<string, string | undefined>>, command: Command): RawValues {
  const values = new Map<string, readonly string[]>()
  for (const flag of flagsOf(command)) {
    if (flag.env === undefined) continue
    const value = env[`K3TS_${flag.env}`] ?? env[`K3S_${flag.env}`]
    if (value !== undefined && value !== '') values.set(flag.name, [value])
  }
  return values
}

/**
 * Reads FILE and then FILE.d/*.yaml and *.yml in alphabetical order. A key replaces what was collected; `key+` appends.
 * Keys of other commands are dropped with a warning, so that one file serves server and agent; keys of none are a problem. Source: K3s docs, configuration file.
 */
export function fromFiles(path: string, command: Command, explicit: boolean): Sourced {
  const values = new Map<string, readonly string[]>()
  const problems: string[] = []
  const warnings: string[] = []
  for (const file of configFiles(path)) {
    const read = readYamlMap(file, explicit && file === path)
    if (read.problem !== undefined) problems.push(read.problem)
    for (const [rawKey, rawValue] of Object.entries(read.map)) {
      const append = rawKey.endsWith('+')
      const flag = flagOf(append ? rawKey.slice(0, -1) : rawKey, command)
      if (flag === undefined) {
        const name = rawKey.replace(/\+$/, '')
        const idle = Object.hasOwn(IDLE_FLAGS, name) ? IDLE_FLAGS[name] : undefined
        if (idle !== undefined) warnings.push(`${file}: "${name}" has no effect: ${idle}`)
        else if (UNSUPPORTED_FLAGS.includes(name)) problems.push(`${file}: "${name}" is not supported by this version of k3ts; remove it`)
        else if (FLAGS.some((known) => known.name === name)) warnings.push(`${file}: "${rawKey}" is for other commands and is ignored`)
        else problems.push(`${file}: unknown key "${rawKey}"; \`k3ts ${command} --help\` lists what can stand there`)
        continue
      }
      const problem = shapeProblem(rawValue, flag)
      if (problem !== undefined) {
        problems.push(`${file}: "${rawKey}" ${problem}`)
        continue
      }
      const list = (Array.isArray(rawValue) ? rawValue : [rawValue]).map(String)
      values.set(flag.name, append ? [...(values.get(flag.name) ?? []), ...list] : list)
    }
  }
  return { values, problems, warnings }
}

/** What is wrong with the shape of a value from a file; whether the value itself makes sense is seen later, as on the command line. */
function shapeProblem(value: unknown, flag: Flag): string | undefined {
  const isScalar = (item: unknown): boolean => ['string', 'number', 'boolean'].includes(typeof item)
  if (Array.isArray(value) && flag.type !== 'list') return 'takes one value, not a list'
  if (Array.isArray(value) ? value.every(isScalar) : isScalar(value)) return undefined
  if (value === null) return 'has no value; give one or remove the key'
  return `takes ${flag.type === 'list' ? 'a list of values' : 'one value'}, not a map`
}

/** The flags that a command knows. */
export function flagsOf(command: Command): readonly Flag[] {
  return FLAGS.filter((flag) => flag.commands.includes(command))
}

function flagOf(key: string, command: Command): Flag | undefined {
  return flagsOf(command).find((flag) => flag.name === key || flag.short === key)
}

function configFiles(path: string): readonly string[] {
  let dropIns: string[] = []
  try {
    dropIns = readdirSync(`${path}.d`)
      .filter((name) => /\.ya?ml$/.test(name))
      .sort()
  } catch {
    // no drop-in folder: the usual case
  }
  return [path, ...dropIns.map((name) => join(`${path}.d`, name))]
}

function readYamlMap(file: string, mustExist: boolean): { readonly map: Readonly<Record<string, unknown>>; readonly problem?: string } {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (err) {
    const absent = (err as NodeJS.ErrnoException).code === 'ENOENT'
    return absent && !mustExist
      ? { map: {} }
      : { map: {}, problem: `cannot read the configuration file ${file}: ${(err as Error).message}` }
  }
  try {
    const parsed: unknown = loadAll(text)[0]
    if (parsed === null || parsed === undefined) return { map: {} }
    if (typeof parsed === 'object' && !Array.isArray(parsed)) return { map: parsed as Record<string, unknown> }
    return { map: {}, problem: `${file}: expected a map of flag names to values` }
  } catch (err) {
    return { map: {}, problem: `${file}: ${(err as Error).message.split('\n')[0] ?? 'not YAML'}` }
  }
}
