import type { Affinity, NodeSelector, NodeSelectorTerm, PodAffinity, PodAffinityTerm } from '../../../../api/types/core-v1.ts'
import type { LabelSelector } from '../../../../api/types/meta-v1.ts'
import { forbidden, invalid, required } from '../../../../meta/field-error.ts'
import { dns1123LabelProblems, dns1123SubdomainProblems, labelValueProblems } from '../../../../meta/names.ts'
import { checkFormat, type Problems } from '../../validation/common.ts'
import { checkLabelName, checkLabelSelector } from '../../validation/labels.ts'

const WEIGHT_TEXT = 'must be in the range 1-100'
const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution'
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution'

/** `merged`: matchLabelKeys have been folded into the selectors, which is done once for each pod. */
export function checkAffinity(affinity: Affinity, path: string, merged: boolean, problems: Problems): void {
  const { nodeAffinity, podAffinity, podAntiAffinity } = affinity
  if (nodeAffinity?.[REQUIRED] !== undefined) checkNodeSelector(nodeAffinity[REQUIRED], `${path}.nodeAffinity.${REQUIRED}`, problems)
  nodeAffinity?.[PREFERRED]?.forEach(({ weight, preference }, i) => {
    const at = `${path}.nodeAffinity.${PREFERRED}[${i}]`
    checkWeight(weight, at, problems)
    checkTerm(preference, `${at}.preference`, false, problems)
  })
  if (podAffinity !== undefined) checkPodAffinity(podAffinity, `${path}.podAffinity`, merged, problems)
  if (podAntiAffinity !== undefined) checkPodAffinity(podAntiAffinity, `${path}.podAntiAffinity`, merged, problems)
}

function checkWeight(weight: number, path: string, problems: Problems): void {
  if (weight <= 0 || weight > 100) problems.push(invalid(`${path}.weight`, weight, WEIGHT_TEXT))
}

export function checkNodeSelector({ nodeSelectorTerms }: NodeSelector, path: string, problems: Problems): void {
  const at = `${path}.nodeSelectorTerms`
  if (nodeSelectorTerms.length === 0) problems.push(required(at, 'must have at least one node selector term'))
  nodeSelectorTerms.forEach((term, i) => {
    checkTerm(term, `${at}[${i}]`, true, problems)
  })
}

/** `strict`: values must be possible values of labels. A preference for others is merely never met. */
function checkTerm({ matchExpressions, matchFields }: NodeSelectorTerm, path: string, strict: boolean, problems: Problems): void {
  matchExpressions?.forEach((requirement, i) => {
    checkExpression(requirement, `${path}.matchExpressions[${i}]`, strict, problems)
  })
  matchFields?.forEach((requirement, i) => {
    checkField(requirement, `${path}.matchFields[${i}]`, problems)
  })
}

type Requirement = NonNullable<NodeSelectorTerm['matchExpressions']>[number]

function checkExpression({ key, operator, values = [] }: Requirement, path: string, strict: boolean, problems: Problems): void {
  const at = `${path}.values`
  switch (operator as string) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) problems.push(required(at, "must be specified when `operator` is 'In' or 'NotIn'"))
      break
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) problems.push(forbidden(at, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
      break
    case 'Gt':
    case 'Lt':
      if (values.length !== 1) problems.push(required(at, "must be specified single value when `operator` is 'Lt' or 'Gt'"))
      break
    default:
      problems.push(invalid(`${path}.operator`, operator, 'not a valid selector operator'))
  }
  checkLabelName(key, `${path}.key`, problems)
  if (!strict) return
  values.forEach((value, i) => {
    checkFormat(value, `${at}[${i}]`, labelValueProblems, problems)
  })
}

/** The only field of a node that pods can select by is its name. */
function checkField({ key, operator, values = [] }: Requirement, path: string, problems: Problems): void {
  if (operator !== 'In' && operator !== 'NotIn') problems.push(invalid(`${path}.operator`, operator, 'not a valid selector operator'))
  else if (values.length !== 1)
    problems.push(required(`${path}.values`, "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"))
  if (key !== 'metadata.name') {
    problems.push(invalid(`${path}.key`, key, 'not a valid field selector key'))
    return
  }
  values.forEach((value, i) => {
    checkFormat(value, `${path}.values[${i}]`, dns1123SubdomainProblems, problems)
  })
}

function checkPodAffinity(affinity: PodAffinity, path: string, merged: boolean, problems: Problems): void {
  affinity[REQUIRED]?.forEach((term, i) => {
    checkPodTerm(term, `${path}.${REQUIRED}[${i}]`, merged, problems)
  })
  affinity[PREFERRED]?.forEach(({ weight, podAffinityTerm }, i) => {
    const at = `${path}.${PREFERRED}[${i}]`
    checkWeight(weight, at, problems)
    checkPodTerm(podAffinityTerm, `${at}.podAffinityTerm`, merged, problems)
  })
}

function checkPodTerm(term: PodAffinityTerm, path: string, merged: boolean, problems: Problems): void {
  checkLabelSelector(term.labelSelector, `${path}.labelSelector`, problems)
  checkLabelSelector(term.namespaceSelector, `${path}.namespaceSelector`, problems)
  for (const namespace of term.namespaces ?? []) checkFormat(namespace, `${path}.namespace`, dns1123LabelProblems, problems)
  checkMatchLabelKeys(term, path, merged, problems)
  if (term.topologyKey === '') problems.push(required(`${path}.topologyKey`, 'can not be empty'))
  checkLabelName(term.topologyKey, `${path}.topologyKey`, problems)
}

function checkMatchLabelKeys(term: PodAffinityTerm, path: string, merged: boolean, problems: Problems): void {
  const { matchLabelKeys = [], mismatchLabelKeys = [], labelSelector } = term
  checkLabelKeys(matchLabelKeys, `${path}.matchLabelKeys`, labelSelector, problems)
  checkLabelKeys(mismatchLabelKeys, `${path}.mismatchLabelKeys`, labelSelector, problems)
  const both = new Set(mismatchLabelKeys)
  matchLabelKeys.forEach((key, i) => {
    if (both.has(key)) problems.push(invalid(`${path}.matchLabelKeys[${i}]`, key, 'exists in both matchLabelKeys and mismatchLabelKeys'))
    else if (isAlsoSelected(key, labelSelector, merged))
      problems.push(invalid(`${path}.matchLabelKeys[${i}]`, key, 'exists in both matchLabelKeys and labelSelector'))
  })
}

function checkLabelKeys(keys: readonly string[], path: string, selector: LabelSelector | undefined, problems: Problems): void {
  if (keys.length === 0) return
  if (selector === undefined) problems.push(forbidden(path, 'must not be specified when labelSelector is not set'))
  keys.forEach((key, i) => {
    checkLabelName(key, `${path}[${i}]`, problems)
  })
}

/** The selector names the key on its own account, besides the one expression that folding in adds. */
export function isAlsoSelected(key: string, selector: LabelSelector | undefined, merged: boolean): boolean {
  if (selector?.matchLabels !== undefined && Object.hasOwn(selector.matchLabels, key)) return true
  const expressions = selector?.matchExpressions?.filter((expression) => expression.key === key) ?? []
  return expressions.length > (merged ? 1 : 0)
}
