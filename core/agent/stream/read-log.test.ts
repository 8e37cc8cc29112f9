import assert from 'node:assert/strict'
import { appendFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, it } from 'node:test'
import { folderForEachTest } from '../../../tests/helpers/temporary-folder.ts'
import { systemClock } from '../../runtime/clock.ts'
import { parseAction } from './kubelet-api.ts'
import { type LogOptions, parseLogLine } from './log-format.ts'
import { readLog } from './read-log.ts'

const folder = folderForEachTest('log')
let path = ''
beforeEach(() => {
  path = join(folder.path, '0.log')
})

const record = (text: string, second: number, stream = 'stdout', tag = 'F'): string =>
  `2026-01-01T00:00:${String(second).padStart(2, '0')}.123456789Z ${stream} ${tag} ${text}\n`
const options = (over: Partial<LogOptions> = {}): LogOptions => ({
  follow: false,
  tailLines: undefined,
  sinceMs: undefined,
  timestamps: false,
  limitBytes: undefined,
  stream: 'All',
  ...over,
})

async function read(over: Partial<LogOptions> = {}): Promise<string> {
  let text = ''
  for await (const bytes of readLog({ path, isRunning: () => false, clock: systemClock }, options(over), new AbortController().signal))
    text += bytes.toString()
  return text
}

describe('a container log', () => {
  beforeEach(() => {
    writeFileSync(
      path,
      record('one', 1) + record('two', 2, 'stderr') + record('thr', 3, 'stdout', 'P') + record('ee', 3) + record('four', 4),
    )
  })

  const cases: readonly (readonly [string, Partial<LogOptions>, string])[] = [
    ['comes whole, parts of a line joined', {}, 'one\ntwo\nthree\nfour\n'],
    ['is cut to its last lines', { tailLines: 1 }, 'four\n'],
    ['is empty for no lines', { tailLines: 0 }, ''],
    ['is whole when more lines are asked for than there are', { tailLines: 99 }, 'one\ntwo\nthree\nfour\n'],
    ['begins at a moment', { sinceMs: Date.parse('2026-01-01T00:00:04Z') }, 'four\n'],
    ['ends at a limit', { limitBytes: 6 }, 'one\ntw'],
    ['has one stream', { stream: 'Stderr' }, 'two\n'],
    ['has times', { timestamps: true, tailLines: 1 }, '2026-01-01T00:00:04.123456789Z four\n'],
  ]
  for (const [title, over, want] of cases) {
    it(title, async () => {
      assert.equal(await read(over), want)
    })
  }

  it('is followed over a rotation until the container ends', async () => {
    let running = true
    const seen: string[] = []
    const reading = (async () => {
      for await (const bytes of readLog(
        { path, isRunning: () => running, clock: systemClock },
        options({ follow: true, tailLines: 1 }),
        new AbortController().signal,
      )) {
        seen.push(bytes.toString().trim())
        if (seen.length === 1) appendFileSync(path, record('five', 5))
        if (seen.length === 2) {
          renameSync(path, `${path}.1`)
          writeFileSync(path, record('six', 6))
        }
        if (seen.length === 3) running = false
      }
    })()
    await reading
    assert.deepEqual(seen, ['four', 'five', 'six'])
  })
})

it('reads records and refuses other lines', () => {
  assert.deepEqual(parseLogLine(Buffer.from('2026-01-01T00:00:00Z stderr F a b')), {
    time: '2026-01-01T00:00:00Z',
    stream: 'stderr',
    partial: false,
    text: Buffer.from('a b'),
  })
  assert.equal(parseLogLine(Buffer.from('garbage')), undefined)
})

it('knows the paths of the kubelet API', () => {
  const none = new URLSearchParams()
  assert.deepEqual(parseAction('/containerLogs/ns/p/c', none), { kind: 'logs', namespace: 'ns', pod: 'p', container: 'c', query: none })
  assert.equal(parseAction('/exec/ns/p/uid/c', none)?.kind, 'exec')
  assert.equal(parseAction('/portForward/ns/p', none)?.kind, 'port-forward')
  assert.deepEqual(parseAction('/metrics', none), { kind: 'metrics', set: 'resource' })
  assert.deepEqual(parseAction('/metrics/resource', none), { kind: 'metrics', set: 'resource' })
  assert.deepEqual(parseAction('/metrics/cadvisor', none), { kind: 'metrics', set: 'cadvisor' })
  assert.equal(parseAction('/metrics/other', none), undefined)
  assert.equal(parseAction('/etc/passwd', none), undefined)
})
