import type { Logger } from '../observability/log.ts'
import { isAborted } from '../runtime/abort.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Component } from '../runtime/component.ts'
import type { Leafs } from './leafs.ts'

/** Certificates change over months; half a day of delay is nothing, and a suspended machine catches up soon. */
const CHECK_INTERVAL_MS = 12 * 3_600_000
const RETRY_MS = 300_000

/** Keeps leaf certificates young while the process runs, so that a server that is never restarted never runs out. */
export function createRenewal(deps: { readonly leafs: readonly Leafs[]; readonly clock: Clock; readonly log: Logger }): Component {
  return {
    name: 'certificate-renewal',
    start: async (signal) => Promise.resolve({ done: loop(deps, signal) }),
  }
}

async function loop(deps: Parameters<typeof createRenewal>[0], signal: AbortSignal): Promise<void> {
  while (!isAborted(signal)) {
    const delayMs = await renewAll(deps)
    try {
      await deps.clock.sleep(delayMs, signal)
    } catch (err) {
      if (isAborted(signal)) return
      throw err
    }
  }
}

/** Returns when to look again. */
async function renewAll({ leafs, clock, log }: Parameters<typeof createRenewal>[0]): Promise<number> {
  try {
    const renewed = (await Promise.all(leafs.map(async (set) => set.renewDue(clock.now())))).flat()
    if (renewed.length > 0) log.info({ component: 'pki', certificates: renewed }, 'Certificates renewed')
    return CHECK_INTERVAL_MS
  } catch (err) {
    log.error({ component: 'pki', err }, 'Certificates could not be renewed, retrying')
    return RETRY_MS
  }
}
