/**
 * Serves what nodes and pods use (metrics.k8s.io/v1beta1) from samples that it takes of each kubelet. Arguments are those of the
 * public metrics-server as far as settings.ts knows them; others are ignored.
 */
import { createClient } from '../../core/client/typed-client.ts'
import { createLogger } from '../../core/observability/log.ts'
import { systemClock } from '../../core/runtime/clock.ts'
import { readServiceAccount } from '../cluster/service-account.ts'
import { processSignal } from '../cluster/signals.ts'
import { createAuthorization } from './access.ts'
import { createApi } from './api.ts'
import { createAuthentication } from './caller.ts'
import { plainTransport } from './https-get.ts'
import { kubeletScraper } from './kubelets.ts'
import { Samples } from './samples.ts'
import { serve } from './serving.ts'
import { readSettings } from './settings.ts'
import { readTrust, type Trust } from './trust.ts'

/** Between the first samples, so that there is something to show soon after the start. */
const FIRST_PAUSE_MS = 5_000
const RETRY_MS = 1_000
/** How often it is looked whether the authorities of clients have changed. */
const TRUST_AGE_MS = 300_000

const log = createLogger({ level: 'info' })
const signal = processSignal()
const clock = systemClock

try {
  await main()
} catch (err) {
  if (!signal.aborted) {
    log.fatal({ err }, 'The metrics server stopped')
    process.exitCode = 1
  }
}

async function main(): Promise<void> {
  const settings = readSettings(process.argv.slice(2))
  const account = readServiceAccount()
  using transport = plainTransport(account)
  const client = createClient(transport, { userAgent: 'metrics-server/k3ts' })
  const samples = new Samples(settings.resolutionMs)
  const life = { scrapedAtMs: clock.now() }
  const believed = { trust: await untilAnswered(() => readTrust(client, signal)) }
  const nowMs = (): number => clock.now()
  const api = createApi({
    client,
    samples,
    authenticate: createAuthentication({ client, trust: () => believed.trust, nowMs }),
    isAllowed: createAuthorization(client, nowMs),
    problem: () => (nowMs() - life.scrapedAtMs > 3 * settings.resolutionMs ? 'no scrape for too long' : undefined),
    nowMs,
    log,
  })
  await using serving = await serve(settings, believed.trust.authorities, api, nowMs())
  log.info({ port: serving.port }, 'Metrics server started')
  const follow = async (): Promise<void> => {
    for (;;) {
      await clock.sleep(TRUST_AGE_MS, signal)
      const next = await readTrust(client, signal).catch((): Trust => believed.trust)
      if (next.authorities !== believed.trust.authorities) serving.believe(next.authorities)
      believed.trust = next
    }
  }
  await Promise.race([collect(), follow()])

  async function collect(): Promise<void> {
    const scrape = kubeletScraper({ client, account, settings, clock, log })
    for (let rounds = 0; ; ) {
      const begin = nowMs()
      try {
        samples.store(await scrape(signal))
        life.scrapedAtMs = nowMs()
        if (samples.ready) rounds += 1
      } catch (err) {
        if (!signal.aborted) log.warn({ err }, 'Nodes cannot be listed')
      }
      const pauseMs = rounds === 0 ? RETRY_MS : rounds === 1 ? Math.min(FIRST_PAUSE_MS, settings.resolutionMs) : settings.resolutionMs
      await clock.sleep(Math.max(0, begin + pauseMs - nowMs()), signal)
    }
  }
}

/** The API server may start later than this program. */
async function untilAnswered<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch (err) {
      signal.throwIfAborted()
      log.warn({ err }, 'The API server does not answer yet')
      await clock.sleep(RETRY_MS, signal)
    }
  }
}
