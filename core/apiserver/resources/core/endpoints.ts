import { endpoints } from '../../../api/kinds.ts'
import type { EndpointSubset, Endpoints } from '../../../api/types/core-v1.ts'
import { defineResource } from '../define.ts'
import type { ResourceDef } from '../resource-def.ts'
import { firstThree, NONE } from '../table/cells.ts'
import { column, created, name, table } from '../table/table.ts'
import { defaultEndpoints } from './defaults.ts'
import { validateEndpoints } from './endpoints-validation.ts'

const hostPort = (host: string, port: number): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)

function subsetAddresses({ addresses = [], ports = [] }: EndpointSubset): string[] {
  if (ports.length === 0) return addresses.map((address) => address.ip)
  return ports.flatMap(({ port }) => addresses.map(({ ip }) => hostPort(ip, port)))
}

export const endpointsDef: ResourceDef<Endpoints> = defineResource(endpoints, {
  deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  applyDefaults: defaultEndpoints,
  validate: validateEndpoints,
  allowCreateOnUpdate: true,
  table: table<Endpoints>(
    name,
    column('Endpoints', ({ subsets }) => firstThree((subsets ?? []).flatMap(subsetAddresses), NONE)),
    created,
  ),
})
