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

/** Files, folders and globs in code marks: `name.ts`, `folder/`, `tests/node/*.test.ts`. Bare words, commands and paths of the running system are none. */
const NAMED = /^[\w.-][\w./*-]*(\.(ts|md|yaml|proto|mjs|cjs)|\/)$/

/** Also the bare names in the first column of a table. */
function namesIn(text: string): readonly string[] {
  const cells = [...text.matchAll(/^\| ([^|]+) \|/gm)].flatMap(([, cell = '']) => cell.split(/,? +/))
  const marked = [...text.matchAll(/`([^`\n]+)`/g)].flatMap(([, code = '']) =>
    code.startsWith('node --test ') ? code.split(/\s+/) : [code],
  )
  return [...marked, ...cells].map((name) => name.replaceAll(/^['"]|['"]$/g, '')).filter((name) => NAMED.test(name))
}

/** In the folder or below it, or as seen from one of the folders above. */
function exists(name: string, folder: string): boolean {
  const above = folder.split('/').map((_, index, parts) => parts.slice(0, index + 1).join('/'))
  return (
    ['.', ...above].some((base) => globSync(name, { cwd: join(ROOT, base) }).length > 0) ||
    globSync(`**/${name}`, { cwd: join(ROOT, folder) }).length > 0
  )
}

describe('file map of a README', () => {
  const maps = [...globSync('{core,controllers,addons,tests,scripts}/**/README.md', { cwd: ROOT }), 'ARCHITECTURE.md']
  for (const file of maps.sort()) {
    it(`names what exists: ${file}`, () => {
      const names = namesIn(readFileSync(join(ROOT, file), 'utf8'))
      const folder = file === 'ARCHITECTURE.md' ? 'core/apiserver' : dirname(file)
      assert.deepEqual(
        names.filter((name) => !exists(name, folder)),
        [],
      )
    })
  }
})
