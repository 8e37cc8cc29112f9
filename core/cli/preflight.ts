import { accessSync, constants, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import type { ServerConfig } from '../config/config.ts'

/** What is wrong with the machine, each with the way out; empty when the server can start. Nothing is written but the data folder. */
export async function preflight(
  config: ServerConfig,
  environment: { readonly isRoot: boolean; readonly path: string },
): Promise<readonly string[]> {
  const problems: string[] = []
  try {
    mkdirSync(config.dataDir, { recursive: true, mode: 0o755 })
    accessSync(config.dataDir, constants.W_OK)
  } catch (err) {
    problems.push(`cannot write to ${config.dataDir}: ${(err as Error).message}; run as root or choose another folder with --data-dir`)
  }
  if (!(await isFree(config.httpsPort, config.bindAddress))) {
    problems.push(`port ${config.httpsPort} is in use; stop what listens there or choose another one with --https-listen-port`)
  }
  if (!config.disableAgent) problems.push(...agentProblems(config, environment))
  return problems
}

function agentProblems(config: ServerConfig, { isRoot, path }: { readonly isRoot: boolean; readonly path: string }): readonly string[] {
  if (!isRoot) return ['running pods needs root; run as root, or start the control plane alone with --disable-agent']
  const own = config.agent.containerRuntimeEndpoint === undefined
  const programs = [...(own ? ['containerd', 'runc'] : []), ...(config.disableKubeProxy ? [] : ['nft'])]
  const missing = programs.filter((program) => !path.split(delimiter).some((folder) => existsSync(join(folder, program))))
  return [
    ...missing.map(
      (program) => `${program} is not installed; run scripts/setup, or install the package ${program === 'nft' ? 'nftables' : program}`,
    ),
    ...(hasCgroups() ? [] : ['the kernel has no memory and cpu cgroups mounted; mount cgroup2 at /sys/fs/cgroup']),
  ]
}

function hasCgroups(): boolean {
  if (existsSync('/sys/fs/cgroup/cgroup.controllers')) return true
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
  return / cgroup .*\bmemory\b/.test(mounts) && / cgroup .*\bcpu\b/.test(mounts)
}

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', (err: NodeJS.ErrnoException) => resolve(err.code !== 'EADDRINUSE'))
    probe.listen(port, host, () => probe.close(() => resolve(true)))
  })
}
