import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { promisify } from 'node:util'
import { parseRelease } from '../agent/containerd/programs.ts'
import type { ServerConfig } from '../config/config.ts'

const run = promisify(execFile)

/** The first release with version 1 of the runtime interface. */
const OLDEST = { major: 1, minor: 6 }

/** What the container runtime or the kernel lacks for running pods, each with the way out. Leaves nothing behind. */
export async function runtimeProblem(config: ServerConfig): Promise<readonly string[]> {
  const external = config.agent.containerRuntimeEndpoint
  const checks = [
    external === undefined ? containerdProblem() : socketProblem(external),
    ...(config.disableKubeProxy ? [] : [nftablesProblem()]),
    ...(config.agent.flannelBackend === 'none' ? [] : [linkProblem('bridge'), linkProblem('veth')]),
  ]
  return (await Promise.all(checks)).filter((problem) => problem !== undefined)
}

async function containerdProblem(): Promise<string | undefined> {
  try {
    const { major, minor } = parseRelease((await run('containerd', ['--version'])).stdout)
    if (major > OLDEST.major || (major === OLDEST.major && minor >= OLDEST.minor)) return undefined
    return `containerd ${major}.${minor} is too old; install ${OLDEST.major}.${OLDEST.minor} or newer, or name another runtime with --container-runtime-endpoint`
  } catch (err) {
    return `containerd does not run: ${firstLine(err)}; install the package containerd anew`
  }
}

function socketProblem(endpoint: string): Promise<string | undefined> {
  const path = endpoint.replace(/^unix:\/\//, '')
  const wayOut = 'start that runtime, or leave the flag out and k3ts runs its own containerd'
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(undefined)
    })
    socket.once('error', (err) => resolve(`--container-runtime-endpoint: nothing answers at ${path} (${err.message}); ${wayOut}`))
  })
}

/** Services are rules of nftables. */
async function nftablesProblem(): Promise<string | undefined> {
  try {
    await run('nft', ['list', 'tables'])
    return undefined
  } catch (err) {
    return `the kernel does not serve nftables (${firstLine(err)}); load nf_tables, or start with --disable-kube-proxy and bring another service proxy`
  }
}

/** Pods hang on a bridge by a pair of links; where ours exists both do. Tried for real: kernels load modules when they are asked. */
async function linkProblem(type: 'bridge' | 'veth'): Promise<string | undefined> {
  if (existsSync('/sys/class/net/cni0')) return undefined
  const name = `k3ts-${type}`
  try {
    await run('ip', ['link', 'add', name, 'type', type])
    await run('ip', ['link', 'delete', name])
    return undefined
  } catch (err) {
    return `the kernel makes no ${type} (${firstLine(err)}); load the module ${type}, or start with --flannel-backend none and bring another network`
  }
}

function firstLine(err: unknown): string {
  const { stderr, message } = err as { readonly stderr?: string; readonly message: string }
  const [line = message] = (stderr ?? '').split('\n').filter((text) => text.trim() !== '')
  return line.trim()
}
