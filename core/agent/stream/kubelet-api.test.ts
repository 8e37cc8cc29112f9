import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseAction, requiredAccess } from './kubelet-api.ts'

const NO_QUERY = new URLSearchParams()
const access = (path: string, method = 'GET'): string => {
  const action = parseAction(path, NO_QUERY)
  if (action === undefined) return 'nowhere'
  const { verb, subresource } = requiredAccess(action, method)
  return `${verb} nodes/${subresource}`
}

describe('paths of the kubelet', () => {
  for (const [path, method, expected] of [
    ['/containerLogs/ns/pod/c', 'GET', 'get nodes/proxy'],
    ['/exec/ns/pod/c', 'POST', 'create nodes/proxy'],
    ['/exec/ns/pod/c', 'GET', 'get nodes/proxy'],
    ['/attach/ns/pod/uid/c', 'POST', 'create nodes/proxy'],
    ['/portForward/ns/pod', 'POST', 'create nodes/proxy'],
    ['/pods', 'GET', 'get nodes/pods'],
    ['/runningpods/', 'GET', 'get nodes/pods'],
    ['/configz', 'GET', 'get nodes/configz'],
    ['/stats/summary', 'GET', 'get nodes/stats'],
    ['/metrics/resource', 'GET', 'get nodes/metrics'],
    ['/healthz', 'GET', 'get nodes/healthz'],
  ] as const)
    it(`${method} ${path} needs ${expected}`, () => assert.equal(access(path, method), expected))

  for (const path of ['/', '//', '/%zz', '/exec/a%', '/logs/syslog', '/debug/pprof', '/run/ns/pod/c', '/configz/more', '/exec/ns/pod'])
    it(`${path} leads nowhere`, () => assert.equal(access(path), 'nowhere'))
})
