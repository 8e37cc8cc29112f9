/** Starts over a data folder that is taken or damaged: one sentence, an exit code, and the folder stays as it was. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { freePort } from '../helpers/cluster.ts'

const K3TS = new URL('../../k3ts', import.meta.url).pathname

describe('a start over a data folder', () => {
  let folder = ''
  let port = 0
  const flags = (data: string): readonly string[] => [
    ...['server', '--disable-agent', '--data-dir', join(folder, data), '--node-ip', '192.0.2.1'],
    ...['--write-kubeconfig', join(folder, `${data}.yaml`), '--https-listen-port', String(port)],
  ]
  let server: ChildProcess

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'k3ts-start-'))
    port = await freePort()
    server = await ready(flags('good'))
  })
  after(() => {
    server.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  })

  const start = (data: string) => spawnSync(K3TS, flags(data), { encoding: 'utf8', timeout: 30_000 })

  it('is refused while another server has it', async () => {
    const taken = port
    port = await freePort()
    const was = contents(join(folder, 'good', 'server', 'tls'))
    const { status, stderr } = start('good')
    port = taken
    assert.equal(status, 1)
    assert.match(stderr, /^k3ts: the datastore .*state\.db is in use by another server; stop that one first$/m)
    assert.deepEqual(contents(join(folder, 'good', 'server', 'tls')), was)
  })

  it('goes well, and ends well though nobody reads its output any more', async () => {
    server.kill('SIGTERM')
    assert.deepEqual(await once(server, 'exit'), [0, null])
  })

  const damages: readonly (readonly [string, (path: string) => void, RegExp])[] = [
    [
      'server/db/state.db',
      (path) => writeFileSync(path, 'no database at all'.repeat(500)),
      /state\.db is damaged \(.*\); put an older copy/,
    ],
    ['server/db/state.db', (path) => truncateSync(path, 8192), /state\.db is damaged \(.*\); put an older copy/],
    [
      'server/tls/server-ca.crt',
      (path) => writeFileSync(path, 'x'),
      /cannot use the authority .*server-ca\.crt: .*; put both files back from a copy/,
    ],
    ['server/tls/server-ca.key', (path) => writeFileSync(path, ''), /server-ca\.key holds no private key; put both files back/],
    ['server/tls/server-ca.key', (path) => rmSync(path), /server-ca\.crt exists without its key .*; put both files back/],
    ['server/tls/service.key', (path) => writeFileSync(path, ''), /service\.key holds no private key; put it back from a copy/],
  ]
  for (const [index, [file, damage, want]] of damages.entries()) {
    it(`is refused with ${file} damaged (${index + 1}), and touches nothing`, () => {
      const data = `bad${index}`
      cpSync(join(folder, 'good'), join(folder, data), { recursive: true })
      damage(join(folder, data, file))
      const was = contents(join(folder, data, 'server', 'tls'))
      const { status, stderr } = start(data)
      assert.equal(status, 1)
      assert.match(stderr, want)
      assert.doesNotMatch(stderr, /\n\s+at /)
      assert.deepEqual(contents(join(folder, data, 'server', 'tls')), was)
      assert.ok(!readdirSync(folder).includes(`${data}.yaml`))
    })
  }
})

async function ready(args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(K3TS, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  for await (const chunk of child.stdout) {
    output += String(chunk)
    if (output.includes('k3ts is ready')) break
  }
  assert.match(output, /k3ts is ready/)
  return child
}

function contents(folder: string): ReadonlyMap<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return new Map(files.map((entry) => [entry.name, readFileSync(join(entry.parentPath, entry.name), 'latin1')]))
}
