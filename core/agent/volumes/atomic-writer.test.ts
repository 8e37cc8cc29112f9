import assert from 'node:assert/strict'
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { folderForEachTest } from '../../../tests/helpers/temporary-folder.ts'
import { type Content, writeContent } from './atomic-writer.ts'

const folder = folderForEachTest('content')
const files = (entries: Readonly<Record<string, string>>, mode = 0o644): Content =>
  new Map(Object.entries(entries).map(([path, text]) => [path, { content: Buffer.from(text), mode }]))

describe('content of a volume', () => {
  it('shows plain names that lead into one dated folder', () => {
    assert.equal(writeContent(folder.path, files({ a: '1', 'sub/b': '2' }), undefined, 0), true)
    assert.equal(readFileSync(join(folder.path, 'sub/b'), 'utf8'), '2')
    assert.equal(readlinkSync(join(folder.path, 'a')), '..data/a')
    assert.equal(statSync(join(folder.path, 'a')).mode & 0o777, 0o644)
  })

  it('is replaced whole, with what is gone removed and nothing left behind', () => {
    writeContent(folder.path, files({ a: '1', old: 'x' }), undefined, 0)
    assert.equal(writeContent(folder.path, files({ a: '2', fresh: 'y' }), undefined, 1000), true)
    assert.deepEqual(
      readdirSync(folder.path)
        .filter((name) => !name.startsWith('..'))
        .sort(),
      ['a', 'fresh'],
    )
    assert.equal(readdirSync(folder.path).filter((name) => name.startsWith('..')).length, 2)
    assert.equal(readFileSync(join(folder.path, 'a'), 'utf8'), '2')
  })

  it('is left alone when nothing changed', () => {
    writeContent(folder.path, files({ a: '1' }), undefined, 0)
    const before = readlinkSync(join(folder.path, '..data'))
    assert.equal(writeContent(folder.path, files({ a: '1' }), undefined, 5000), false)
    assert.equal(readlinkSync(join(folder.path, '..data')), before)
  })
})
