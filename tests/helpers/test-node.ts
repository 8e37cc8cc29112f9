import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type AgentParts, createAgent } from '../../core/agent/agent.ts'
import { buildNetwork } from '../../core/agent/cni/config.ts'
import { cniConfDir, imagesDir } from '../../core/agent/paths.ts'
import { events, namespaces, services } from '../../core/api/kinds.ts'
import type { Event, Pod } from '../../core/api/types/core-v1.ts'
import { createLogger, type Logger, silentLogger } from '../../core/observability/log.ts'
import { systemClock } from '../../core/runtime/clock.ts'
import { testSettings } from './agent.ts'
import { eventually } from './eventually.ts'
import { pauseImageArchive, testImageArchive } from './images.ts'
import { NodeApi } from './node-api.ts'
import { createNodeSandbox, type NodeSandbox } from './node-sandbox.ts'

/** A whole agent with real containers in private folders, over a fake API. */
export interface TestNode extends AsyncDisposable {
  readonly api: NodeApi
  readonly sandbox: NodeSandbox
  parts(): AgentParts
  /** Ends the agent as a stop of k3ts does: containers stay. */
  stop(): Promise<void>
  start(): Promise<void>
  /** Waits until the pod as the API shows it passes the check. */
  until(name: string, check: (pod: Pod) => void, limitMs?: number): Promise<Pod>
  gone(name: string, limitMs?: number): Promise<void>
  /** Standard output of a command in a container. */
  exec(pod: string, container: string, ...command: string[]): Promise<string>
  events(pod: string): readonly Event[]
  log(pod: string, container: string): string
}

let subnets = 0

export async function startTestNode(extra: Parameters<typeof testSettings>[1] = {}): Promise<TestNode> {
  const sandbox = createNodeSandbox()
  const bridge = `k3n${sandbox.dir.slice(-6).toLowerCase()}`
  const { paths } = sandbox
  subnets += 1
  mkdirSync(cniConfDir(paths), { recursive: true })
  const podCidr = `10.203.${(process.pid + subnets) % 250}.0/24`
  writeFileSync(
    join(cniConfDir(paths), '10-test.conflist'),
    buildNetwork({ podCidr, bridge, mtu: 1500, leaseDir: join(sandbox.dir, 'leases') }),
  )
  mkdirSync(imagesDir(paths), { recursive: true })
  writeFileSync(join(imagesDir(paths), 'busybox.tar'), testImageArchive())
  writeFileSync(join(imagesDir(paths), 'pause.tar'), pauseImageArchive())
  const api = new NodeApi()
  api.seed(namespaces, { metadata: { name: 'default' } })
  api.seed(services, {
    metadata: { name: 'kubernetes', namespace: 'default' },
    spec: { clusterIP: '10.43.0.1', ports: [{ name: 'https', port: 443, protocol: 'TCP' }] },
  })
  const log: Logger = process.argv.includes('--verbose') ? createLogger({ level: 'debug' }) : silentLogger
  let current: { readonly abort: AbortController; readonly done: Promise<void>; readonly parts: AgentParts } | undefined
  const running = (): AgentParts => {
    if (current === undefined) throw new Error('the node is stopped')
    return current.parts
  }
  const node: TestNode = {
    api,
    sandbox,
    parts: running,
    start: async () => {
      const abort = new AbortController()
      const agent = createAgent({
        client: api,
        informers: api.informers,
        settings: testSettings(sandbox, extra),
        log,
        clock: systemClock,
        paths,
      })
      const { done } = await agent.start(abort.signal)
      current = { abort, done, parts: await agent.parts }
    },
    stop: async () => {
      current?.abort.abort(new Error('k3ts stops'))
      await current?.done
      current = undefined
    },
    until: (name, check, limitMs = 20_000) =>
      eventually(() => {
        const pod = api.pod(name)
        if (pod === undefined) throw new Error(`pod ${name} does not exist`)
        try {
          check(pod)
        } catch (err) {
          const seen = JSON.stringify({ status: pod.status, events: node.events(name).map((e) => `${e.reason}: ${e.message}`) })
          throw new Error(`${err instanceof Error ? err.message : String(err)}\nseen: ${seen}`, { cause: err })
        }
        return pod
      }, limitMs),
    gone: async (name, limitMs = 20_000) => {
      await eventually(() => {
        const pod = api.pod(name)
        if (pod !== undefined) throw new Error(`pod ${name} is still there: ${JSON.stringify(pod.status)}`)
      }, limitMs)
    },
    exec: async (name, container, ...command) => {
      const pod = running().directory.find('default', name)
      const found = pod && running().directory.container(pod, container)
      if (found === undefined) throw new Error(`no container ${container} in pod ${name}`)
      const { stdout, stderr, exitCode } = await running().runtime.execSync(found.id, command, 10, sandbox.signal)
      if (exitCode !== 0) throw new Error(`exit ${exitCode}: ${stderr.toString()}`)
      return stdout.toString()
    },
    events: (name) => api.all(events).filter((event) => event.involvedObject.name === name),
    log: (name, container) => {
      const pod = running().directory.find('default', name)
      return (pod && running().directory.logPath(pod, container, false)) ?? ''
    },
    [Symbol.asyncDispose]: async () => {
      await node.stop()
      await sandbox[Symbol.asyncDispose]()
      spawnSync('ip', ['link', 'delete', bridge])
    },
  }
  try {
    await node.start()
  } catch (err) {
    await node[Symbol.asyncDispose]()
    throw err
  }
  return node
}
