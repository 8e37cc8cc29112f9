import type { Discovered, Discovery } from '../../core/client/discovery.ts'
import type { KubeObject } from '../../core/meta/object.ts'
import type { ResourceType } from '../../core/meta/resource-type.ts'

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']

/** Discovery that a test fills. */
export class FakeDiscovery implements Discovery {
  readonly types: ResourceType<KubeObject>[]
  failed: readonly string[] = []

  constructor(...types: readonly ResourceType<KubeObject>[]) {
    this.types = [...types]
  }

  async resources(): Promise<Discovered> {
    return { resources: this.types.map((type) => ({ type, verbs: VERBS })), failed: this.failed }
  }
}
