import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseScrape } from './scrape.ts'

const container = '{container="main",namespace="default",pod="web"}'

describe('parseScrape', () => {
  it('reads nodes and containers in any order, with the moment of the CPU counter', () => {
    const { node, pods } = parseScrape(
      [
        '# HELP node_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the node in core-seconds',
        'node_cpu_usage_seconds_total 10.5 2000',
        'node_memory_working_set_bytes 4.194304e+06 1990',
        `container_start_time_seconds${container} 1.5`,
        `container_memory_working_set_bytes{namespace="default",pod="web",container="main"} 1024 1500`,
        `container_cpu_usage_seconds_total${container} 0.25 1600`,
        'pod_cpu_usage_seconds_total{namespace="default",pod="web"} 0.25 1600',
        'resource_scrape_error 0',
      ].join('\n'),
      9_000,
    )
    assert.deepEqual(node, { atMs: 2000, cpuNanos: 10_500_000_000, memoryBytes: 4_194_304 })
    assert.deepEqual(
      [...pods].map(([key, points]) => [key, [...points]]),
      [['default/web', [['main', { atMs: 1600, cpuNanos: 250_000_000, memoryBytes: 1024, startMs: 1500 }]]]],
    )
  })

  it('takes the time of the answer where a sample has none', () => {
    const { node } = parseScrape('node_cpu_usage_seconds_total 1\nnode_memory_working_set_bytes 1\n', 9_000)
    assert.equal(node?.atMs, 9_000)
  })

  it('leaves out pods that are measured in part, and a node that is not measured', () => {
    const { node, pods } = parseScrape(
      `container_cpu_usage_seconds_total${container} 1\ncontainer_memory_working_set_bytes${container} 1\n` +
        'container_cpu_usage_seconds_total{container="new",namespace="default",pod="web"} 0\n',
      9_000,
    )
    assert.equal(node, undefined)
    assert.equal(pods.size, 0)
  })
})
