import type { Plugin } from '../framework.ts'
import { podInfoOf } from '../pod-info.ts'

const rejection = { plugin: 'NodePorts', reasons: ["node(s) didn't have free ports for the requested pod ports"], isFinal: false }

/** Two pods on one node cannot have the same host port. */
export const nodePorts: Plugin = {
  name: 'NodePorts',
  begin: ({ hostPorts }) =>
    hostPorts.length === 0 ? undefined : { filter: (node) => (hostPorts.some((port) => node.holdsPort(port)) ? rejection : undefined) },
  wakes: (event) => event.type === 'node-added' || (event.type === 'pod-gone' && podInfoOf(event.pod).hostPorts.length > 0),
}
