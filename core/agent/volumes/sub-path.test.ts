import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { VolumeError } from './errors.ts'
import { prepareSubPath } from './sub-path.ts'

for (const [title, subPath] of [
  ['climbs out', '../../etc'],
  ['leads out through a link', 'link'],
  ['leads out through a link on its way', 'link/passwd'],
] as const) {
  it(`refuses a sub-path that ${title}`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'k3ts-sub-'))
    mkdirSync(join(folder, 'volume'))
    symlinkSync('/etc', join(folder, 'volume/link'))
    await assert.rejects(prepareSubPath(join(folder, 'volume'), subPath, join(folder, 'target')), VolumeError)
    rmSync(folder, { recursive: true })
  })
}

it('makes nothing outside of the volume on its way', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'k3ts-sub-'))
  mkdirSync(join(folder, 'volume'))
  mkdirSync(join(folder, 'outside'))
  symlinkSync(join(folder, 'outside'), join(folder, 'volume/link'))
  await assert.rejects(prepareSubPath(join(folder, 'volume'), 'link/a/b', join(folder, 'target')), VolumeError)
  assert.deepEqual(readdirSync(join(folder, 'outside')), [])
  rmSync(folder, { recursive: true })
})
