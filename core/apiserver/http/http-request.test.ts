import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { toTarget } from './http-request.ts'

describe('the target of a request', () => {
  for (const { raw, target } of [
    { raw: '/api/v1/pods?limit=5', target: '/api/v1/pods?limit=5' },
    { raw: '/', target: '/' },
    { raw: 'https://host:6443/api?x=http://y/', target: '/api?x=http://y/' },
    { raw: 'http://host', target: '/' },
    { raw: 'HTTP://host?x', target: '/?x' },
    { raw: '*', target: undefined },
    { raw: 'api/v1', target: undefined },
    { raw: 'host:443', target: undefined },
    { raw: '', target: undefined },
    { raw: undefined, target: undefined },
  ]) {
    it(`of ${JSON.stringify(raw)} is ${JSON.stringify(target)}`, () => assert.equal(toTarget(raw), target))
  }
})
