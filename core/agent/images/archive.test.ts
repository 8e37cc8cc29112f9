import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { tarOf } from '../../../tests/helpers/tar.ts'
import { archiveImages } from './archive.ts'

const read = async (content: Buffer, name = 'a.tar.gz'): Promise<readonly string[]> => {
  const folder = mkdtempSync(join(tmpdir(), 'k3ts-archive-'))
  try {
    writeFileSync(join(folder, name), name.endsWith('gz') ? gzipSync(content) : content)
    return await archiveImages(join(folder, name), AbortSignal.timeout(20_000))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe('archives of images', () => {
  it('tell their names, whatever else they hold', async () => {
    const manifest = Buffer.from(JSON.stringify([{ RepoTags: ['busybox:1', '../../etc:x'] }]))
    const files = [
      { path: '../../outside', content: Buffer.from('x') },
      { path: 'manifest.json', content: manifest },
    ]
    assert.deepEqual(await read(tarOf(files), 'a.tar'), ['docker.io/library/busybox:1'])
  })

  it('with tables that would fill the memory are refused', async () => {
    const files = [{ path: 'index.json', content: Buffer.alloc(17 * 1024 * 1024, ' ') }]
    await assert.rejects(read(tarOf(files)), /index\.json of .* is larger than 16777216 bytes/)
  })

  it('that are broken are refused', async () => {
    await assert.rejects(read(tarOf([{ path: 'manifest.json', content: Buffer.from('{') }])), SyntaxError)
  })
})
