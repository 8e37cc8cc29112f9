import { endpointSlices } from '../../api/kinds.ts'
import type { EndpointPort, EndpointSlice } from '../../api/types/discovery-v1.ts'
import { deepEqual } from '../../meta/deep-equal.ts'
import { defineResource } from './define.ts'
import { validateEndpointSlice } from './discovery-validation.ts'
import type { ResourceDef } from './resource-def.ts'
import { firstThree, UNSET } from './table/cells.ts'
import { column, created, name, table } from './table/table.ts'

function portText({ port, name: portName }: EndpointPort): string {
  if (port !== undefined) return String(port)
  return (portName ?? '') === '' ? '*' : (portName ?? '')
}

export const endpointSliceDef: ResourceDef<EndpointSlice> = defineResource(endpointSlices, {
  validate: validateEndpointSlice,
  applyDefaults: ({ ports }) => {
    for (const port of ports) {
      port.name ??= ''
      port.protocol ??= 'TCP'
    }
  },
  strategy: {
    generation: (next, old) =>
      !deepEqual(next.endpoints, old.endpoints) ||
      !deepEqual(next.ports, old.ports) ||
      next.addressType !== old.addressType ||
      !deepEqual(next.metadata.labels, old.metadata.labels),
  },
  table: table<EndpointSlice>(
    name,
    column('AddressType', ({ addressType }) => addressType),
    column('Ports', ({ ports }) => firstThree(ports.map(portText), UNSET)),
    column('Endpoints', ({ endpoints }) =>
      firstThree(
        endpoints.flatMap((endpoint) => endpoint.addresses),
        UNSET,
      ),
    ),
    created,
  ),
})
