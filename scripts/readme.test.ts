import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'

const ROOT = new URL('..', import.meta.url).pathname
const MAX_LINES = 60

/** The generator owns this folder whole; core/api/README.md speaks for it. */
const GENERATED = 'core/api/types'

/** Folders with code: of core/ to the second level, areas of controllers/. What lies deeper stands in the file map of the README above it. */
const folders = new Set(
  globSync(['core/**/*.ts', 'controllers/**/*.ts'], { cwd: ROOT }).flatMap((file) => {
    const parts = dirname(file).split('/')
    const depth = parts[0] === 'core' ? 3 : 2
    return parts.slice(0, depth).flatMap((_, index) => (parts[0] === 'core' && index === 0 ? [] : [parts.slice(0, index + 1).join('/')]))
  }),
)

describe('README of a folder', () => {
  it('looks at the folders of the project', () => {
    assert.ok(folders.has('core/store/sqlite') && folders.has('controllers/apps'))
  })

  for (const folder of [...folders].filter((name) => name !== GENERATED).sort()) {
    it(`stands in ${folder}, in at most ${MAX_LINES} lines`, () => {
      const file = join(ROOT, folder, 'README.md')
      assert.ok(existsSync(file), `${folder}/README.md is missing`)
      const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
      assert.ok(lines.length <= MAX_LINES, `${lines.length} lines`)
      assert.ok(lines[0] === `# ${folder}` || lines[0]?.startsWith(`# ${folder}: `), lines[0])
    })
  }
})
