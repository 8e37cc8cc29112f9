import { accessSync, closeSync, constants, existsSync, openSync, readFileSync, rmSync, statfsSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, dirname, join } from 'node:path'
import type { ServerConfig } from '../config/config.ts'
import { runtimeProblem } from './runtime-check.ts'

interface Machine {
  readonly isRoot: boolean
  readonly path: string
}

/** What is wrong with the machine, each with the way out; empty when the server can start. Writes nothing. */
export async function preflight(config: ServerConfig, machine: Machine): Promise<readonly string[]> {
  const { dataDir, kubeconfig, logFile, agent, disableAgent } = config
  const files = [
    folderProblem(dataDir, 'run as root or choose another folder with --data-dir') ?? spaceProblem(config),
    fileProblem(kubeconfig.path, 'run as root or choose another file with --write-kubeconfig'),
    logFile === undefined ? undefined : logProblem(logFile),
    agent.resolvConf === undefined ? undefined : readProblem(agent.resolvConf, '--resolv-conf'),
  ]
  const [listening, node] = await Promise.all([listenProblem(config), disableAgent ? [] : nodeProblems(config, machine)])
  return [...files, listening, ...node].filter((problem) => problem !== undefined)
}

/** The folder, or the one above it that exists, can be written to. */
function folderProblem(folder: string, wayOut: string): string | undefined {
  try {
    const existing = nearest(folder)
    if (!statSync(existing).isDirectory()) return `cannot write to ${folder}: ${existing} is not a folder; ${wayOut}`
    accessSync(existing, constants.W_OK)
    return undefined
  } catch (err) {
    return `cannot write to ${folder}: ${(err as Error).message}; ${wayOut}`
  }
}

/** Below the smaller figure a database cannot grow; the greater one is what the embedded images take when they are unpacked for the first time. */
const MIN_FREE_BYTES = 16 << 20
const MIN_FREE_FIRST_BYTES = 600 << 20

function spaceProblem({ dataDir, disableAgent, agent }: ServerConfig): string | undefined {
  const hasImages = disableAgent || agent.containerRuntimeEndpoint !== undefined || existsSync(join(dataDir, 'agent', 'containerd'))
  const needed = hasImages ? MIN_FREE_BYTES : MIN_FREE_FIRST_BYTES
  const { bavail, bsize } = statfsSync(nearest(dataDir))
  const free = bavail * bsize
  if (free >= needed) return undefined
  return `the disk of ${dataDir} has ${Math.floor(free / 2 ** 20)} MB left and ${needed >> 20} MB are needed; make room or choose another folder with --data-dir`
}

function nearest(folder: string): string {
  return existsSync(folder) || folder === dirname(folder) ? folder : nearest(dirname(folder))
}

function fileProblem(file: string, wayOut: string): string | undefined {
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory() === true) return `cannot write to ${file}: it is a folder; ${wayOut}`
  return folderProblem(dirname(file), wayOut)
}

function logProblem(file: string): string | undefined {
  const isNew = !existsSync(file)
  try {
    closeSync(openSync(file, 'a'))
    if (isNew) rmSync(file)
    return undefined
  } catch (err) {
    return `cannot write the log: ${(err as Error).message}; choose another file with --log`
  }
}

function readProblem(file: string, flag: string): string | undefined {
  try {
    accessSync(file, constants.R_OK)
    return undefined
  } catch (err) {
    return `${flag}: cannot read ${file}: ${(err as Error).message}`
  }
}

async function nodeProblems(config: ServerConfig, machine: Machine): Promise<readonly string[]> {
  if (!machine.isRoot) return ['running pods needs root; run as root, or start the control plane alone with --disable-agent']
  const missing = missingPrograms(config, machine)
  const cgroups = hasCgroups() ? [] : ['the kernel has no memory and cpu cgroups mounted; mount cgroup2 at /sys/fs/cgroup']
  if (missing.length > 0) return [...missing, ...cgroups]
  return [...cgroups, ...(await runtimeProblem(config))]
}

function missingPrograms(config: ServerConfig, { path }: Machine): readonly string[] {
  const own = config.agent.containerRuntimeEndpoint === undefined
  const programs = [...(own ? ['containerd', 'runc'] : []), ...(config.disableKubeProxy ? [] : ['nft'])]
  return programs
    .filter((program) => !path.split(delimiter).some((folder) => existsSync(join(folder, program))))
    .map((program) => `${program} is not installed; run scripts/setup, or install the package ${program === 'nft' ? 'nftables' : program}`)
}

function hasCgroups(): boolean {
  if (existsSync('/sys/fs/cgroup/cgroup.controllers')) return true
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
  return / cgroup .*\bmemory\b/.test(mounts) && / cgroup .*\bcpu\b/.test(mounts)
}

function listenProblem({ httpsPort: port, bindAddress: host }: ServerConfig): Promise<string | undefined> {
  const texts: Readonly<Record<string, string>> = {
    EADDRINUSE: `port ${port} is in use; stop what listens there or choose another one with --https-listen-port`,
    EADDRNOTAVAIL: `no interface of this machine has the address ${host}; choose another one with --bind-address`,
    EACCES: `port ${port} is for root alone; run as root or choose another one with --https-listen-port`,
  }
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', (err: NodeJS.ErrnoException) =>
      resolve(texts[err.code ?? ''] ?? `cannot listen on ${host}:${port}: ${err.message}`),
    )
    probe.listen(port, host, () => probe.close(() => resolve(undefined)))
  })
}
