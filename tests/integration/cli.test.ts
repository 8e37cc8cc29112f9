/** What bad input gets on the command line: one clear sentence with the way out, an exit code, nothing half-written. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'

const K3TS = new URL('../../k3ts', import.meta.url).pathname
let folder = ''

interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function k3ts(args: readonly string[], env: Readonly<Record<string, string>> = {}): Outcome {
  const { status, stdout, stderr } = spawnSync(K3TS, args, { encoding: 'utf8', timeout: 30_000, env: { ...process.env, ...env } })
  return { code: status, stdout, stderr }
}

const server = (...args: readonly string[]): Outcome =>
  k3ts(['server', '--data-dir', join(folder, 'data'), '--write-kubeconfig', join(folder, 'kubeconfig'), '--disable-agent', ...args])

describe('the command line', () => {
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'k3ts-cli-'))
  })
  after(() => {
    rmSync(folder, { recursive: true })
  })

  it('shows its commands, its flags and its version', () => {
    assert.match(k3ts(['--help']).stdout, /server \[options\]/)
    const help = k3ts(['server', '--help']).stdout
    for (const flag of ['--disable <value>', '--cluster-cidr', '--write-kubeconfig-mode', '$K3TS_TOKEN'])
      assert.ok(help.includes(flag), flag)
    assert.match(k3ts(['--version']).stdout, /^k3ts version v1\.35\.\d+\+k3ts\d+ /)
  })

  it('starts Node without what costs memory, and the caller may say otherwise', () => {
    const program = `import v8 from "node:v8"; console.error(process.sourceMapsEnabled, v8.getHeapStatistics().heap_size_limit / 2 ** 30)`
    const tell = `--import=data:text/javascript,${encodeURIComponent(program)}`
    // The limit counts the young generation as well.
    assert.match(k3ts(['--version'], { NODE_OPTIONS: tell }).stderr, /^false (1\.9|2\.0)/)
    assert.match(k3ts(['--version'], { NODE_OPTIONS: `${tell} --max-old-space-size=3000` }).stderr, /^false (2\.9|3\.0)/)
  })

  const refused: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['an unknown flag', ['--nonsense'], /unknown option '--nonsense'/],
    ['a flag of K3s that has no effect here', ['--cluster-init'], /--cluster-init is not supported by this version/],
    ['a network that is none', ['--cluster-cidr', 'x'], /--cluster-cidr: "x" is not a network such as/],
    ['a port out of range', ['--https-listen-port', '70000'], /--https-listen-port: "70000" is not a number from 1 to 65535/],
    [
      'a configuration file that is not there',
      ['--config', '/absent/k3ts.yaml'],
      /cannot read the configuration file \/absent\/k3ts\.yaml/,
    ],
  ]
  for (const [title, args, want] of refused) {
    it(`refuses ${title} with a sentence and exit code 2, and writes nothing`, () => {
      const { code, stderr } = server(...args)
      assert.match(stderr, want)
      assert.doesNotMatch(stderr, /\n\s+at /)
      assert.equal(code, 2)
      assert.deepEqual(readdirSync(folder), [])
    })
  }

  it('names the line of a broken configuration file', () => {
    const config = join(folder, 'config.yaml')
    writeFileSync(config, 'disable: [traefik\nnode-name: a\n')
    const { code, stderr } = server('--config', config)
    rmSync(config)
    assert.equal(code, 2)
    assert.match(stderr, /config\.yaml: .+/)
  })

  it('says that the port is in use and how to choose another', async () => {
    const other = createServer()
    const port = await new Promise<number>((resolve) => {
      other.listen(0, '0.0.0.0', () => resolve((other.address() as { port: number }).port))
    })
    const { code, stderr } = server('--https-listen-port', String(port))
    other.close()
    assert.equal(code, 1)
    assert.match(stderr, new RegExp(`port ${port} is in use; .*--https-listen-port`))
    assert.equal(existsSync(join(folder, 'kubeconfig')), false)
  })

  it('says which programs a node needs and does not find', () => {
    // Just what the launcher itself calls.
    const programs = join(folder, 'bin')
    mkdirSync(programs)
    for (const name of ['readlink', 'dirname', 'basename']) symlinkSync(`/usr/bin/${name}`, join(programs, name))
    const { code, stderr } = k3ts(
      ['server', '--data-dir', join(folder, 'node'), '--write-kubeconfig', join(folder, 'kubeconfig'), '--https-listen-port', '1'],
      { PATH: programs },
    )
    assert.equal(code, 1)
    assert.match(stderr, process.getuid?.() === 0 ? /containerd is not installed; run scripts\/setup/ : /running pods needs root/)
  })

  it('says what a data folder that cannot be written to needs', () => {
    writeFileSync(join(folder, 'file'), '')
    const { code, stderr } = k3ts(['server', '--disable-agent', '--data-dir', join(folder, 'file', 'below')])
    assert.equal(code, 1)
    assert.match(stderr, /cannot write to .*; run as root or choose another folder with --data-dir/)
  })
})
