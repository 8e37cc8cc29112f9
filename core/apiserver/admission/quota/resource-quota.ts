import { isInScope, type ScopeFacts, scopeFactsOf } from '../../../api/rules/quota-scopes.ts'
import { type Usage, usageOf } from '../../../api/rules/quota-usage.ts'
import type { Pod, ResourceQuota } from '../../../api/types/core-v1.ts'
import type { KubeObject } from '../../../meta/object.ts'
import {
  addQuantity,
  compareQuantity,
  formatQuantity,
  parseQuantity,
  type Quantity,
  subQuantity,
  ZERO_QUANTITY,
} from '../../../meta/quantity.ts'
import type { Clock } from '../../../runtime/clock.ts'
import type { AdmissionAttributes, AdmissionPlugin, ObjectReader } from '../admission.ts'
import { denied } from '../denied.ts'
import { RESOURCE_QUOTAS } from '../target.ts'
import { constraintProblem } from './constraints.ts'
import { Ledger } from './ledger.ts'
import { Reservations } from './reservations.ts'

export interface ResourceQuotaDeps {
  readonly reader: ObjectReader
  readonly clock: Clock
}

interface GroupResource {
  readonly group: string
  readonly resource: string
}

/** One object as quotas see it. */
interface Charge {
  readonly usage: Usage
  readonly facts: ScopeFacts
}

/** A reservation whose write neither shows nor settles is dropped after this long. */
const RESERVATION_MS = 5_000
/** Updates change what these use; every other kind is charged when it is created. */
const CHARGED_ON_UPDATE: ReadonlySet<string> = new Set(['services', 'persistentvolumeclaims'])

/**
 * Holds namespaces to their ResourceQuotas. Usage is counted from the cache and the writes on their way, so it is exact at any moment;
 * `status.used` is the quota controller's report. Source: kubernetes, plugin/pkg/admission/resourcequota.
 */
export function resourceQuota(deps: ResourceQuotaDeps): AdmissionPlugin {
  const { reader, clock } = deps
  const ledger = new Ledger<Charge>(reader, (type, object) => ({
    usage: usageOf(type, object, clock.now()),
    facts: scopeFactsOf(type, object),
  }))
  const reservations = new Reservations()
  return {
    name: 'ResourceQuota',
    handles: isCharged,
    validate: (attributes) => {
      const quotas = reader.list<ResourceQuota>(RESOURCE_QUOTAS, attributes.namespace)
      if (quotas.length === 0 || attributes.object === undefined) return
      const matching = quotas.filter((quota) => concerns(quota, attributes))
      for (const quota of matching) assertStated(quota, attributes)
      const delta = deltaOf(attributes, clock.now())
      if (delta.size === 0) return
      const charges = matching.flatMap((quota) => chargeFor(quota, { attributes, delta, ledger, reservations, nowMs: clock.now() }) ?? [])
      if (!attributes.dryRun) for (const charge of charges) hold(charge, { attributes, reservations, reader, nowMs: clock.now() })
    },
  }
}

function isCharged({ operation, subresource, def, namespace }: AdmissionAttributes): boolean {
  if (namespace === '') return false
  if (operation === 'CREATE') return subresource === ''
  if (operation !== 'UPDATE') return false
  if (def.group !== '') return false
  return def.resource === 'pods' ? subresource === 'resize' : subresource === '' && CHARGED_ON_UPDATE.has(def.resource)
}

/** A quota concerns an object when it limits something the object uses and its scopes include it. */
function concerns(quota: ResourceQuota, { def, object }: AdmissionAttributes): boolean {
  return object !== undefined && limitedBy(quota).length > 0 && isInScope(quota, scopeFactsOf(def, object))
}

function limitedBy({ spec }: ResourceQuota): readonly string[] {
  return Object.keys(spec.hard ?? {})
}

function isPods({ group, resource }: GroupResource): boolean {
  return group === '' && resource === 'pods'
}

function assertStated(quota: ResourceQuota, attributes: AdmissionAttributes): void {
  if (!isPods(attributes.def)) return
  const problem = constraintProblem(attributes.object as Pod, limitedBy(quota))
  if (problem !== undefined) throw denied(attributes, `failed quota: ${quota.metadata.name}: ${problem}`)
}

