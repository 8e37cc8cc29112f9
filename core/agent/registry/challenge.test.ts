import assert from 'node:assert/strict'
import { it } from 'node:test'
import { basicAuthorization, parseChallenge } from './challenge.ts'

it('reads what registries demand', () => {
  assert.deepEqual(parseChallenge('Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull"'), {
    scheme: 'bearer',
    realm: 'https://auth.example/token',
    service: 'registry.example',
    scope: 'repository:a/b:pull',
  })
  assert.deepEqual(parseChallenge('Basic realm="registry"'), { scheme: 'basic' })
  for (const useless of ['', 'Bearer', 'Bearer realm="not a url"', 'Negotiate']) assert.equal(parseChallenge(useless), undefined, useless)
})

it('writes a login as registries read it', () => {
  assert.equal(basicAuthorization({ username: 'a', password: 'b' }), 'Basic YTpi')
  assert.equal(basicAuthorization({ auth: 'YTpi' }), 'Basic YTpi')
  assert.equal(basicAuthorization(undefined), undefined)
})
