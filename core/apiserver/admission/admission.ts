import type { KubeObject, ObjectName } from '../../meta/object.ts'
import type { UserInfo } from '../auth/auth.ts'
import type { ResourceDef, Work } from '../resources/resource-def.ts'

/**
 * Admission plugins run in the order of `core/apiserver/admission/index.ts`: all `admit` (may change the object), then
 * object validation, then all `validate`. A plugin rejects by throwing StatusError.
 */
export interface AdmissionPlugin {
  readonly name: string
  readonly handles: (attributes: AdmissionAttributes) => boolean
  readonly admit?: (attributes: AdmissionAttributes) => Promise<void> | void
  readonly validate?: (attributes: AdmissionAttributes) => Promise<void> | void
}

export interface AdmissionAttributes {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'
  readonly def: ResourceDef
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  /** Absent on DELETE. On CREATE with generateName the name is already chosen. */
  readonly object: Work<KubeObject> | undefined
  readonly oldObject: KubeObject | undefined
  readonly user: UserInfo
  readonly dryRun: boolean
  /** CreateOptions, UpdateOptions, PatchOptions or DeleteOptions as sent, for webhooks; absent means empty. */
  readonly options?: Readonly<Record<string, unknown>>
  /** Registers a listener for the outcome, called once with whether the change was committed: quota reservations end with it. */
  readonly onSettled?: (listener: (committed: boolean) => void) => void
  /** Sends a Warning header to the client. */
  readonly warn: (message: string) => void
  /** Adds to the audit record of the request; absent when there is none. A key that is there already keeps its value. */
  readonly annotate?: (key: string, value: string) => void
}

/** Read access to other objects, from the watch cache; parsed on demand and shared, so read-only. */
export interface ObjectReader {
  get<T extends KubeObject>(
    groupResource: { readonly group: string; readonly resource: string },
    namespace: string,
    name: string,
  ): T | undefined
  list<T extends KubeObject>(groupResource: { readonly group: string; readonly resource: string }, namespace?: string): readonly T[]
  /**
   * Called after each committed change of the resource, with the object's name; without one after the whole resource was
   * loaded anew. Returns the remover.
   */
  onChange(groupResource: { readonly group: string; readonly resource: string }, listener: (changed?: ObjectName) => void): () => void
}
