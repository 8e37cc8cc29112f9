import { deployments } from '../../../api/kinds.ts'
import type { Deployment } from '../../../api/types/apps-v1.ts'
import { deepEqual } from '../../../meta/deep-equal.ts'
import { formatLabelSelector } from '../../../meta/selector.ts'
import { defineResource } from '../define.ts'
import { templateWarnings } from '../pod/warnings.ts'
import type { ResourceDef, Work } from '../resource-def.ts'
import { statusSubresource } from '../strategy.ts'
import { containerImages, containerNames } from '../table/cells.ts'
import { column, created, name, table, wide } from '../table/table.ts'
import { defaultDeployment } from './defaults.ts'
import { validateDeployment, validateDeploymentStatus } from './validate.ts'

/** An unreadable selector is `<invalid>` and an empty one empty here, unlike elsewhere. */
function selector({ spec }: Deployment): string {
  const text = formatLabelSelector(spec.selector)
  if (text === '<error>') return '<invalid>'
  return text === '<none>' ? '' : text
}

/** Annotations count as content: the deployment controller copies them to replica sets. */
function hasNewContent(next: Work<Deployment>, old: Deployment): boolean {
  return !deepEqual(next.spec, old.spec) || !deepEqual(next.metadata.annotations, old.metadata.annotations)
}

export const deploymentDef: ResourceDef<Deployment> = defineResource(deployments, {
  applyDefaults: defaultDeployment,
  validate: validateDeployment,
  warnings: templateWarnings(({ spec }) => spec.template, 'spec.template'),
  strategy: { status: 'controlled', generation: hasNewContent },
  subresources: {
    status: statusSubresource({
      validate: validateDeploymentStatus,
      prepare: (next, old) => {
        next.metadata.labels = old.metadata.labels === undefined ? undefined : { ...old.metadata.labels }
      },
    }),
  },
  table: table<Deployment>(
    name,
    column('Ready', ({ spec, status }) => `${status.readyReplicas ?? 0}/${spec.replicas ?? 0}`),
    column('Up-to-date', ({ status }) => status.updatedReplicas ?? 0),
    column('Available', ({ status }) => status.availableReplicas ?? 0),
    created,
    wide('Containers', ({ spec }) => containerNames(spec.template.spec.containers)),
    wide('Images', ({ spec }) => containerImages(spec.template.spec.containers)),
    wide('Selector', selector),
  ),
})
