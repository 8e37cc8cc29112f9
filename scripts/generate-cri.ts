/**
 * Turns proto/cri/*.proto into core/agent/cri/descriptor.json, which the agent loads without parsing proto text.
 * `--check` only compares and fails when the file is stale.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import protobuf from 'protobufjs'

const ROOT = join(import.meta.dirname, '..')
const SOURCES = ['runtime', 'containerd-events', 'grpc-health']
const TARGET = join(ROOT, 'core/agent/cri/descriptor.json')

const root = new protobuf.Root()
for (const name of SOURCES) {
  protobuf.parse(readFileSync(join(ROOT, `proto/cri/${name}.proto`), 'utf8'), root)
}
const text = `${JSON.stringify(root.toJSON({ keepComments: false }))}\n`

if (process.argv.includes('--help')) {
  console.log('usage: generate-cri.ts [--check]')
} else if (!process.argv.includes('--check')) {
  writeFileSync(TARGET, text)
} else if (readFileSync(TARGET, 'utf8') !== text) {
  console.error('core/agent/cri/descriptor.json is stale: run scripts/generate-cri.ts')
  process.exitCode = 1
}
