/** The environment of a helm job, as the controller writes it. Source: klipper-helm's contract. */
export interface JobInput {
  readonly action: 'install' | 'delete'
  /** Flags the controller chose: --namespace, --create-namespace, --take-ownership, --version, --set, --set-string. */
  readonly flags: readonly string[]
  readonly name: string
  /** Chart reference, already with the API server's address filled in; empty for an inline chart. */
  readonly chart: string
  readonly repo: string
  readonly version: string
  readonly timeout: string
  readonly failurePolicy: 'reinstall' | 'abort' | 'retry'
  readonly serverSide: 'true' | 'false' | 'auto'
  readonly forceConflicts: boolean
  /** Empty: not checked. */
  readonly expectedRevision: string
  /** Hex digits, already cut to the length of a label value. */
  readonly configHash: string
  readonly insecureSkipTlsVerify: boolean
  readonly plainHttp: boolean
  readonly passCredentials: boolean
  readonly valueFiles: readonly string[]
  readonly credentials: Credentials
}

export interface Credentials {
  readonly username?: string
  readonly certFile?: string
  readonly keyFile?: string
}

export interface Release {
  /** helm's word: deployed, failed, pending-install, superseded … */
  readonly status: string
  readonly revision: number
  readonly serverSideApply: boolean
}

/** What the job does next; commands are helm's arguments. */
export type Plan =
  | { readonly kind: 'nothing'; readonly reason: string }
  | { readonly kind: 'refuse'; readonly reason: string }
  | { readonly kind: 'run'; readonly steps: readonly Step[] }

export interface Step {
  readonly name: 'install' | 'upgrade' | 'uninstall'
  readonly args: readonly string[]
}

/** Decides from the state of the release alone. */
export function planJob(input: JobInput, release: Release | undefined): Plan {
  const outdated = release !== undefined && input.expectedRevision !== '' && input.expectedRevision !== String(release.revision)
  if (input.action === 'delete') {
    if (release === undefined) return { kind: 'nothing', reason: `release ${input.name} is not installed` }
    if (outdated) return { kind: 'nothing', reason: changedMeanwhile(input, release) }
    return run(uninstall(input))
  }
  if (release === undefined) return run(install(input))
  if (outdated) return { kind: 'nothing', reason: changedMeanwhile(input, release) }
  switch (settle(release.status)) {
    case 'upgrade':
      return run(upgrade(input, release))
    case 'recover':
      return recover(input, release)
    case 'install':
      return run(install(input))
  }
}

/** An upgrade cut short goes on as an upgrade; a release in another unfinished or failed state falls to the failure policy. */
function settle(status: string): 'upgrade' | 'recover' | 'install' {
  if (['deployed', 'pending-upgrade', 'superseded'].includes(status)) return 'upgrade'
  if (['pending-install', 'pending-rollback', 'uninstalling', 'failed', 'uninstalled', 'deleted', 'unknown', 'null', ''].includes(status))
    return 'recover'
  return 'install'
}

function recover(input: JobInput, release: Release): Plan {
  switch (input.failurePolicy) {
    case 'abort':
      return {
        kind: 'refuse',
        reason: `release ${input.name} is ${release.status} and the failure policy is abort: repair or remove it by hand`,
      }
    case 'retry':
      return run(upgrade(input, release))
    case 'reinstall':
      return run(uninstall(input), install(input))
  }
}

function install(input: JobInput): Step {
  const serverSide = input.serverSide !== 'false'
  const args = [
    'install',
    ...common(input),
    `--server-side=${serverSide}`,
    ...(input.forceConflicts && serverSide ? ['--force-conflicts'] : []),
  ]
  return { name: 'install', args: [...args, input.name, chartArgument(input)] }
}

/** helm refuses --force-conflicts without server-side apply, so it is left out where the release does not use it. */
function upgrade(input: JobInput, release: Release): Step {
  const serverSide = input.serverSide === 'auto' ? release.serverSideApply : input.serverSide === 'true'
  const flags = input.flags.filter((flag) => flag !== '--create-namespace')
  const args = [
    'upgrade',
    ...common({ ...input, flags }),
    `--server-side=${input.serverSide}`,
    ...(input.forceConflicts && serverSide ? ['--force-conflicts'] : []),
  ]
  return { name: 'upgrade', args: [...args, input.name, chartArgument(input)] }
}

function uninstall(input: JobInput): Step {
  return { name: 'uninstall', args: ['uninstall', ...namespaceOf(input.flags), '--wait', '--ignore-not-found', input.name] }
}

function common(input: JobInput): readonly string[] {
  return [
    ...input.flags,
    ...(input.configHash === '' ? [] : ['--labels', `helmcharts.helm.cattle.io/configHash=${input.configHash}`]),
    ...(input.timeout === '' ? [] : ['--timeout', input.timeout]),
    ...(input.insecureSkipTlsVerify ? ['--insecure-skip-tls-verify'] : []),
    ...(input.plainHttp ? ['--plain-http'] : []),
    ...input.valueFiles.flatMap((file) => ['--values', file]),
  ]
}

function chartArgument(input: JobInput): string {
  return input.repo === '' ? input.chart : `${input.name}/${input.chart}`
}

function namespaceOf(flags: readonly string[]): readonly string[] {
  const at = flags.indexOf('--namespace')
  return at < 0 ? [] : flags.slice(at, at + 2)
}

function changedMeanwhile(input: JobInput, release: Release): string {
  return `release ${input.name} is at revision ${release.revision}, not ${input.expectedRevision}: somebody else changed it, the controller decides anew`
}

function run(...steps: readonly Step[]): Plan {
  return { kind: 'run', steps }
}

/** Arguments of `helm repo add`; the alias is the release name, a password comes over standard input. */
export function repoAddArguments(input: JobInput): readonly string[] {
  const { username, certFile, keyFile } = input.credentials
  return [
    'repo',
    'add',
    '--force-update',
    ...(username === undefined ? [] : ['--username', username, '--password-stdin']),
    ...(certFile === undefined || keyFile === undefined ? [] : ['--cert-file', certFile, '--key-file', keyFile]),
    ...(input.passCredentials ? ['--pass-credentials'] : []),
    ...(input.insecureSkipTlsVerify ? ['--insecure-skip-tls-verify'] : []),
    input.name,
    input.repo,
  ]
}
