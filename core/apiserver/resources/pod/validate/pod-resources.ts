import { aggregateContainers, isPodLevelResource } from '../../../../api/rules/pod-resources.ts'
import type { PodSpec, ResourceRequirements } from '../../../../api/types/core-v1.ts'
import { forbidden, invalid, notSupported } from '../../../../meta/field-error.ts'
import { compareQuantity, formatQuantity, parseQuantity } from '../../../../meta/quantity.ts'
import type { Problems } from '../../validation/common.ts'
import { checkResourceQuantity } from './resources.ts'

const POD_RESOURCES = ['cpu', 'hugepages-', 'memory']

/** Resources of the pod as a whole: few kinds, and never less than the containers need. Source: shared validation facts, core/PodResources. */
export function checkPodResources(spec: PodSpec, resources: ResourceRequirements, path: string, problems: Problems): void {
  if (spec.os?.name === 'windows') problems.push(forbidden(path, 'may not be set for a windows pod'))
  if (resources.claims !== undefined) problems.push(forbidden(`${path}.claims`, 'claims may not be set for Resources at pod-level'))
  checkList(resources.limits, `${path}.limits`, problems)
  checkList(resources.requests, `${path}.requests`, problems)
  const { limits = {}, requests = {} } = resources
  for (const [name, request] of Object.entries(requests)) {
    const limit = limits[name]
    if (limit !== undefined && compareQuantity(parseQuantity(request), parseQuantity(limit)) > 0)
      problems.push(invalid(`${path}.requests`, request, `must be less than or equal to ${name} limit of ${limit}`))
  }
  checkRequestsCover(spec, requests, path, problems)
  checkLimitsCover(spec, limits, path, problems)
}

function checkList(list: Readonly<Record<string, string>> | undefined, path: string, problems: Problems): void {
  for (const [name, text] of Object.entries(list ?? {})) {
    const at = `${path}[${name}]`
    if (!isPodLevelResource(name)) problems.push(notSupported(at, name, POD_RESOURCES))
    checkResourceQuantity(name, text, at, problems)
  }
}

function checkRequestsCover(spec: PodSpec, requests: Readonly<Record<string, string>>, path: string, problems: Problems): void {
  for (const [name, needed] of aggregateContainers(spec, 'requests')) {
    const request = requests[name]
    if (request !== undefined && compareQuantity(needed, parseQuantity(request)) > 0)
      problems.push(
        invalid(
          `${path}.requests[${name}]`,
          request,
          `must be greater than or equal to aggregate container requests of ${formatQuantity(needed)}`,
        ),
      )
  }
}

/** A single container may not have a higher limit than the pod; huge pages count together. */
function checkLimitsCover(spec: PodSpec, limits: Readonly<Record<string, string>>, path: string, problems: Problems): void {
  for (const [name, text] of Object.entries(limits)) {
    const limit = parseQuantity(text)
    if (name.startsWith('hugepages-')) {
      const needed = aggregateContainers(spec, 'limits').get(name)
      if (needed !== undefined && compareQuantity(needed, limit) > 0)
        problems.push(
          invalid(
            `${path}.limits[${name}]`,
            text,
            `must be greater than or equal to aggregate container limits of ${formatQuantity(needed)}`,
          ),
        )
      continue
    }
    for (const list of ['containers', 'initContainers'] as const)
      spec[list]?.forEach(({ resources }, i) => {
        const own = resources.limits?.[name]
        if (own !== undefined && compareQuantity(parseQuantity(own), limit) > 0)
          problems.push(
            invalid(
              `${path.slice(0, path.lastIndexOf('.'))}.${list}[${i}].resources.limits`,
              own,
              `must be less than or equal to pod limits of ${text}`,
            ),
          )
      })
  }
}
