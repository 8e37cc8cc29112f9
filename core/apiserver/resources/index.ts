import type { KubeObject } from '../../meta/object.ts'
import { customResourceDefinitionHooks } from '../extension/definition/hooks.ts'
import * as admissionregistration from './admissionregistration/index.ts'
import * as apps from './apps/index.ts'
import * as autoscaling from './autoscaling/index.ts'
import * as batch from './batch/index.ts'
import { certificateSigningRequestDef } from './certificates.ts'
import { leaseDef } from './coordination.ts'
import * as core from './core/index.ts'
import { endpointSliceDef } from './discovery.ts'
import { eventsEventDef } from './events.ts'
import { apiServiceDef, customResourceDefinitionDef } from './extension.ts'
import { flowSchemaDef, priorityLevelConfigurationDef } from './flowcontrol.ts'
import * as networking from './networking/index.ts'
import { runtimeClassDef } from './node.ts'
import { podDisruptionBudgetDef } from './policy.ts'
import * as rbac from './rbac/index.ts'
import * as resource from './resource/index.ts'
import type { ResourceDef } from './resource-def.ts'
import * as reviews from './reviews.ts'
import { priorityClassDef } from './scheduling.ts'
import * as storage from './storage/index.ts'

/**
 * A definition without its object type. Hooks take the kind they are for, which the table cannot express;
 * the engine hands each definition only objects that its own schema decoded.
 */
function erase<T extends KubeObject>(definition: ResourceDef<T>): ResourceDef {
  return definition as unknown as ResourceDef
}

const all = (...groups: readonly Readonly<Record<string, unknown>>[]): ResourceDef[] =>
  groups.flatMap((group) => Object.values(group) as ResourceDef[])

/** Every served built-in kind but those of metrics.k8s.io, which its own server answers for. */
export const RESOURCES: readonly ResourceDef[] = [
  ...all(core, apps, autoscaling, batch, networking, rbac, storage, admissionregistration, resource, reviews),
  erase(apiServiceDef),
  erase(certificateSigningRequestDef),
  erase(customResourceDefinitionDef(customResourceDefinitionHooks)),
  erase(endpointSliceDef),
  erase(eventsEventDef),
  erase(flowSchemaDef),
  erase(leaseDef),
  erase(podDisruptionBudgetDef),
  erase(priorityClassDef),
  erase(priorityLevelConfigurationDef),
  erase(runtimeClassDef),
]
