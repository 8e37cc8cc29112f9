import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { frontProxyHeaders, isFrontProxyHeader } from './front-proxy.ts'

describe('frontProxyHeaders', () => {
  it('names the user, each group and each extra value', () => {
    assert.deepEqual(
      frontProxyHeaders({ name: 'jane', uid: '7', groups: ['a', 'b, c'], extra: { 'example.com/Scope%': ['x', 'y'], none: [] } }),
      {
        'x-remote-user': 'jane',
        'x-remote-uid': '7',
        'x-remote-group': ['a', 'b, c'],
        'x-remote-extra-example.com%2Fscope%25': ['x', 'y'],
      },
    )
    assert.deepEqual(frontProxyHeaders({ name: 'jane', groups: [] }), { 'x-remote-user': 'jane' })
  })

  it('writes other letters as UTF-8 bytes, and breaks no line', () => {
    const headers = frontProxyHeaders({ name: 'jörg\r\nx-remote-group: system:masters', groups: [], extra: { ä: ['ß'] } })
    assert.deepEqual(headers, {
      'x-remote-user': 'j\u00c3\u00b6rg  x-remote-group: system:masters',
      'x-remote-extra-%C3%A4': ['\u00c3\u009f'],
    })
  })
})

describe('isFrontProxyHeader', () => {
  it('knows what only the server may say', () => {
    const names = ['x-remote-user', 'x-remote-uid', 'x-remote-group', 'x-remote-extra-scopes', 'x-remote-addr', 'accept']
    assert.deepEqual(names.filter(isFrontProxyHeader), names.slice(0, 4))
  })
})
