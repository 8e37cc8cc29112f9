/** Entry point of the command line: parses arguments; what a command does is loaded when it runs. */
import { Command, CommanderError, Option } from 'commander'
import { type Flag, type Command as FlagCommand, IDLE_FLAGS, UNSUPPORTED_FLAGS } from '../config/flags.ts'
import { ConfigError } from '../config/parse.ts'
import { flagsOf } from '../config/sources.ts'
import { productVersion } from './version.ts'

/** Commands of K3s that this version has not. */
const ABSENT: ReadonlySet<string> = new Set([
  'agent',
  'etcd-snapshot',
  'secrets-encrypt',
  'token',
  'certificate',
  'check-config',
  'completion',
])

/** Exit codes: 0 done, 1 failed, 2 the command line or configuration is wrong. */
export async function main(argv: readonly string[]): Promise<number> {
  const outcome = { code: 0 }
  try {
    refuseAbsent(argv[0] ?? '')
    await program(outcome).parseAsync(argv.length === 0 ? ['--help'] : argv, { from: 'user' })
    return outcome.code
  } catch (err) {
    if (err instanceof CommanderError) return err.exitCode === 0 ? 0 : 2
    process.stderr.write(`k3ts: ${err instanceof ConfigError ? err.problems.join('\nk3ts: ') : (err as Error).message}\n`)
    return err instanceof ConfigError ? 2 : 1
  }
}

function refuseAbsent(command: string): void {
  if (ABSENT.has(command))
    throw new ConfigError([`"${command}" of K3s is not part of this version; "Not there yet" in the README tells what is not`])
}

function program(outcome: { code: number }): Command {
  const root = new Command('k3ts')
    .description('A lightweight Kubernetes: one process over SQLite, driving real containerd.')
    .version(`k3ts version ${productVersion()} (node ${process.version})`, '--version', 'print the version')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'k3ts: ')) })
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', "\nTools (run with the cluster's own settings):\n  kubectl, helm, ctr, crictl   k3ts kubectl get nodes")
  const server = root.command('server').description('run the control plane and, unless told otherwise, a node').exitOverride()
  addFlags(server, 'server')
  server.action(async (options: Readonly<Record<string, unknown>>) => {
    refuseUnsupported(options)
    const { runServer } = await import('./server-command.ts')
    outcome.code = await runServer(givenFlags(options, 'server'))
  })
  return root
}

function addFlags(command: Command, name: FlagCommand): void {
  for (const flag of flagsOf(name)) command.addOption(optionOf(flag))
  for (const other of [...UNSUPPORTED_FLAGS, ...Object.keys(IDLE_FLAGS)]) command.addOption(new Option(`--${other} [value]`).hideHelp())
}

/** Flags that K3s has and this version has not: refused by name, so that nobody believes they took effect. */
function refuseUnsupported(options: Readonly<Record<string, unknown>>): void {
  const given = UNSUPPORTED_FLAGS.filter((name) => options[camelCase(name)] !== undefined)
  if (given.length > 0) throw new ConfigError(given.map((name) => `--${name} is not supported by this version of k3ts; start without it`))
}

function optionOf(flag: Flag): Option {
  const short = flag.short === undefined || flag.short === flag.name ? '' : `-${flag.short}, `
  // commander knows one-letter options without a long form only as short ones.
  const long = flag.name.length === 1 ? `-${flag.name}` : `--${flag.name}`
  const value =
    flag.type === 'boolean' ? ' [true|false]' : flag.type === 'integer' ? ' <number>' : flag.type === 'list' ? ' <value>' : ' <value>'
  const environment = flag.env === undefined ? '' : ` [$K3TS_${flag.env}]`
  const fallback = flag.default === undefined || flag.default === '' ? '' : ` (default: ${flag.default})`
  const option = new Option(`${short}${long}${value}`, `${flag.help}${environment}${fallback}`).helpGroup(`${flag.group}:`)
  if (flag.hidden === true) option.hideHelp()
  if (flag.type === 'list') option.argParser((item: string, before: readonly string[] | undefined) => [...(before ?? []), item])
  return option
}

/** Only what stood on the command line; defaults, environment and files come later. */
function givenFlags(options: Readonly<Record<string, unknown>>, name: FlagCommand): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, readonly string[]>()
  for (const flag of flagsOf(name)) {
    const value = options[camelCase(flag.name)]
    if (value !== undefined)
      values.set(flag.name, Array.isArray(value) ? value.map(String) : [typeof value === 'string' ? value : JSON.stringify(value)])
  }
  for (const idle of Object.keys(IDLE_FLAGS)) if (options[camelCase(idle)] !== undefined) values.set(idle, [''])
  return values
}

function camelCase(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

if (process.argv[1] !== undefined && import.meta.filename === process.argv[1]) process.exitCode = await main(process.argv.slice(2))
