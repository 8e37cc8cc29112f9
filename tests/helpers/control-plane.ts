import { CONTROLLERS } from '../../controllers/index.ts'
import { controllerRunner } from '../../controllers/runtime/run.ts'
import { selectControllers } from '../../controllers/runtime/select.ts'
import { createDiscovery as serveDiscovery } from '../../core/apiserver/discovery/discovery.ts'
import type { ApiServerDeps } from '../../core/apiserver/server.ts'
import type { Client } from '../../core/client/client.ts'
import { createDiscovery } from '../../core/client/discovery.ts'
import { inProcessTransport } from '../../core/client/in-process.ts'
import { createInformerFactory, type InformerSet } from '../../core/client/informer-factory.ts'
import { createRecorder } from '../../core/client/recorder.ts'
import { createClient } from '../../core/client/typed-client.ts'
import { createLogger, silentLogger } from '../../core/observability/log.ts'
import { systemClock } from '../../core/runtime/clock.ts'
import { ADMIN, type Engine, type EngineOptions, startEngine } from './engine.ts'

/** The real API server and the real controllers over it, in one process without sockets. */
export interface ControlPlane extends AsyncDisposable {
  readonly engine: Engine
  readonly client: Client
  readonly informers: InformerSet
  readonly signal: AbortSignal
}

export interface ControlPlaneOptions extends EngineOptions {
  /** Names to run; absent: all that are on by default. */
  readonly controllers?: readonly string[]
  readonly verbose?: boolean
}

export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const engine = await startEngine({ ...options, with: withDiscovery })
  const log = options.verbose === true ? createLogger({ level: 'debug' }) : silentLogger
  const life = new AbortController()
  const transport = inProcessTransport(engine.server.handle, ADMIN)
  const client = createClient(transport, { userAgent: 'controllers/test', freeze: true })
  const clock = systemClock
  const informers = createInformerFactory({ client, clock, log })
  const recorder = createRecorder({ client, clock, log, component: 'test' })
  const settings = { clusterCidrs: ['10.42.0.0/16'], rootCa: 'PEM' }
  const context = {
    client,
    informers,
    discovery: createDiscovery(transport),
    recorderFor: recorder.forComponent.bind(recorder),
    clock,
    log,
    settings,
  }
  const runner = controllerRunner(selectControllers(CONTROLLERS, options.controllers ?? ['*'], context), { informers, clock, log })
  const running = [await informers.start(life.signal), await recorder.start(life.signal)]
  running.push(await runner.start(life.signal))
  return {
    engine,
    client,
    informers,
    signal: life.signal,
    async [Symbol.asyncDispose]() {
      life.abort(new Error('the test is over'))
      await Promise.all(running.map(({ done }) => done))
      await engine[Symbol.asyncDispose]()
    },
  }
}

function withDiscovery(deps: ApiServerDeps): ApiServerDeps {
  const discovery = serveDiscovery({ resources: () => deps.resources.all(), version: {} as never, serverAddress: '', nowMs: () => 0 })
  return { ...deps, paths: [discovery] }
}
