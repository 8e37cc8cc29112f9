import { endpointSlices } from '../../../core/api/kinds.ts'
import type { EndpointSlice } from '../../../core/api/types/discovery-v1.ts'
import type { Client } from '../../../core/client/client.ts'
import { type ObjectKey, type OwnerReferenceLike, objectKey, splitKey } from '../../../core/meta/object.ts'
import { ignoreNotFound } from '../../../core/meta/status-error.ts'
import type { Expectations } from '../../runtime/expectations.ts'
import { isNamespaceTerminating } from '../../runtime/failure.ts'
import type { IpFamily } from '../pod-endpoint.ts'
import type { SlicePlan } from './plan.ts'

/** On every slice: the Service it is for, and who writes it. */
export const SERVICE_NAME = 'kubernetes.io/service-name'
export const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by'

/** What new slices carry. */
export interface SliceOwner {
  readonly reference: OwnerReferenceLike
  readonly labels: Readonly<Record<string, string>>
}

/** Index and watch function of the slices that one controller manages: the key of their Service. */
export function serviceKeysOf(managedBy: string): (slice: EndpointSlice) => readonly ObjectKey[] {
  return ({ metadata: { namespace, labels } }) => {
    const service = labels?.[SERVICE_NAME]
    return service !== undefined && labels?.[MANAGED_BY] === managedBy ? [objectKey(namespace, service)] : []
  }
}

/** Writes the slices of one Service, and expects of the cache what it wrote. Throws what the server answers. */
export class SliceWriter {
  readonly #client: Client
  readonly #expectations: Expectations<EndpointSlice>
  readonly #key: ObjectKey
  readonly #signal: AbortSignal

  constructor(client: Client, expectations: Expectations<EndpointSlice>, key: ObjectKey, signal: AbortSignal) {
    this.#client = client
    this.#expectations = expectations
    this.#key = key
    this.#signal = signal
  }

  async carryOut({ labels, reference }: SliceOwner, addressType: IpFamily, plan: SlicePlan): Promise<void> {
    const { namespace, name } = splitKey(this.#key)
    for (const { ports, endpoints } of plan.create) {
      const metadata = { namespace, generateName: `${name}-`, labels, ownerReferences: [reference] }
      try {
        const created = await this.#client.create(endpointSlices, { metadata, addressType, ports, endpoints }, { signal: this.#signal })
        this.#expectations.created(this.#key, created)
      } catch (err) {
        if (isNamespaceTerminating(err)) return
        throw err
      }
    }
    for (const slice of plan.update) await this.#client.update(endpointSlices, slice, { signal: this.#signal })
    await this.remove(plan.remove)
  }

  async remove(slices: readonly EndpointSlice[]): Promise<void> {
    for (const slice of slices) {
      await ignoreNotFound(this.#client.delete(endpointSlices, slice.metadata, { signal: this.#signal }))
      this.#expectations.deleted(this.#key, slice)
    }
  }
}
