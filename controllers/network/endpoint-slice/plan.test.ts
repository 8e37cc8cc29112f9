import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Endpoint, EndpointSlice } from '../../../core/api/types/discovery-v1.ts'
import { type PortGroup, portKey } from './desired.ts'
import { planSlices } from './plan.ts'

const LABELS = { a: 'b' }
const PORTS = [{ name: 'http', protocol: 'TCP' as const, port: 80 }]
const endpoint = (id: number, ready = true): Endpoint => ({
  addresses: [`10.0.${Math.floor(id / 250)}.${id % 250}`],
  conditions: { ready },
})
const endpoints = (from: number, to: number): Endpoint[] => Array.from({ length: to - from }, (_, i) => endpoint(from + i))
const slice = (name: string, members: readonly Endpoint[], ports = PORTS): EndpointSlice =>
  ({ metadata: { name, labels: LABELS }, addressType: 'IPv4', endpoints: members, ports }) as unknown as EndpointSlice
const wanted = (members: readonly Endpoint[]): Map<string, PortGroup> => new Map([[portKey(PORTS), { ports: PORTS, endpoints: members }]])
const summary = (plan: ReturnType<typeof planSlices>): unknown => ({
  create: plan.create.map(({ endpoints: members }) => members.length),
  update: plan.update.map(({ metadata, endpoints: members }) => `${metadata.name}:${members.length}`),
  remove: plan.remove.map(({ metadata }) => metadata.name),
})

describe('plan of slices', () => {
  for (const { title, have, want, expected } of [
    {
      title: 'creates as many as it takes',
      have: [],
      want: endpoints(0, 250),
      expected: { create: [100, 100, 50], update: [], remove: [] },
    },
    {
      title: 'changes nothing that is right',
      have: [slice('a', endpoints(0, 50))],
      want: endpoints(0, 50),
      expected: { create: [], update: [], remove: [] },
    },
    {
      title: 'fills a slice with room',
      have: [slice('a', endpoints(0, 50))],
      want: endpoints(0, 60),
      expected: { create: [], update: ['a:60'], remove: [] },
    },
    {
      title: 'fills a slice that changes anyway before one that does not',
      have: [slice('a', endpoints(0, 40)), slice('b', endpoints(100, 150))],
      want: [...endpoints(0, 40), ...endpoints(105, 155)],
      expected: { create: [], update: ['b:50'], remove: [] },
    },
    {
      title: 'removes an empty slice and keeps the others untouched',
      have: [slice('a', endpoints(0, 100)), slice('b', endpoints(100, 101))],
      want: endpoints(0, 100),
      expected: { create: [], update: [], remove: ['b'] },
    },
    {
      title: 'leaves one slice without endpoints',
      have: [slice('a', endpoints(0, 3))],
      want: [],
      expected: { create: [], update: ['a:0'], remove: [] },
    },
    {
      title: 'overflows into a new slice',
      have: [slice('a', endpoints(0, 100))],
      want: endpoints(0, 120),
      expected: { create: [20], update: [], remove: [] },
    },
  ]) {
    it(title, () => assert.deepEqual(summary(planSlices(have, wanted(want), LABELS)), expected))
  }

  it('writes an endpoint whose readiness changed', () => {
    const plan = planSlices([slice('a', [endpoint(1), endpoint(2)])], wanted([endpoint(1), endpoint(2, false)]), LABELS)
    assert.deepEqual(
      plan.update[0]?.endpoints.map(({ conditions }) => conditions.ready),
      [true, false],
    )
  })

  it('gives a slice with old ports the new ones instead of a delete and a create', () => {
    const plan = planSlices([slice('a', endpoints(0, 2), [{ name: 'http', protocol: 'TCP', port: 81 }])], wanted(endpoints(0, 2)), LABELS)
    assert.deepEqual(summary(plan), { create: [], update: ['a:2'], remove: [] })
    assert.deepEqual(plan.update[0]?.ports, PORTS)
  })

  it('shows with an empty slice that there are no endpoints', () => {
    assert.deepEqual(summary(planSlices([], new Map(), LABELS)), { create: [0], update: [], remove: [] })
  })
})
