import { leases } from '../api/kinds.ts'
import type { Lease } from '../api/types/coordination-v1.ts'
import { isAlreadyExists, isConflict, isNotFound } from '../meta/status-error.ts'
import type { Logger } from '../observability/log.ts'
import { childController, isAborted } from '../runtime/abort.ts'
import { type Clock, toMicroTimestamp } from '../runtime/clock.ts'
import type { Component } from '../runtime/component.ts'
import type { Client } from './client.ts'

export interface LeaderElectionOptions {
  readonly client: Client
  readonly clock: Clock
  readonly log: Logger
  /** Name of the Lease, such as `kube-controller-manager`. */
  readonly name: string
  /** Default `kube-system`. */
  readonly namespace?: string
  /** Unique among all that compete, such as `node_uuid`. */
  readonly identity: string
  /** Runs while this process leads; its signal aborts when leadership is lost. */
  readonly lead: (signal: AbortSignal) => Promise<void>
}

/** Source: the defaults of Kubernetes' components: lease 15 s, renewed within 10 s, tried every 2 s. */
const LEASE_MS = 15_000
const RENEW_DEADLINE_MS = 10_000
const RETRY_MS = 2_000

/**
 * Lets one of several processes do a job. `start` resolves at once; `done` settles after the signal aborted, or
 * rejects when leadership was lost while leading: whoever led must not go on half-stopped, so the caller restarts it.
 * Times that others write are compared with their own earlier ones only.
 */
export function leaderElected(options: LeaderElectionOptions): Component {
  return {
    name: `leader-${options.name}`,
    start: (parent) => Promise.resolve({ done: new Election(options).run(parent) }),
  }
}

class Election {
  readonly #options: LeaderElectionOptions
  /** The record of another holder as last seen, and since when it has not changed. */
  #seen: { readonly record: string; readonly atMs: number } | undefined

  constructor(options: LeaderElectionOptions) {
    this.#options = options
  }

  async run(parent: AbortSignal): Promise<void> {
    const { log, name, lead } = this.#options
    if (!(await this.#acquire(parent))) return
    log.info({ lease: name, identity: this.#options.identity }, 'Leading')
    using child = childController(parent)
    const work = lead(child.signal)
    const lost = this.#keep(child.signal).then((err) => {
      if (err !== undefined) child.abort(err)
      return err
    })
    try {
      await work
    } finally {
      child.abort(new Error('the work of the leader ended'))
    }
    const err = await lost
    if (err !== undefined) throw err
    await this.#release()
  }

  /** False: the signal aborted first. */
  async #acquire(signal: AbortSignal): Promise<boolean> {
    while (!isAborted(signal)) {
      if (await this.#try(signal).catch((err: unknown) => this.#onFailure(err))) return true
      await this.#pause(signal)
    }
    return false
  }

  /** Renews until the signal aborts; answers an error when the lease could not be renewed in time. */
  async #keep(signal: AbortSignal): Promise<Error | undefined> {
    const { clock, name } = this.#options
    let renewedMs = clock.now()
    while (!isAborted(signal)) {
      await this.#pause(signal)
      if (isAborted(signal)) return undefined
      if (await this.#try(signal).catch((err: unknown) => this.#onFailure(err))) renewedMs = clock.now()
      else if (clock.now() - renewedMs >= RENEW_DEADLINE_MS) return new Error(`leadership of ${name} was lost`)
    }
    return undefined
  }

  /** One attempt to get or keep the lease. */
  async #try(signal: AbortSignal): Promise<boolean> {
    const { client, clock, identity, name } = this.#options
    const key = { namespace: this.#options.namespace ?? 'kube-system', name }
    const now = toMicroTimestamp(clock.now())
    let lease: Lease
    try {
      lease = await client.get(leases, key, signal)
    } catch (err) {
      if (!isNotFound(err)) throw err
      const spec = {
        holderIdentity: identity,
        leaseDurationSeconds: LEASE_MS / 1000,
        acquireTime: now,
        renewTime: now,
        leaseTransitions: 0,
      }
      await client.create(leases, { metadata: key, spec }, { signal })
      return true
    }
    const mine = lease.spec.holderIdentity === identity
    if (!mine && this.#isHeld(lease)) return false
    const spec = {
      holderIdentity: identity,
      leaseDurationSeconds: LEASE_MS / 1000,
      acquireTime: mine ? lease.spec.acquireTime : now,
      renewTime: now,
      leaseTransitions: (lease.spec.leaseTransitions ?? 0) + (mine ? 0 : 1),
    }
    // Conditional on the revision read: of two that try, one fails.
    await client.update(leases, { ...lease, spec: { ...lease.spec, ...spec } }, { signal })
    return true
  }

  #isHeld({ spec, metadata }: Lease): boolean {
    const { holderIdentity = '', leaseDurationSeconds = LEASE_MS / 1000 } = spec
    if (holderIdentity === '') return false
    const nowMs = this.#options.clock.now()
    if (this.#seen?.record !== metadata.resourceVersion) this.#seen = { record: metadata.resourceVersion, atMs: nowMs }
    return nowMs - this.#seen.atMs < leaseDurationSeconds * 1000
  }

  /** Lets the next one in without waiting for the lease to run out. */
  async #release(): Promise<void> {
    const { client, identity, name, namespace = 'kube-system', log } = this.#options
    const limit = AbortSignal.timeout(RETRY_MS)
    try {
      const lease = await client.get(leases, { namespace, name }, limit)
      if (lease.spec.holderIdentity !== identity) return
      await client.update(leases, { ...lease, spec: { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1 } }, { signal: limit })
    } catch (err) {
      log.debug({ err, lease: name }, 'Lease was not released, it runs out by itself')
    }
  }

  #onFailure(err: unknown): false {
    const expected = isConflict(err) || isAlreadyExists(err)
    if (!expected) this.#options.log.debug({ err, lease: this.#options.name }, 'Lease could not be taken or renewed')
    return false
  }

  #pause(signal: AbortSignal): Promise<void> {
    return this.#options.clock.sleep(RETRY_MS, signal).catch(() => {
      // Only an abort ends the sleep early, and the callers see it.
    })
  }
}
