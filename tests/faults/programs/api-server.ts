import { writeSync } from 'node:fs'
import { createCaches } from '../../../core/apiserver/cache/caches.ts'
import { createHealthChecks } from '../../../core/apiserver/health/health.ts'
import { startHttpServer } from '../../../core/apiserver/http/http-server.ts'
import { createRequestMetrics } from '../../../core/apiserver/request-metrics.ts'
import { createResourceTable } from '../../../core/apiserver/resource-table.ts'
import { RESOURCES } from '../../../core/apiserver/resources/index.ts'
import { createApiServer } from '../../../core/apiserver/server.ts'
import { silentLogger } from '../../../core/observability/log.ts'
import { systemClock } from '../../../core/runtime/clock.ts'
import { openSqlite } from '../../../core/store/sqlite/open.ts'
import { ADMIN, SETTINGS } from '../../helpers/engine.ts'
import { serverIdentity } from '../../helpers/http-bench.ts'
import { createAuthority } from '../../../core/pki/authority.ts'

/** An API server over a real file and a real socket, until it is killed. Argument: the file. Prints its port when it serves. */
const [path = ''] = process.argv.slice(2)
const life = new AbortController()
const store = await openSqlite({ path })
const stored = RESOURCES.filter((def) => def.storagePrefix !== '' && def.conversion === undefined)
const caches = await createCaches({ store, resources: stored, clock: systemClock, signal: life.signal })
const api = createApiServer({
  resources: createResourceTable(RESOURCES),
  cacheOf: (prefix) => caches.get(prefix),
  authorizer: { authorize: () => ({ allowed: true, reason: '' }) },
  admission: [],
  settings: SETTINGS,
  clock: systemClock,
  log: silentLogger,
  health: createHealthChecks(() => undefined),
  metrics: createRequestMetrics(),
})
const own = serverIdentity(createAuthority('killed', systemClock.now()))
const server = await startHttpServer({
  host: '127.0.0.1',
  port: 0,
  log: silentLogger,
  authenticate: () => Promise.resolve(ADMIN),
  material: { certificate: own.certificatePem, key: own.keyPem },
  handler: (request) => api.handle(request),
})
writeSync(1, `${server.port}\n`)
