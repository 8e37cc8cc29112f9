import { eventsEvents } from '../../api/kinds.ts'
import type * as core from '../../api/types/core-v1.ts'
import type { Event } from '../../api/types/events-v1.ts'
import type { KubeObject } from '../../meta/object.ts'
import { eventTable } from './core/event.ts'
import { validateEvent, validateNewEvent } from './core/event-validation.ts'
import { defineResource } from './define.ts'
import type { ResourceDef, StorageConversion } from './resource-def.ts'

/** events.k8s.io names some fields of the stored core form differently. */
function toCore(event: Event): core.Event {
  return {
    kind: 'Event',
    apiVersion: 'v1',
    metadata: event.metadata,
    involvedObject: event.regarding,
    reason: event.reason,
    message: event.note,
    source: event.deprecatedSource,
    firstTimestamp: event.deprecatedFirstTimestamp,
    lastTimestamp: event.deprecatedLastTimestamp,
    count: event.deprecatedCount,
    type: event.type,
    eventTime: event.eventTime,
    series: event.series,
    action: event.action,
    related: event.related,
    reportingComponent: event.reportingController ?? '',
    reportingInstance: event.reportingInstance ?? '',
  }
}

const orAbsent = (text: string): string | undefined => (text === '' ? undefined : text)

function fromCore(event: core.Event): Event {
  return {
    kind: 'Event',
    apiVersion: 'events.k8s.io/v1',
    metadata: event.metadata,
    eventTime: event.eventTime as string,
    series: event.series as Event['series'],
    reportingController: orAbsent(event.reportingComponent),
    reportingInstance: orAbsent(event.reportingInstance),
    action: event.action,
    reason: event.reason,
    regarding: event.involvedObject,
    related: event.related,
    note: event.message,
    type: event.type,
    deprecatedSource: event.source,
    deprecatedFirstTimestamp: event.firstTimestamp,
    deprecatedLastTimestamp: event.lastTimestamp,
    deprecatedCount: event.count,
  }
}

const eventConversion: StorageConversion<Event> = {
  hub: 'v1',
  toHub: toCore,
  fromHub: (stored: KubeObject) => fromCore(stored as core.Event),
}

export const eventsEventDef: ResourceDef<Event> = defineResource(eventsEvents, {
  conversion: eventConversion,
  validate: (event, old) => (old === undefined ? validateNewEvent(toCore(event)) : validateEvent(toCore(event), 'reportingController')),
  allowCreateOnUpdate: true,
  table: { columns: eventTable.columns, toRow: (event, nowMs) => eventTable.toRow(toCore(event), nowMs) },
  fields: ({ regarding, ...event }) => ({
    'regarding.kind': regarding.kind ?? '',
    'regarding.namespace': regarding.namespace ?? '',
    'regarding.name': regarding.name ?? '',
    'regarding.uid': regarding.uid ?? '',
    'regarding.apiVersion': regarding.apiVersion ?? '',
    'regarding.resourceVersion': regarding.resourceVersion ?? '',
    'regarding.fieldPath': regarding.fieldPath ?? '',
    reason: event.reason ?? '',
    reportingController: event.reportingController ?? '',
    type: event.type ?? '',
  }),
})
