import { services } from '../../../api/kinds.ts'
import type { Service } from '../../../api/types/core-v1.ts'
import { dns1035LabelProblems } from '../../../meta/names.ts'
import { defineResource, nameRule } from '../define.ts'
import type { ResourceDef } from '../resource-def.ts'
import { statusSubresource } from '../strategy.ts'
import { joined, labels, loadBalancerAddresses, NONE, UNKNOWN } from '../table/cells.ts'
import { column, created, name, table, wide } from '../table/table.ts'
import { serviceWarnings } from '../warnings.ts'
import { defaultService } from './service-defaults.ts'
import { prepareServiceCreate, prepareServiceUpdate } from './service-strategy.ts'
import { validateService, validateServiceStatus } from './service-validation.ts'

function externalAddresses({ spec, status }: Service): string {
  switch (spec.type) {
    case 'ClusterIP':
    case 'NodePort':
      return joined(spec.externalIPs)
    case 'LoadBalancer': {
      const balanced = loadBalancerAddresses(status.loadBalancer.ingress)
      const all = [...(balanced === '' ? [] : [balanced]), ...(spec.externalIPs ?? [])]
      return joined(all, '<pending>')
    }
    case 'ExternalName':
      return spec.externalName ?? ''
    case undefined:
    default:
      return UNKNOWN
  }
}

const ports = ({ spec }: Service): string =>
  joined(
    spec.ports?.map(({ port, nodePort, protocol }) =>
      (nodePort ?? 0) > 0 ? `${port}:${nodePort ?? 0}/${protocol ?? ''}` : `${port}/${protocol ?? ''}`,
    ),
  )

export const serviceDef: ResourceDef<Service> = defineResource(services, {
  nameProblem: nameRule(dns1035LabelProblems),
  allowCreateOnUpdate: true,
  applyDefaults: defaultService,
  validate: validateService,
  warnings: serviceWarnings,
  subresources: { status: statusSubresource({ validate: validateServiceStatus }) },
  strategy: {
    status: 'controlled',
    create: (service, { settings }) => {
      prepareServiceCreate(service, settings)
    },
    update: (next, old, { settings }) => {
      prepareServiceUpdate(next, old, settings)
    },
  },
  table: table<Service>(
    name,
    column('Type', ({ spec }) => spec.type ?? ''),
    column('Cluster-IP', ({ spec }) => spec.clusterIPs?.[0] ?? NONE),
    column('External-IP', externalAddresses),
    column('Port(s)', ports),
    created,
    wide('Selector', ({ spec }) => labels(spec.selector)),
  ),
  fields: ({ spec }) => ({ 'spec.clusterIP': spec.clusterIP ?? '', 'spec.type': spec.type ?? '' }),
})
