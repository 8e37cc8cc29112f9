import { pods } from '../api/kinds.ts'
import type { Pod } from '../api/types/core-v1.ts'
import type { Client } from '../client/client.ts'
import type { Reservation } from './framework.ts'

/** What failed on the way from the decision to the bound pod; the message is the event's. */
export class BindError extends Error {
  override readonly name = 'BindError'
}

/** Carries a decision out: what plugins have to prepare (volumes), then the binding itself. Throws BindError. */
export async function bindPod(pod: Pod, node: string, reservations: readonly Reservation[], context: BindContext): Promise<void> {
  const { client, signal } = context
  for (const reservation of reservations) {
    try {
      await reservation.prepare(signal)
    } catch (err) {
      throw new BindError(`running PreBind plugin "${reservation.plugin}": ${messageOf(err)}`, { cause: err })
    }
  }
  const { name, namespace, uid } = pod.metadata
  const body = { apiVersion: 'v1', kind: 'Binding', metadata: { name, namespace, uid }, target: { kind: 'Node', name: node } }
  try {
    await client.createSubresource(pods, { namespace, name }, 'binding', body, { signal })
  } catch (err) {
    throw new BindError(`binding rejected: ${messageOf(err)}`, { cause: err })
  }
}

export interface BindContext {
  readonly client: Client
  readonly signal: AbortSignal
}

function messageOf(err: unknown): string {
  return err instanceof Error ? err.message : String(err)
}
