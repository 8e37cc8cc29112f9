import type { Service } from '../../core/api/types/core-v1.ts'
import type { EndpointSlice } from '../../core/api/types/discovery-v1.ts'
import type { Ingress, IngressBackend, IngressClass } from '../../core/api/types/networking-v1.ts'

export const CONTROLLER = 'traefik.io/ingress-controller'
const CLASS_ANNOTATION = 'kubernetes.io/ingress.class'
const DEFAULT_CLASS = 'ingressclass.kubernetes.io/is-default-class'

export interface Route {
  /** Lower case; empty for all hosts; `*.example.org` for one label in front. */
  readonly host: string
  readonly path: string
  readonly exact: boolean
  readonly namespace: string
  readonly backend: IngressBackend
}

/** Whether this controller serves an Ingress: by class, by the old annotation, or as the default class. */
export function isServed(ingress: Ingress, classes: readonly IngressClass[]): boolean {
  const annotation = ingress.metadata.annotations?.[CLASS_ANNOTATION]
  const ours = classes.filter(({ spec }) => spec.controller === CONTROLLER)
  const name = ingress.spec.ingressClassName ?? annotation
  if (name === undefined || name === '')
    return ours.length === 0 || ours.some(({ metadata }) => metadata.annotations?.[DEFAULT_CLASS] === 'true')
  return name === annotation && ingress.spec.ingressClassName === undefined
    ? name === 'traefik' || ours.some(({ metadata }) => metadata.name === name)
    : ours.some(({ metadata }) => metadata.name === name)
}

/** All routes, the most specific first: exact hosts before wildcards before none, then longer paths, exact ones first. */
export function routesOf(ingresses: readonly Ingress[]): readonly Route[] {
  const routes = ingresses.flatMap(({ metadata, spec }) => {
    const namespace = metadata.namespace ?? ''
    const rules = (spec.rules ?? []).flatMap(({ host = '', http }) =>
      (http?.paths ?? []).map(({ path = '/', pathType, backend }) => ({
        host: host.toLowerCase(),
        path: path === '' ? '/' : path,
        exact: pathType === 'Exact',
        namespace,
        backend,
      })),
    )
    return spec.defaultBackend === undefined
      ? rules
      : [...rules, { host: '', path: '/', exact: false, namespace, backend: spec.defaultBackend }]
  })
  return routes.sort((a, b) => hostRank(a.host) - hostRank(b.host) || b.path.length - a.path.length || Number(b.exact) - Number(a.exact))
}

function hostRank(host: string): number {
  return host === '' ? 2 : host.startsWith('*.') ? 1 : 0
}

/** The first route that matches; `host` may carry a port. */
export function matchRoute(routes: readonly Route[], host: string, path: string): Route | undefined {
  const name = host.toLowerCase().replace(/:\d+$/, '')
  return routes.find((route) => matchesHost(route.host, name) && matchesPath(route, path))
}

/** Empty patterns match all; `*.` stands for exactly one label. */
export function matchesHost(pattern: string, name: string): boolean {
  if (pattern === '' || pattern === name) return true
  return pattern.startsWith('*.') && name.indexOf('.') > 0 && name.slice(name.indexOf('.')) === pattern.slice(1)
}

/** A prefix ends at an element: `/foo` takes `/foo/bar` and not `/foobar`. Source: Kubernetes, Ingress path types. */
function matchesPath({ path, exact }: Route, asked: string): boolean {
  if (exact) return asked === path
  const prefix = path.endsWith('/') ? path.slice(0, -1) : path
  return asked === prefix || asked.startsWith(`${prefix}/`)
}

export interface Target {
  readonly host: string
  readonly port: number
}

/** Ready endpoints behind a backend's port; undefined when Service or port does not exist. */
export function targetsOf(
  backend: IngressBackend,
  service: Service | undefined,
  slices: readonly EndpointSlice[],
): readonly Target[] | undefined {
  const wanted = backend.service?.port
  const port = service?.spec.ports?.find((one) =>
    wanted?.name === undefined || wanted.name === '' ? one.port === wanted?.number : one.name === wanted.name,
  )
  if (service === undefined || port === undefined) return undefined
  if (service.spec.type === 'ExternalName') return [{ host: service.spec.externalName ?? '', port: port.port }]
  return slices.flatMap(({ endpoints, ports }) => {
    const number = ports.find((one) => (one.name ?? '') === (port.name ?? ''))?.port
    if (number === undefined) return []
    return endpoints
      .filter(({ conditions }) => conditions.ready !== false)
      .flatMap(({ addresses }) => addresses.slice(0, 1).map((host) => ({ host, port: number })))
  })
}
