import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Ingress, IngressClass } from '../../core/api/types/networking-v1.ts'
import { CONTROLLER, isServed, matchRoute, routesOf } from './routes.ts'

const ingress = (spec: unknown, annotations = {}): Ingress => ({ metadata: { name: 'i', namespace: 'ns', annotations }, spec }) as Ingress
const backend = (name: string): unknown => ({ service: { name, port: { number: 80 } } })
const rule = (host: string, paths: readonly (readonly [string, string, string])[]): unknown => ({
  host,
  http: { paths: paths.map(([path, pathType, name]) => ({ path, pathType, backend: backend(name) })) },
})

describe('routes', () => {
  const routes = routesOf([
    ingress({ rules: [rule('', [['/', 'Prefix', 'all']]), rule('*.a.org', [['/', 'Prefix', 'wild']])] }),
    ingress({
      rules: [
        rule('x.a.org', [
          ['/', 'Prefix', 'x'],
          ['/foo', 'Prefix', 'foo'],
          ['/foo', 'Exact', 'exact'],
        ]),
      ],
    }),
  ])
  for (const { host, path, want } of [
    { host: 'other.org', path: '/', want: 'all' },
    { host: 'y.a.org:8080', path: '/', want: 'wild' },
    { host: 'z.y.a.org', path: '/', want: 'all' },
    { host: 'X.a.org', path: '/', want: 'x' },
    { host: 'x.a.org', path: '/foo', want: 'exact' },
    { host: 'x.a.org', path: '/foo/bar', want: 'foo' },
    { host: 'x.a.org', path: '/foobar', want: 'x' },
  ]) {
    it(`${host}${path} goes to ${want}`, () => {
      assert.equal(matchRoute(routes, host, path)?.backend.service?.name, want)
    })
  }
})

describe('the class of an Ingress', () => {
  const ours = { metadata: { name: 'traefik', annotations: {} }, spec: { controller: CONTROLLER } } as unknown as IngressClass
  const byDefault = {
    ...ours,
    metadata: { ...ours.metadata, annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' } },
  } as IngressClass
  for (const { title, object, classes, want } of [
    { title: 'ours by name', object: ingress({ ingressClassName: 'traefik' }), classes: [ours], want: true },
    { title: "another's by name", object: ingress({ ingressClassName: 'nginx' }), classes: [ours], want: false },
    { title: 'none, ours is the default', object: ingress({}), classes: [byDefault], want: true },
    { title: 'none, ours is not the default', object: ingress({}), classes: [ours], want: false },
    { title: 'the old annotation', object: ingress({}, { 'kubernetes.io/ingress.class': 'traefik' }), classes: [], want: true },
  ]) {
    it(title, () => {
      assert.equal(isServed(object, classes), want)
    })
  }
})
