/**
 * Runs the tests in groups, from the quickest to the slowest, and ends with `N passed, N failed, N skipped`.
 * Groups that boot containers run one file at a time: they share the machine's network and cgroups.
 */
import { globSync } from 'node:fs'
import { run } from 'node:test'

interface Group {
  readonly name: string
  readonly patterns: readonly string[]
  readonly concurrency: number
  readonly timeoutMs: number
}

const GROUPS: readonly Group[] = [
  { name: 'unit', patterns: ['{core,controllers,addons,scripts}/**/*.test.ts'], concurrency: 2, timeoutMs: 120_000 },
  { name: 'contract', patterns: ['tests/contract/**/*.test.ts'], concurrency: 2, timeoutMs: 300_000 },
  { name: 'integration', patterns: ['tests/integration/**/*.test.ts'], concurrency: 2, timeoutMs: 300_000 },
  { name: 'faults', patterns: ['tests/faults/**/*.test.ts'], concurrency: 1, timeoutMs: 300_000 },
  { name: 'node', patterns: ['tests/node/**/*.test.ts'], concurrency: 1, timeoutMs: 600_000 },
  { name: 'e2e', patterns: ['tests/e2e/**/*.test.ts'], concurrency: 1, timeoutMs: 900_000 },
]

interface Totals {
  passed: number
  failed: number
  skipped: number
}

const chosen = process.argv.slice(2)
if (chosen.includes('--help')) {
  console.log(`usage: run-tests.ts [GROUP | FILE …]\n\ngroups: ${GROUPS.map((group) => group.name).join(', ')} (default: all)`)
} else {
  const totals: Totals = { passed: 0, failed: 0, skipped: 0 }
  for (const group of plan(chosen)) await runGroup(group, totals)
  console.log(`\n${totals.passed} passed, ${totals.failed} failed${totals.skipped > 0 ? `, ${totals.skipped} skipped` : ''}`)
  process.exitCode = totals.failed > 0 || totals.passed === 0 ? 1 : 0
}

function plan(names: readonly string[]): readonly Group[] {
  if (names.length === 0) return GROUPS
  const groups = GROUPS.filter((group) => names.includes(group.name))
  const files = names.filter((name) => name.endsWith('.ts'))
  return files.length === 0 ? groups : [...groups, { name: 'files', patterns: files, concurrency: 1, timeoutMs: 900_000 }]
}

async function runGroup(group: Group, totals: Totals): Promise<void> {
  const files = group.patterns.flatMap((pattern) => globSync(pattern, { exclude: (path) => path.includes('node_modules') })).sort()
  if (files.length === 0) return
  const begin = performance.now()
  const before = { ...totals }
  const stream = run({ files, concurrency: group.concurrency, timeout: group.timeoutMs })
  stream.on('test:pass', (event) => {
    if (event.details.type === 'suite') return
    if (event.skip !== undefined || event.todo !== undefined) totals.skipped += 1
    else totals.passed += 1
    if (event.skip !== undefined) console.log(`  skipped: ${event.name}${typeof event.skip === 'string' ? ` (${event.skip})` : ''}`)
  })
  stream.on('test:fail', (event) => {
    if (event.details.type === 'suite' && event.details.error.message.includes('subtest')) return
    totals.failed += 1
    const error = event.details.error
    console.log(
      `\n✖ ${event.file ?? ''}: ${event.name}\n${indent((error.cause as Error | undefined)?.stack ?? error.stack ?? error.message)}`,
    )
  })
  stream.on('test:stderr', (event) => process.stderr.write(event.message))
  if (process.env['K3TS_TEST_VERBOSE'] !== undefined) stream.on('test:stdout', (event) => process.stdout.write(event.message))
  await new Promise<void>((resolve, reject) => {
    stream.on('end', resolve).on('error', reject).resume()
  })
  const seconds = ((performance.now() - begin) / 1000).toFixed(1)
  console.log(
    `${group.name.padEnd(12)} ${String(files.length).padStart(4)} files  ${totals.passed - before.passed} passed, ${totals.failed - before.failed} failed  ${seconds} s`,
  )
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n')
}
