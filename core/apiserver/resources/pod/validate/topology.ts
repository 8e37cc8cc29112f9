import type { TopologySpreadConstraint } from '../../../../api/types/core-v1.ts'
import { duplicate, forbidden, invalid, required } from '../../../../meta/field-error.ts'
import { checkEnum, POSITIVE, type Problems } from '../../validation/common.ts'
import { checkLabelName, checkLabelSelector } from '../../validation/labels.ts'
import { isAlsoSelected } from './affinity.ts'

const INCLUSION = ['Honor', 'Ignore']
const ACTIONS = ['DoNotSchedule', 'ScheduleAnyway']

/** `merged`: matchLabelKeys have been folded into the selectors. */
export function checkTopologySpread(
  constraints: readonly TopologySpreadConstraint[],
  path: string,
  merged: boolean,
  problems: Problems,
): void {
  constraints.forEach((constraint, i) => {
    const at = `${path}[${i}]`
    const { maxSkew, topologyKey, whenUnsatisfiable, labelSelector } = constraint
    if (maxSkew <= 0) problems.push(invalid(`${at}.maxSkew`, maxSkew, POSITIVE))
    if (topologyKey === '') problems.push(required(`${at}.topologyKey`, 'can not be empty'))
    else checkLabelName(topologyKey, `${at}.topologyKey`, problems)
    checkEnum(whenUnsatisfiable, `${at}.whenUnsatisfiable`, ACTIONS, problems)
    const repeated = constraints
      .slice(i + 1)
      .some((other) => other.topologyKey === topologyKey && other.whenUnsatisfiable === whenUnsatisfiable)
    if (repeated) problems.push(duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, `{${topologyKey}, ${whenUnsatisfiable}}`))
    checkMinDomains(constraint, `${at}.minDomains`, problems)
    checkEnum(constraint.nodeAffinityPolicy, `${at}.nodeAffinityPolicy`, INCLUSION, problems)
    checkEnum(constraint.nodeTaintsPolicy, `${at}.nodeTaintsPolicy`, INCLUSION, problems)
    checkKeys(constraint, `${at}.matchLabelKeys`, merged, problems)
    checkLabelSelector(labelSelector, `${at}.labelSelector`, problems)
  })
}

function checkMinDomains({ minDomains, whenUnsatisfiable }: TopologySpreadConstraint, path: string, problems: Problems): void {
  if (minDomains === undefined) return
  if (minDomains <= 0) problems.push(invalid(path, minDomains, POSITIVE))
  if (whenUnsatisfiable !== 'DoNotSchedule')
    problems.push(invalid(path, minDomains, `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`))
}

function checkKeys(
  { matchLabelKeys = [], labelSelector }: TopologySpreadConstraint,
  path: string,
  merged: boolean,
  problems: Problems,
): void {
  if (matchLabelKeys.length === 0) return
  if (labelSelector === undefined) problems.push(forbidden(path, 'must not be specified when labelSelector is not set'))
  matchLabelKeys.forEach((key, i) => {
    checkLabelName(key, `${path}[${i}]`, problems)
    if (isAlsoSelected(key, labelSelector, merged))
      problems.push(invalid(`${path}[${i}]`, key, 'exists in both matchLabelKeys and labelSelector'))
  })
}
