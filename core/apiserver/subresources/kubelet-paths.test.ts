import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Pod } from '../../api/types/core-v1.ts'
import { attachPath, execPath, logPath, portForwardPath } from './kubelet-paths.ts'

const pod = (containers: readonly string[], more: { init?: readonly string[]; annotations?: Record<string, string> } = {}): Pod =>
  ({
    metadata: { name: 'p', namespace: 'ns', annotations: more.annotations },
    spec: { containers: containers.map((name) => ({ name })), initContainers: more.init?.map((name) => ({ name })) },
  }) as unknown as Pod

const ONE = pod(['main'])
const TWO = pod(['a', 'b'], { init: ['i'] })

const CASES: readonly (readonly [
  title: string,
  path: (pod: Pod, query: URLSearchParams) => string,
  pod: Pod,
  query: string,
  expected: string,
])[] = [
  ['a plain log', logPath, ONE, '', '/containerLogs/ns/p/main'],
  [
    'all log options',
    logPath,
    ONE,
    'follow=true&previous=1&timestamps=true&tailLines=5&limitBytes=9&sinceSeconds=3&pretty=true',
    '/containerLogs/ns/p/main?follow=true&previous=true&timestamps=true&sinceSeconds=3&tailLines=5&limitBytes=9',
  ],
  ['options that are off', logPath, ONE, 'follow=false&previous=0', '/containerLogs/ns/p/main'],
  ['an init container', logPath, TWO, 'container=i', '/containerLogs/ns/p/i'],
  [
    'the default container',
    logPath,
    pod(['a', 'b'], { annotations: { 'kubectl.kubernetes.io/default-container': 'b' } }),
    '',
    '/containerLogs/ns/p/b',
  ],
  [
    'a command',
    execPath,
    ONE,
    'command=sh&command=-c&command=echo+a%26b&stdin=true&stdout=true&tty=true',
    '/exec/ns/p/main?input=1&output=1&tty=1&command=sh&command=-c&command=echo+a%26b',
  ],
  ['an attach', attachPath, ONE, 'stdout=1&stderr=1', '/attach/ns/p/main?output=1&error=1'],
  ['ports', portForwardPath, TWO, 'ports=80&ports=443', '/portForward/ns/p?port=80%2C443'],
  ['no ports', portForwardPath, TWO, '', '/portForward/ns/p'],
]

const REFUSED: readonly (readonly [path: typeof logPath, pod: Pod, query: string, message: RegExp])[] = [
  [logPath, TWO, '', /^a container name must be specified for pod p, choose one of: \[a b\] or one of the init containers: \[i\]$/],
  [logPath, TWO, 'container=x', /^container x is not valid for pod p$/],
  [logPath, ONE, 'tailLines=-1', /tailLines: Invalid value: -1: must be greater than or equal to 0/],
  [logPath, ONE, 'sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z', /at most one of `sinceTime` or `sinceSeconds` may be specified/],
  [logPath, ONE, 'sinceTime=yesterday', /^parsing time "yesterday"/],
  [execPath, ONE, 'stdout=1', /command: Required value/],
  [execPath, ONE, 'command=ls', /^you must specify at least 1 of stdin, stdout, stderr$/],
]

describe('the kubelet is asked for', () => {
  for (const [title, path, subject, query, expected] of CASES)
    it(title, () => {
      assert.equal(path(subject, new URLSearchParams(query)), expected)
    })
})

describe('the kubelet is not asked', () => {
  for (const [path, subject, query, message] of REFUSED)
    it(`${path.name} ?${query}`, () => {
      assert.throws(() => path(subject, new URLSearchParams(query)), { message })
    })
})
