import { podTemplates, replicationControllers } from '../../../api/kinds.ts'
import type { PodTemplate, ReplicationController } from '../../../api/types/core-v1.ts'
import { defineResource } from '../define.ts'
import { templateWarnings } from '../pod/warnings.ts'
import type { ResourceDef } from '../resource-def.ts'
import { statusSubresource } from '../strategy.ts'
import { containerImages, containerNames, labels } from '../table/cells.ts'
import { column, created, INTEGER, name, table, wide } from '../table/table.ts'
import { validatePodTemplateObject, validateReplicationController, validateReplicationControllerStatus } from './controller-validation.ts'
import { defaultPodTemplateObject, defaultReplicationController } from './defaults.ts'

export const replicationControllerDef: ResourceDef<ReplicationController> = defineResource(replicationControllers, {
  defaultDeletion: 'orphan',
  applyDefaults: defaultReplicationController,
  validate: validateReplicationController,
  warnings: templateWarnings(({ spec }) => spec.template, 'spec.template'),
  subresources: { status: statusSubresource({ validate: validateReplicationControllerStatus }) },
  strategy: { status: 'controlled', generation: ['spec'] },
  table: table<ReplicationController>(
    name,
    column('Desired', ({ spec }) => spec.replicas ?? 0, INTEGER),
    column('Current', ({ status }) => status.replicas, INTEGER),
    column('Ready', ({ status }) => status.readyReplicas ?? 0, INTEGER),
    created,
    wide('Containers', ({ spec }) => containerNames(spec.template?.spec.containers)),
    wide('Images', ({ spec }) => containerImages(spec.template?.spec.containers)),
    wide('Selector', ({ spec }) => labels(spec.selector)),
  ),
  fields: ({ status }) => ({ 'status.replicas': String(status.replicas) }),
})

export const podTemplateDef: ResourceDef<PodTemplate> = defineResource(podTemplates, {
  applyDefaults: defaultPodTemplateObject,
  validate: validatePodTemplateObject,
  warnings: templateWarnings(({ template }) => template, 'template'),
  strategy: { generation: ['template'] },
  table: table<PodTemplate>(
    name,
    column('Containers', ({ template }) => containerNames(template.spec.containers)),
    column('Images', ({ template }) => containerImages(template.spec.containers)),
    column('Pod Labels', ({ template }) => labels(template.metadata.labels)),
  ),
})
