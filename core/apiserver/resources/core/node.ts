import { nodes } from '../../../api/kinds.ts'
import type { Node } from '../../../api/types/core-v1.ts'
import { defineResource } from '../define.ts'
import type { ResourceDef } from '../resource-def.ts'
import { statusSubresource } from '../strategy.ts'
import { conditionOf, joined, NONE, UNKNOWN } from '../table/cells.ts'
import { column, created, name, table, wide } from '../table/table.ts'
import { defaultNode } from './defaults.ts'
import { validateNode, validateNodeStatus } from './node-validation.ts'

const ROLE_PREFIX = 'node-role.kubernetes.io/'

function readiness({ status, spec }: Node): string {
  const ready = conditionOf(status.conditions, 'Ready')
  const text = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady'
  return spec.unschedulable === true ? `${text},SchedulingDisabled` : text
}

function roles({ metadata }: Node): string {
  const found = new Set<string>()
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    if (key.startsWith(ROLE_PREFIX) && key.length > ROLE_PREFIX.length) found.add(key.slice(ROLE_PREFIX.length))
    else if (key === 'kubernetes.io/role' && value !== '') found.add(value)
  }
  return joined([...found].sort())
}

const address = ({ status }: Node, type: string): string => status.addresses?.find((a) => a.type === type)?.address ?? NONE
const known = (text: string): string => (text === '' ? UNKNOWN : text)

export const nodeDef: ResourceDef<Node> = defineResource(nodes, {
  applyDefaults: defaultNode,
  validate: validateNode,
  subresources: { status: statusSubresource({ validate: validateNodeStatus }) },
  strategy: { status: 'sent-on-create' },
  table: table<Node>(
    name,
    column('Status', readiness),
    column('Roles', roles),
    created,
    column('Version', ({ status }) => status.nodeInfo.kubeletVersion),
    wide('Internal-IP', (node) => address(node, 'InternalIP')),
    wide('External-IP', (node) => address(node, 'ExternalIP')),
    wide('OS-Image', ({ status }) => known(status.nodeInfo.osImage)),
    wide('Kernel-Version', ({ status }) => known(status.nodeInfo.kernelVersion)),
    wide('Container-Runtime', ({ status }) => known(status.nodeInfo.containerRuntimeVersion)),
  ),
  fields: ({ spec }) => ({ 'spec.unschedulable': String(spec.unschedulable === true) }),
})
