import { compareQuantity, formatQuantity, parseQuantity, toApproximate } from '../../meta/quantity.ts'

export type ResourceList = Readonly<Record<string, string>>

/** What one container, pod or claim asks for. */
export interface Usage {
  readonly requests: ResourceList
  readonly limits: ResourceList
}

/** One bound of a LimitRange: which kind of item, which resource, and the amount as written. */
export interface Bound {
  readonly itemType: string
  readonly resource: string
  readonly amount: string
}

/** The problem of a minimum, undefined when it is kept. Source: kubernetes, plugin/pkg/admission/limitranger. */
export function minProblem(bound: Bound, { requests, limits }: Usage): string | undefined {
  const [request, limit] = [requests[bound.resource], limits[bound.resource]]
  const text = `minimum ${bound.resource} usage per ${bound.itemType} is ${show(bound.amount)}`
  if (request === undefined) return `${text}.  No request is specified`
  if (compare(request, bound.amount) < 0) return `${text}, but request is ${show(request)}`
  if (limit !== undefined && compare(limit, bound.amount) < 0) return `${text}, but limit is ${show(limit)}`
  return undefined
}

/** A limit that is not given is a problem, too. */
export function maxProblem(bound: Bound, { requests, limits }: Usage): string | undefined {
  const [request, limit] = [requests[bound.resource], limits[bound.resource]]
  const text = `maximum ${bound.resource} usage per ${bound.itemType} is ${show(bound.amount)}`
  if (limit === undefined) return `${text}.  No limit is specified`
  if (compare(limit, bound.amount) > 0) return `${text}, but limit is ${show(limit)}`
  if (request !== undefined && compare(request, bound.amount) > 0) return `${text}, but request is ${show(request)}`
  return undefined
}

/** For claims, which have no limits. */
export function maxRequestProblem(bound: Bound, { requests }: Usage): string | undefined {
  const request = requests[bound.resource]
  const text = `maximum ${bound.resource} usage per ${bound.itemType} is ${show(bound.amount)}`
  if (request === undefined) return `${text}.  No request is specified`
  return compare(request, bound.amount) > 0 ? `${text}, but request is ${show(request)}` : undefined
}

/** Limit by request; neither may be missing. */
export function ratioProblem(bound: Bound, { requests, limits }: Usage): string | undefined {
  const text = `${bound.resource} max limit to request ratio per ${bound.itemType} is ${show(bound.amount)}`
  const request = toApproximate(parseQuantity(requests[bound.resource]))
  const limit = toApproximate(parseQuantity(limits[bound.resource]))
  if (request === 0) return `${text}, but no request is specified or request is 0`
  if (limit === 0) return `${text}, but no limit is specified or limit is 0`
  const ratio = limit / request
  return ratio > toApproximate(parseQuantity(bound.amount)) ? `${text}, but provided ratio is ${ratio.toFixed(6)}` : undefined
}

function compare(a: string, b: string): number {
  return compareQuantity(parseQuantity(a), parseQuantity(b))
}

function show(amount: string): string {
  return formatQuantity(parseQuantity(amount))
}
