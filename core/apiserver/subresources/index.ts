import type { ObjectReader } from '../admission/admission.ts'
import type { ResourceTable } from '../resource-table.ts'
import type { RestHandler } from '../rest/rest-context.ts'
import { bindPod, createBinding } from './bind.ts'
import { evictPod } from './evict.ts'
import type { DialKubelet } from './kubelet-dialer.ts'
import { attachPath, execPath, logPath, portForwardPath } from './kubelet-paths.ts'
import { podLog, podStream } from './pod-streams.ts'
import { nodeProxy, podProxy, serviceProxy } from './proxy.ts'

export interface SubresourceDeps {
  readonly reader: ObjectReader
  readonly resources: ResourceTable
  readonly dialKubelet: DialKubelet
}

/** The custom subresources but that of tokens, by `group/resource/subresource`. */
export function customSubresources({ reader, resources, dialKubelet }: SubresourceDeps): ReadonlyMap<string, RestHandler> {
  return new Map([
    ['/pods/binding', bindPod],
    ['/pods/eviction', evictPod({ reader, budgets: () => resources.find('policy', 'v1', 'poddisruptionbudgets') })],
    ['/pods/log', podLog(dialKubelet, logPath)],
    ['/pods/exec', podStream(dialKubelet, execPath)],
    ['/pods/attach', podStream(dialKubelet, attachPath)],
    ['/pods/portforward', podStream(dialKubelet, portForwardPath)],
    ['/pods/proxy', podProxy(reader)],
    ['/services/proxy', serviceProxy(reader)],
    ['/nodes/proxy', nodeProxy(dialKubelet)],
  ])
}

/** The one kind that is a subresource in disguise. */
export function bindingHandler(resources: ResourceTable): RestHandler {
  return createBinding(() => resources.find('', 'v1', 'pods'))
}
