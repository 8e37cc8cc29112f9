import { cronJobs } from '../../../api/kinds.ts'
import type { CronJob } from '../../../api/types/batch-v1.ts'
import { defineResource } from '../define.ts'
import type { ResourceDef } from '../resource-def.ts'
import { age, containerImages, containerNames, NONE, selectorText, UNSET } from '../table/cells.ts'
import { column, created, INTEGER, name, table, wide } from '../table/table.ts'
import { cronJobWarnings } from '../warnings.ts'
import { defaultCronJob } from './defaults.ts'
import { validateCronJob } from './validate.ts'

function suspended({ spec }: CronJob): string {
  if (spec.suspend === undefined) return UNSET
  return spec.suspend ? 'True' : 'False'
}

export const cronJobDef: ResourceDef<CronJob> = defineResource(cronJobs, {
  applyDefaults: defaultCronJob,
  validate: validateCronJob,
  warnings: cronJobWarnings,
  strategy: { status: 'controlled', generation: ['spec'] },
  table: table<CronJob>(
    name,
    column('Schedule', ({ spec }) => spec.schedule),
    column('Timezone', ({ spec }) => spec.timeZone ?? NONE),
    column('Suspend', suspended, { type: 'boolean' }),
    column('Active', ({ status }) => status.active?.length ?? 0, INTEGER),
    column('Last Schedule', ({ status }, nowMs) => (status.lastScheduleTime === undefined ? NONE : age(status.lastScheduleTime, nowMs))),
    created,
    wide('Containers', ({ spec }) => containerNames(spec.jobTemplate.spec.template.spec.containers)),
    wide('Images', ({ spec }) => containerImages(spec.jobTemplate.spec.template.spec.containers)),
    wide('Selector', ({ spec }) => selectorText(spec.jobTemplate.spec.selector ?? {})),
  ),
})
