import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { describe, it } from 'node:test'
import { folderForEachTest } from '../../tests/helpers/temporary-folder.ts'
import { ManifestFiles } from './files.ts'

const folder = folderForEachTest('manifests')

function put(...paths: readonly string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(join(folder.path, path)), { recursive: true })
    writeFileSync(join(folder.path, path), '')
  }
}

const found = (disable: readonly string[] = []): readonly string[] =>
  new ManifestFiles(folder.path, disable)
    .all()
    .map((file) => `${relative(folder.path, file.path)}=${file.addon}${file.disabled ? ' disabled' : ''}`)

describe('the manifest folder', () => {
  it('holds YAML and JSON of any case in sub-folders too, and no dot files', () => {
    put('b.yaml', 'a.YML', 'sub/c.json', '.hidden.yaml', 'notes.txt')
    assert.deepEqual(found(), ['a.YML=a', 'b.yaml=b', 'sub/c.json=c'])
  })

  it('leaves files with a skip twin alone', () => {
    put('a.yaml', 'a.yaml.skip', 'b.yaml')
    assert.deepEqual(found(), ['b.yaml=b'])
  })

  it('gives files of one name Addons of their own', () => {
    put('a.yaml', 'x/a.yaml', 'a.b.yaml')
    assert.deepEqual(new Set(found().map((entry) => entry.split('=')[1])).size, 3)
  })

  it('knows disabled files by base name and by folder', () => {
    put('traefik.yaml', 'metrics-server/apiservice.yaml', 'app.yaml')
    assert.deepEqual(found(['traefik', 'metrics-server']), [
      'app.yaml=app',
      'metrics-server/apiservice.yaml=apiservice disabled',
      'traefik.yaml=traefik disabled',
    ])
  })

  it('keeps up with single files', () => {
    put('x/a.yaml')
    const files = new ManifestFiles(folder.path, [])
    const addonOf = (path: string): string | undefined => files.fileAt(join(folder.path, path))?.addon
    assert.equal(addonOf('x/a.yaml'), 'a')
    put('a.yaml', 'b.txt', 'y/a.yaml.skip')
    assert.equal(addonOf('a.yaml'), undefined, 'nobody told of it yet')
    assert.deepEqual(files.add(join(folder.path, 'a.yaml')), [join(folder.path, 'a.yaml')])
    assert.deepEqual(files.add(join(folder.path, 'b.txt')), [])
    assert.deepEqual([addonOf('a.yaml'), addonOf('x/a.yaml')], ['a', 'x-a-yaml'])
    files.add(join(folder.path, 'y/a.yaml.skip'))
    assert.deepEqual([addonOf('a.yaml'), addonOf('x/a.yaml')], [undefined, undefined])
    rmSync(join(folder.path, 'y/a.yaml.skip'))
    assert.deepEqual(
      files.remove(join(folder.path, 'y/a.yaml.skip')),
      [join(folder.path, 'x/a.yaml'), join(folder.path, 'a.yaml')],
      'free again',
    )
    rmSync(join(folder.path, 'a.yaml'))
    assert.deepEqual([addonOf('a.yaml'), addonOf('x/a.yaml')], [undefined, 'a'], 'a file that is gone holds no name, told or not')
  })

  it('follows links to folders', () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'k3ts-linked-'))
    writeFileSync(join(elsewhere, 'l.yaml'), '')
    symlinkSync(elsewhere, join(folder.path, 'linked'))
    assert.deepEqual(found(), ['linked/l.yaml=l'])
    rmSync(elsewhere, { recursive: true })
  })
})
