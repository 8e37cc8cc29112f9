import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { kindsFile, kindTableFile } from './generate/kinds-file.ts'
import { moduleOf } from './generate/model.ts'
import { readApi } from './generate/read-proto.ts'
import { checkReferences, schemaFile } from './generate/schema-file.ts'
import { typesFile } from './generate/types-file.ts'

const HELP = `Usage: npm run generate [-- --check]

Writes the generated part of core/api from proto/k8s:
  types/*.ts        one interface per message
  kinds.ts          one typed resource token per served kind
  kind-table.ts     discovery facts of every kind and group version
  schema-data.ts    the schema table that core/api/schemas.ts decodes on demand

Options:
  --check   write nothing; fail when a file differs from what proto/k8s gives
  --help    show this text
`

const root = resolve(import.meta.dirname, '..')

/** File text by path below core/api. */
function generate(): ReadonlyMap<string, string> {
  const model = readApi(join(root, 'proto'))
  checkReferences(model)
  const files = new Map<string, string>()
  for (const pkg of model.packages.values()) files.set(`types/${moduleOf(pkg.stem)}.ts`, typesFile(model, pkg))
  files.set('kinds.ts', kindsFile(model))
  files.set('kind-table.ts', kindTableFile(model))
  files.set('schema-data.ts', schemaFile(model))
  return files
}

/** Paths below core/api that differ from the generated text, or that nothing generates any more. */
function differences(files: ReadonlyMap<string, string>): readonly string[] {
  const stale = readdirSync(join(root, 'core/api/types'))
    .map((name) => `types/${name}`)
    .filter((path) => !files.has(path))
  const changed = [...files].filter(([path, text]) => {
    const full = join(root, 'core/api', path)
    return !existsSync(full) || readFileSync(full, 'utf8') !== text
  })
  return [...changed.map(([path]) => path), ...stale]
}

function main(): number {
  const { values } = parseArgs({ options: { check: { type: 'boolean' }, help: { type: 'boolean' } } })
  if (values.help === true) {
    console.log(HELP)
    return 0
  }
  const files = generate()
  const different = differences(files)
  if (values.check === true) {
    for (const path of different) console.error(`core/api/${path} is not what proto/k8s gives; run npm run generate`)
    return different.length === 0 ? 0 : 1
  }
  for (const path of different) {
    const full = join(root, 'core/api', path)
    const text = files.get(path)
    if (text === undefined) {
      rmSync(full)
      continue
    }
    mkdirSync(dirname(full), { recursive: true })
    writeFileSync(full, text)
  }
  console.log(`${files.size} files, ${different.length} changed`)
  return 0
}

process.exitCode = main()
