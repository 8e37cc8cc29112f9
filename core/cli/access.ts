import { selfSubjectAccessReviews } from '../api/kinds.ts'
import type { Client } from '../client/client.ts'
import type { Logger } from '../observability/log.ts'
import { isAborted } from '../runtime/abort.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Component } from '../runtime/component.ts'

export interface Right {
  readonly group: string
  readonly resource: string
  readonly verb: string
  readonly namespace?: string
  readonly name?: string
}

export interface AccessDeps {
  readonly client: Client
  readonly clock: Clock
  readonly log: Logger
}

const POLL_MS = 100
/** So long a missing role is nothing but a first start. */
const WARN_MS = 30_000

/** The component, begun once its client has all these rights; `start` resolves before that. */
export function afterAccess(component: Component, rights: readonly Right[], deps: AccessDeps): Component {
  const run = async (signal: AbortSignal): Promise<void> => {
    for (const right of rights) await untilAllowed(component.name, right, deps, signal)
    if (isAborted(signal)) return
    const { done } = await component.start(signal)
    await done
  }
  return { name: component.name, start: (signal) => Promise.resolve({ done: run(signal) }) }
}

async function untilAllowed(name: string, right: Right, { client, clock, log }: AccessDeps, signal: AbortSignal): Promise<void> {
  const sinceMs = clock.now()
  let warned = false
  while (!isAborted(signal)) {
    try {
      const review = await client.create(selfSubjectAccessReviews, { spec: { resourceAttributes: right } }, { signal })
      if (review.status.allowed) return
      if (!warned && clock.now() - sinceMs >= WARN_MS) {
        log.warn({ component: name, right }, 'Waiting for a role, which a packaged manifest brings')
        warned = true
      }
      await clock.sleep(POLL_MS, signal)
    } catch (err) {
      if (isAborted(signal)) return
      throw err
    }
  }
}
