import { daemonSets } from '../../../api/kinds.ts'
import type { DaemonSet } from '../../../api/types/apps-v1.ts'
import { deepEqual } from '../../../meta/deep-equal.ts'
import { defineResource } from '../define.ts'
import { templateWarnings } from '../pod/warnings.ts'
import type { ResourceDef, Work } from '../resource-def.ts'
import { statusSubresource } from '../strategy.ts'
import { containerImages, containerNames, labels, selectorText } from '../table/cells.ts'
import { column, created, INTEGER, name, table, wide } from '../table/table.ts'
import { defaultDaemonSet } from './defaults.ts'
import { validateDaemonSet, validateDaemonSetStatus } from './validate-sets.ts'

/** Carries the count of template changes, a field that v1 no longer has. */
const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation'

function setTemplateGeneration({ metadata }: Work<DaemonSet>, generation: number): void {
  metadata.annotations = { ...metadata.annotations, [TEMPLATE_GENERATION]: String(generation) }
}

export const daemonSetDef: ResourceDef<DaemonSet> = defineResource(daemonSets, {
  applyDefaults: defaultDaemonSet,
  validate: validateDaemonSet,
  warnings: templateWarnings(({ spec }) => spec.template, 'spec.template'),
  strategy: {
    status: 'controlled',
    generation: ['spec'],
    create: (daemonSet) => {
      setTemplateGeneration(daemonSet, 1)
    },
    update: (next, old) => {
      const before = Number(old.metadata.annotations?.[TEMPLATE_GENERATION] ?? 0)
      setTemplateGeneration(next, deepEqual(next.spec.template, old.spec.template) ? before : before + 1)
    },
  },
  subresources: {
    status: statusSubresource({
      validate: validateDaemonSetStatus,
      prepare: (next, old) => {
        const before = old.metadata.annotations?.[TEMPLATE_GENERATION]
        if (before !== undefined) setTemplateGeneration(next, Number(before))
      },
    }),
  },
  table: table<DaemonSet>(
    name,
    column('Desired', ({ status }) => status.desiredNumberScheduled, INTEGER),
    column('Current', ({ status }) => status.currentNumberScheduled, INTEGER),
    column('Ready', ({ status }) => status.numberReady, INTEGER),
    column('Up-to-date', ({ status }) => status.updatedNumberScheduled ?? 0, INTEGER),
    column('Available', ({ status }) => status.numberAvailable ?? 0, INTEGER),
    column('Node Selector', ({ spec }) => labels(spec.template.spec.nodeSelector)),
    created,
    wide('Containers', ({ spec }) => containerNames(spec.template.spec.containers)),
    wide('Images', ({ spec }) => containerImages(spec.template.spec.containers)),
    wide('Selector', ({ spec }) => selectorText(spec.selector)),
  ),
})
