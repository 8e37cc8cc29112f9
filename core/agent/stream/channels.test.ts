import assert from 'node:assert/strict'
import { it } from 'node:test'
import { type ChannelProtocol, COMMAND_PROTOCOLS, chooseProtocol, decodeMessage, encodeMessage, PORT_PROTOCOLS } from './channels.ts'

const named = (name: string): ChannelProtocol => {
  const found = COMMAND_PROTOCOLS.find((protocol) => protocol.name === name)
  assert.ok(found)
  return found
}

it('protocols are chosen in the order of the client', () => {
  const choose = (...names: readonly string[]): string | undefined => chooseProtocol(names, COMMAND_PROTOCOLS)?.name
  assert.equal(choose('v9.channel.k8s.io', 'v4.channel.k8s.io', 'v5.channel.k8s.io'), 'v4.channel.k8s.io')
  assert.equal(choose(), '')
  assert.equal(choose('chat'), undefined)
  assert.equal(chooseProtocol(['v5.channel.k8s.io'], PORT_PROTOCOLS), undefined)
})

it('messages carry a channel and bytes', () => {
  const bytes = Buffer.from([0, 255, 10])
  assert.deepEqual(encodeMessage(named('v5.channel.k8s.io'), 1, bytes), Buffer.of(1, 0, 255, 10))
  for (const protocol of COMMAND_PROTOCOLS)
    assert.deepEqual(decodeMessage(protocol, Buffer.from(encodeMessage(protocol, 2, bytes))), { channel: 2, bytes }, protocol.name)
  assert.equal(encodeMessage(named('v4.base64.channel.k8s.io'), 1, Buffer.from('hi')), '1aGk=')
})

it('only v5 closes channels', () => {
  assert.deepEqual(decodeMessage(named('v5.channel.k8s.io'), Buffer.of(255, 0)), { closed: 0 })
  assert.deepEqual(decodeMessage(named('v4.channel.k8s.io'), Buffer.of(255, 0)), { channel: 255, bytes: Buffer.of(0) })
})

it('messages without meaning are none', () => {
  assert.equal(decodeMessage(named('v5.channel.k8s.io'), Buffer.alloc(0)), undefined)
  assert.equal(decodeMessage(named('v5.channel.k8s.io'), Buffer.of(255)), undefined)
  assert.equal(decodeMessage(named('base64.channel.k8s.io'), Buffer.from('xaGk=')), undefined)
})