/** What the write adds. Throws for negative amounts; an update that needs less adds nothing. */
function deltaOf(attributes: AdmissionAttributes, nowMs: number): Usage {
  const { def, object, oldObject } = attributes
  const usage = usageOf(def, object as KubeObject, nowMs)
  const negative = [...usage].filter(([, quantity]) => quantity.nano < 0n).map(([name]) => name)
  if (negative.length > 0) throw denied(attributes, `quota usage is negative for resource(s): ${negative.sort().join(',')}`)
  const before = oldObject === undefined ? new Map<string, Quantity>() : usageOf(def, oldObject, nowMs)
  const delta = new Map<string, Quantity>()
  for (const [name, quantity] of usage) {
    const added = subQuantity(quantity, before.get(name) ?? ZERO_QUANTITY)
    if (added.nano > 0n) delta.set(name, added)
  }
  return delta
}

interface Question {
  readonly attributes: AdmissionAttributes
  readonly delta: Usage
  readonly ledger: Ledger<Charge>
  readonly reservations: Reservations
  readonly nowMs: number
}

interface QuotaCharge {
  readonly quotaName: string
  readonly usage: Usage
}

/** What the quota is charged, undefined when nothing it limits is touched. Throws StatusError Forbidden when it does not suffice. */
function chargeFor(quota: ResourceQuota, question: Question): QuotaCharge | undefined {
  const hard = quota.spec.hard ?? {}
  const usage = new Map([...question.delta].filter(([name]) => hard[name] !== undefined))
  if (usage.size === 0) return undefined
  const used = usedOf(quota, [...usage.keys()], question)
  const exceeded = [...usage].filter(([name, added]) => {
    const next = addQuantity(used.get(name) ?? ZERO_QUANTITY, added)
    return compareQuantity(next, parseQuantity(hard[name])) > 0
  })
  if (exceeded.length === 0) return { quotaName: quota.metadata.name, usage }
  const names = exceeded.map(([name]) => name).sort()
  const show = (quantityOf: (name: string) => Quantity | undefined): string =>
    names.map((name) => `${name}=${formatQuantity(quantityOf(name) ?? ZERO_QUANTITY)}`).join(',')
  throw denied(
    question.attributes,
    `exceeded quota: ${quota.metadata.name}, requested: ${show((name) => usage.get(name))}, used: ${show((name) => used.get(name))}, limited: ${show((name) => parseQuantity(hard[name]))}`,
  )
}

/** Only objects of the written kind use the resources its delta touches. */
function usedOf(quota: ResourceQuota, names: readonly string[], { attributes, ledger, reservations, nowMs }: Question): Usage {
  const { def, namespace } = attributes
  const used = new Map<string, Quantity>()
  const add = (usage: Usage): void => {
    for (const name of names) {
      const quantity = usage.get(name)
      if (quantity !== undefined) used.set(name, addQuantity(used.get(name) ?? ZERO_QUANTITY, quantity))
    }
  }
  for (const { usage, facts } of ledger.recordsIn(def, namespace).values()) if (isInScope(quota, facts)) add(usage)
  for (const { usage } of reservations.of(namespace, quota.metadata.name, nowMs)) add(usage)
  return used
}

interface HoldContext {
  readonly attributes: AdmissionAttributes
  readonly reservations: Reservations
  readonly reader: ObjectReader
  readonly nowMs: number
}

function hold({ quotaName, usage }: QuotaCharge, { attributes, reservations, reader, nowMs }: HoldContext): void {
  const { def, namespace, name, oldObject } = attributes
  const before = oldObject?.metadata.resourceVersion
  const release = reservations.hold({
    namespace,
    quotaName,
    usage,
    isVisible: () => reader.get(def, namespace, name)?.metadata.resourceVersion !== before,
    expiresAtMs: nowMs + RESERVATION_MS,
  })
  // NOTE: a committed write shows in the cache before its outcome is told, a failed one never does: both end the reservation.
  attributes.onSettled?.(release)
}
