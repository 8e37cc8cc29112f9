/**
 * Entry point of helm jobs in the embedded image; keeps klipper-helm's contract, so that either image serves the same Job.
 * TERM and INT are ignored: a deleted pod waits until helm is done instead of leaving a half-made release.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type JobInput, planJob, type Release, repoAddArguments } from './plan.ts'

const CONFIG = '/config'
const AUTH = '/auth'
const SERVICE_ACCOUNT_CA = '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt'
const BUNDLE = '/tmp/ca-bundle.pem'
/** The kubelet keeps the last 4 KB of a termination message; helm's errors come last. */
const MESSAGE_BYTES = 3_500

interface Output {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const env = (name: string): string => process.env[name] ?? ''

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => undefined)
process.exitCode = await main()

async function main(): Promise<number> {
  if (env('HELM_VERSION') === 'v2' || env('HELM_VERSION') === 'helm_v2') return finish(64, 'charts for helm 2 are not supported')
  try {
    const input = readInput()
    writeBundle()
    const prepared = await prepareRepository(input)
    if (prepared.code !== 0) return finish(prepared.code, prepared.stderr)
    return await carryOut(input, await readRelease(input))
  } catch (err) {
    return finish(1, (err as Error).message)
  }
}

async function carryOut(input: JobInput, release: Release | undefined): Promise<number> {
  const plan = planJob(input, release)
  if (plan.kind === 'nothing') return finish(0, plan.reason)
  if (plan.kind === 'refuse') return finish(1, plan.reason)
  for (const step of plan.steps) {
    say(`helm ${step.name} ${input.name}`)
    const result = await helm(step.args)
    if (result.code !== 0) return finish(result.code, result.stderr.trim() === '' ? `helm ${step.name} failed` : result.stderr)
  }
  return finish(0, `${plan.steps.map((step) => step.name).join(', ')} done`)
}

function readInput(): JobInput {
  const [action = '', ...flags] = process.argv.slice(2)
  if (action !== 'install' && action !== 'delete') throw new Error(`unknown action "${action}": expected install or delete`)
  const repo = env('REPO')
  const policy = env('FAILURE_POLICY')
  const serverSide = env('SERVER_SIDE')
  return {
    action,
    flags,
    name: env('NAME'),
    chart: inlineChart() ?? env('CHART').replaceAll('%{KUBERNETES_API}%', apiAddress()),
    repo,
    version: env('VERSION'),
    timeout: env('TIMEOUT'),
    failurePolicy: policy === 'abort' || policy === 'retry' ? policy : 'reinstall',
    serverSide: serverSide === 'true' || serverSide === 'false' ? serverSide : 'auto',
    forceConflicts: env('FORCE_CONFLICTS') === 'true',
    expectedRevision: env('EXPECTED_RELEASE_REVISION'),
    configHash: env('CONFIG_HASH')
      .replace(/^SHA256=/, '')
      .toLowerCase()
      .slice(0, 63),
    insecureSkipTlsVerify: env('INSECURE_SKIP_TLS_VERIFY') === 'true',
    plainHttp: env('PLAIN_HTTP') === 'true',
    passCredentials: env('AUTH_PASS_CREDENTIALS') === 'true',
    valueFiles: valueFiles(),
    credentials: readCredentials(),
  }
}

/** Name order is precedence order; the last file wins in helm. */
function valueFiles(): readonly string[] {
  if (!existsSync(CONFIG)) return []
  return readdirSync(CONFIG)
    .filter((name) => name.startsWith('values-') && name.endsWith('.yaml'))
    .sort()
    .map((name) => join(CONFIG, name))
}

/** Writes /chart/<name>.tgz.base64 out as an archive; undefined when the chart comes from elsewhere. */
function inlineChart(): string | undefined {
  const source = join('/chart', `${env('NAME')}.tgz.base64`)
  if (!existsSync(source)) return undefined
  const encoded = readFileSync(source, 'utf8').trim()
  if (encoded === '') return undefined
  const target = join('/tmp', `${env('NAME')}.tgz`)
  writeFileSync(target, Buffer.from(encoded, 'base64'))
  return target
}

