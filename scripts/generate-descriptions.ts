import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import { readDescriptions } from './generate/descriptions.ts'
import { readApi } from './generate/read-proto.ts'

const HELP = `Usage: node scripts/generate-descriptions.ts [--out dist]

Writes <out>/descriptions.json.gz: the field descriptions that OpenAPI and kubectl explain show, taken from the types of
@kubernetes/client-node. Part of the build; a server without the file has no descriptions.
`

const root = resolve(import.meta.dirname, '..')

function main(): void {
  const { values } = parseArgs({ options: { out: { type: 'string' }, help: { type: 'boolean' } } })
  if (values.help === true) {
    console.log(HELP)
    return
  }
  const out = resolve(values.out ?? join(root, 'dist'))
  const descriptions = readDescriptions(readApi(join(root, 'proto')), join(root, 'node_modules/@kubernetes/client-node'))
  mkdirSync(out, { recursive: true })
  const bytes = gzipSync(JSON.stringify(descriptions), { level: 9 })
  writeFileSync(join(out, 'descriptions.json.gz'), bytes)
  console.log(`${Object.keys(descriptions).length} types, ${bytes.length} bytes`)
}

main()
