import { events } from '../../../api/kinds.ts'
import type { Event } from '../../../api/types/core-v1.ts'
import { defineResource } from '../define.ts'
import type { ResourceDef } from '../resource-def.ts'
import { age } from '../table/cells.ts'
import { column, NAME_COLUMN, type Table, table, wide } from '../table/table.ts'
import { validateEvent } from './event-validation.ts'

const orElse = (first: string | undefined, second: string | undefined): string => (first ?? '') || (second ?? '')

const firstSeen = (event: Event, nowMs: number): string => age(event.firstTimestamp ?? event.eventTime, nowMs)

function lastSeen(event: Event, nowMs: number): string {
  if (event.series !== undefined) return age(event.series.lastObservedTime, nowMs)
  return event.lastTimestamp === undefined ? firstSeen(event, nowMs) : age(event.lastTimestamp, nowMs)
}

function subject({ involvedObject }: Event): string {
  const kind = (involvedObject.kind ?? '').toLowerCase()
  return (involvedObject.name ?? '') === '' ? kind : `${kind}/${involvedObject.name ?? ''}`
}

function source(event: Event): string {
  const component = orElse(event.source.component, event.reportingComponent)
  const instance = orElse(event.source.host, event.reportingInstance)
  return instance === '' ? component : `${component}, ${instance}`
}

export const eventTable: Table<Event> = table<Event>(
  column('Last Seen', lastSeen),
  column('Type', (event) => event.type ?? ''),
  column('Reason', (event) => event.reason ?? ''),
  column('Object', subject),
  wide('Subobject', (event) => event.involvedObject.fieldPath ?? ''),
  wide('Source', source),
  column('Message', (event) => (event.message ?? '').trim()),
  wide('First Seen', firstSeen),
  wide('Count', (event) => String(event.series?.count ?? ((event.count ?? 0) || 1))),
  wide('Name', (event) => event.metadata.name, { format: 'name', description: NAME_COLUMN.description }),
)

export const eventDef: ResourceDef<Event> = defineResource(events, {
  validate: (event) => validateEvent(event),
  allowCreateOnUpdate: true,
  table: eventTable,
  fields: ({ involvedObject, ...event }) => ({
    'involvedObject.kind': involvedObject.kind ?? '',
    'involvedObject.namespace': involvedObject.namespace ?? '',
    'involvedObject.name': involvedObject.name ?? '',
    'involvedObject.uid': involvedObject.uid ?? '',
    'involvedObject.apiVersion': involvedObject.apiVersion ?? '',
    'involvedObject.resourceVersion': involvedObject.resourceVersion ?? '',
    'involvedObject.fieldPath': involvedObject.fieldPath ?? '',
    reason: event.reason ?? '',
    reportingComponent: event.reportingComponent,
    source: orElse(event.source.component, event.reportingComponent),
    type: event.type ?? '',
  }),
})