function apiAddress(): string {
  const host = env('KUBERNETES_SERVICE_HOST')
  return `${host.includes(':') ? `[${host}]` : host}:${env('KUBERNETES_SERVICE_PORT')}`
}

function readCredentials(): JobInput['credentials'] {
  const file = (name: string): string | undefined => (existsSync(join(AUTH, name)) ? join(AUTH, name) : undefined)
  const username = file('username')
  const certFile = file('tls.crt')
  const keyFile = file('tls.key')
  return {
    ...(username !== undefined && { username: readFileSync(username, 'utf8').trim() }),
    ...(certFile !== undefined && keyFile !== undefined && { certFile, keyFile }),
  }
}

/** One bundle of the public roots, the cluster's CA and those of the chart, given to helm through Go's SSL_CERT_FILE. */
function writeBundle(): void {
  const files = ['/etc/ssl/certs/ca-certificates.crt', SERVICE_ACCOUNT_CA, join(CONFIG, 'ca-file.pem'), ...caFiles()]
  writeFileSync(
    BUNDLE,
    files
      .filter((file) => existsSync(file))
      .map((file) => readFileSync(file, 'utf8'))
      .join('\n'),
  )
}

function caFiles(): readonly string[] {
  if (!existsSync('/ca-files')) return []
  return readdirSync('/ca-files')
    .filter((name) => !name.startsWith('.'))
    .map((name) => join('/ca-files', name))
}

async function prepareRepository(input: JobInput): Promise<Output> {
  const nothing: Output = { code: 0, stdout: '', stderr: '' }
  if (input.action === 'delete' || input.repo === '') return nothing
  say(`helm repo add ${input.name} ${input.repo}`)
  const password = join(AUTH, 'password')
  const added = await helm(repoAddArguments(input), existsSync(password) ? readFileSync(password, 'utf8').trim() : undefined)
  return added.code === 0 ? await helm(['repo', 'update', input.name]) : added
}

/** Absent is "release: not found" and nothing else: any other failure ends the job, so that no release is installed twice. */
async function readRelease(input: JobInput): Promise<Release | undefined> {
  const at = input.flags.indexOf('--namespace')
  const result = await helm(['status', ...(at < 0 ? [] : input.flags.slice(at, at + 2)), '--output', 'json', input.name])
  if (result.code !== 0) {
    if (/release: not found/.test(result.stderr)) return undefined
    throw new Error(result.stderr)
  }
  const release = JSON.parse(result.stdout) as { version?: number; info?: { status?: string }; apply_method?: string }
  return { status: release.info?.status ?? 'unknown', revision: release.version ?? 0, serverSideApply: release.apply_method === 'ssa' }
}

/** Never prints standard output of `status`: a release holds the values, and those may be secret. */
function helm(args: readonly string[], input?: string): Promise<Output> {
  return new Promise((resolve, reject) => {
    for (const folder of ['.helm', '.cache', '.config']) mkdirSync(join(env('HOME'), folder), { recursive: true })
    const child = spawn('helm', args, { env: { ...process.env, SSL_CERT_FILE: BUNDLE }, stdio: ['pipe', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
      process.stderr.write(text)
    })
    child.on('error', reject)
    child.on('close', (code) => resolve({ code: code ?? 1, stdout, stderr }))
    child.stdin.end(input ?? '')
  })
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** The controller shows the termination message of a failed job in the HelmChart's status. */
function finish(code: number, message: string): number {
  say(message.trim())
  try {
    writeFileSync('/dev/termination-log', message.trim().slice(-MESSAGE_BYTES))
  } catch {
    // an unusual pod without a termination log: the container's log has the message
  }
  return code
}
