import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Engine, startEngine } from '../helpers/engine.ts'

const REVISIONS = '/apis/apps/v1/namespaces/default/controllerrevisions'
const LIMIT_MS = 2_000

/** Small bodies that stand for something huge, sent by somebody who may write objects. The server answers soon, and says why. */
describe('bombs', () => {
  const throwAt = async (
    engine: Engine,
    method: string,
    url: string,
    [type, body]: readonly [string, string],
  ): Promise<{ readonly status: number; readonly message: string }> => {
    const beginMs = performance.now()
    const answer = await engine.call(method, url, body, { headers: { 'content-type': type } })
    assert.ok(performance.now() - beginMs < LIMIT_MS, `${method} took ${Math.round(performance.now() - beginMs)} ms`)
    assert.ok(answer.status >= 400 && answer.status < 500, `${answer.status} ${answer.text.slice(0, 300)}`)
    const { message } = answer.json as { readonly message: string }
    return { status: answer.status, message }
  }

  it('of aliases in YAML', async () => {
    await using engine = await startEngine()
    const lines = ['apiVersion: apps/v1', 'kind: ControllerRevision', 'metadata: { name: r }', 'revision: 1', 'data:']
    lines.push('  a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]')
    for (let i = 1; i < 12; i++) lines.push(`  a${i}: &a${i} [${`*a${i - 1}, `.repeat(9)}]`)
    const created = await throwAt(engine, 'POST', REVISIONS, ['application/yaml', lines.join('\n')])
    assert.match(created.message, /excessive aliasing/)
    const applied = await throwAt(engine, 'PATCH', `${REVISIONS}/r?fieldManager=me`, ['application/apply-patch+yaml', lines.join('\n')])
    assert.match(applied.message, /excessive aliasing/)
  })

  it('of depth', async () => {
    await using engine = await startEngine()
    const deep = `${'['.repeat(400_000)}${']'.repeat(400_000)}`
    const object = `{"apiVersion":"apps/v1","kind":"ControllerRevision","metadata":{"name":"r"},"revision":1,"data":${deep}}`
    const created = await throwAt(engine, 'POST', REVISIONS, ['application/json', object])
    assert.deepEqual([created.status, created.message.includes('exceeded max depth')], [400, true])
    await engine.call('POST', REVISIONS, { metadata: { name: 'r' }, revision: 1, data: { a: 1 } })
    for (const type of ['merge-patch+json', 'strategic-merge-patch+json', 'apply-patch+yaml']) {
      const patched = await throwAt(engine, 'PATCH', `${REVISIONS}/r?fieldManager=me`, [`application/${type}`, object])
      assert.deepEqual([patched.status, patched.message.includes('exceeded max depth')], [400, true], type)
    }
    const options = await throwAt(engine, 'DELETE', `${REVISIONS}/r`, ['application/json', `{"kind":"DeleteOptions","x":${deep}}`])
    assert.equal(options.status, 400)
  })

  it('of copies in a JSON patch', async () => {
    await using engine = await startEngine()
    await engine.call('POST', REVISIONS, { metadata: { name: 'r' }, revision: 1, data: { a: { v: 'x'.repeat(1_000) } } })
    const operations = Array.from({ length: 60 }, (_, i) => ({ op: 'copy', from: '/data/a', path: `/data/a/c${i}` }))
    await throwAt(engine, 'PATCH', `${REVISIONS}/r`, ['application/json-patch+json', JSON.stringify(operations)])
  })
})
