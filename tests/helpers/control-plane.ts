import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { loadAll } from 'js-yaml'
import { CONTROLLERS } from '../../controllers/index.ts'
import type { ControllerContext, ControllerEntry } from '../../controllers/runtime/context.ts'
import { controllerRunner } from '../../controllers/runtime/run.ts'
import { selectControllers } from '../../controllers/runtime/select.ts'
import type { Authorizer, UserInfo } from '../../core/apiserver/auth/auth.ts'
import { unionAuthorizer } from '../../core/apiserver/auth/authorizer.ts'
import { forbiddenError } from '../../core/apiserver/auth/forbidden.ts'
import { RbacAuthorizer } from '../../core/apiserver/auth/rbac/authorizer.ts'
import { BindingIndex } from '../../core/apiserver/auth/rbac/binding-index.ts'
import type { BootstrapObject } from '../../core/apiserver/bootstrap/rbac/form.ts'
import { rbacObjects } from '../../core/apiserver/bootstrap/rbac/index.ts'
import { createDiscovery as serveDiscovery } from '../../core/apiserver/discovery/discovery.ts'
import type { ApiServerDeps } from '../../core/apiserver/server.ts'
import { controllerUsers, IDENTITIES } from '../../core/cli/identities.ts'
import type { Client } from '../../core/client/client.ts'
import { createDiscovery } from '../../core/client/discovery.ts'
import { inProcessTransport } from '../../core/client/in-process.ts'
import { createInformerFactory, type InformerSet } from '../../core/client/informer-factory.ts'
import { createRecorder } from '../../core/client/recorder.ts'
import { createClient } from '../../core/client/typed-client.ts'
import { createLogger, silentLogger } from '../../core/observability/log.ts'
import { systemClock } from '../../core/runtime/clock.ts'
import { ADMIN, type Engine, type EngineOptions, startEngine } from './engine.ts'
import { FakeReader } from './object-reader.ts'

/** The real API server and the real controllers over it, each under its own user, in one process without sockets. Fails at its end when a controller was refused. */
export interface ControlPlane extends AsyncDisposable {
  readonly engine: Engine
  readonly client: Client
  readonly informers: InformerSet
  /** Acts as a user of the controllers' port. */
  readonly clientAs: (name: string) => Client
  readonly signal: AbortSignal
}

export interface ControlPlaneOptions extends EngineOptions {
  /** Names to run; absent: all that are on by default. */
  readonly controllers?: readonly string[]
  readonly verbose?: boolean
}

export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const refused: string[] = []
  const engine = await startEngine({
    authorizer: bootstrapAuthorizer(),
    ...options,
    with: (deps) => ({ ...withDiscovery(deps), refused: (attributes) => refused.push(forbiddenError(attributes, '').message) }),
  })
  const log = options.verbose === true ? createLogger({ level: 'debug' }) : silentLogger
  const life = new AbortController()
  const users = controllerUsers()
  const clientOf = (user: UserInfo): Client =>
    createClient(inProcessTransport(engine.server.handle, user), { userAgent: 'controllers/test', freeze: true })
  const manager = clientOf(IDENTITIES.controllers)
  const clock = systemClock
  const informers = createInformerFactory({ client: manager, clock, log })
  const recorder = createRecorder({ client: manager, clock, log, component: 'test' })
  const settings = { clusterCidrs: ['10.42.0.0/16'], rootCa: 'PEM' }
  const discovery = createDiscovery(inProcessTransport(engine.server.handle, IDENTITIES.controllers))
  const contextFor = ({ account }: ControllerEntry): ControllerContext => {
    const client = account === undefined ? manager : clientOf(userOf(users, account))
    return { client, informers, discovery, recorderFor: (component) => recorder.forComponent(component, client), clock, log, settings }
  }
  const runner = controllerRunner(selectControllers(CONTROLLERS, options.controllers ?? ['*'], contextFor), { informers, clock, log })
  const running = [await informers.start(life.signal), await recorder.start(life.signal)]
  running.push(await runner.start(life.signal))
  return {
    engine,
    client: clientOf(ADMIN),
    informers,
    clientAs: (name) => clientOf(userOf(users, name)),
    signal: life.signal,
    async [Symbol.asyncDispose]() {
      life.abort(new Error('the test is over'))
      await Promise.all(running.map(({ done }) => done))
      await engine[Symbol.asyncDispose]()
      assert.deepEqual(refused, [], 'a controller asked for what its role does not allow')
    },
  }
}

function withDiscovery(deps: ApiServerDeps): ApiServerDeps {
  const discovery = serveDiscovery({ resources: () => deps.resources.all(), version: {} as never, serverAddress: '', nowMs: () => 0 })
  return { ...deps, paths: [discovery] }
}

/** Decides by the roles that every cluster has from the start, and by those that packaged manifests bring. */
function bootstrapAuthorizer(): Authorizer {
  const reader = new FakeReader()
  const { roles, bindings } = rbacObjects()
  for (const object of [...roles, ...bindings, ...packagedRoles()])
    reader.put({ group: 'rbac.authorization.k8s.io', resource: `${object.kind.toLowerCase()}s` }, object)
  return unionAuthorizer([new RbacAuthorizer(new BindingIndex(reader))])
}

function userOf(users: ReadonlyMap<string, UserInfo>, name: string): UserInfo {
  const user = users.get(name)
  assert.ok(user, `no role is made for ${name}`)
  return user
}

function packagedRoles(): readonly BootstrapObject[] {
  return ['ccm', 'rolebindings'].flatMap(
    (name) => loadAll(readFileSync(new URL(`../../manifests/${name}.yaml`, import.meta.url), 'utf8')) as BootstrapObject[],
  )
}
