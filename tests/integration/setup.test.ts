/** `scripts/setup` on machines that lack something: copies of the scripts in a folder of their own, with programs that pretend. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type TemporaryFolder, temporaryFolder } from '../helpers/temporary-folder.ts'

const SCRIPTS = new URL('../../scripts/', import.meta.url).pathname
const NEEDED = ['bash', 'readlink', 'dirname', 'date', 'mktemp', 'awk', 'sed', 'tail', 'grep', 'rm', 'id', 'touch', 'mkdir', 'chmod', 'ln']

/** Runs a copy of setup with just the basic programs and the given ones on PATH. */
function setup(folder: TemporaryFolder, fakes: Readonly<Record<string, string>>) {
  const bin = join(folder.path, 'bin')
  for (const name of ['scripts', 'bin', 'node_modules']) mkdirSync(join(folder.path, name))
  for (const name of ['setup', 'step.sh']) copyFileSync(join(SCRIPTS, name), join(folder.path, 'scripts', name))
  writeFileSync(join(folder.path, 'package-lock.json'), '{}')
  for (const name of NEEDED) symlinkSync(existsSync(`/usr/bin/${name}`) ? `/usr/bin/${name}` : `/bin/${name}`, join(bin, name))
  const machine = { uname: 'case "$1" in -m) echo x86_64;; *) echo Linux;; esac', node: 'echo 22', npm: 'exit 0', ...fakes }
  for (const [name, script] of Object.entries(machine)) {
    if (script !== '') writeFileSync(join(bin, name), `#!/bin/bash\n${script}\n`, { mode: 0o755 })
  }
  const temporary = join(folder.path, 'tmp')
  mkdirSync(temporary)
  const { status, stdout, stderr } = spawnSync(join(folder.path, 'scripts', 'setup'), [], {
    encoding: 'utf8',
    env: { PATH: bin, TMPDIR: temporary },
  })
  return { status, stdout, stderr, left: readdirSync(temporary) }
}

describe('scripts/setup', () => {
  const machines: readonly (readonly [string, Readonly<Record<string, string>>, RegExp])[] = [
    ['another system', { uname: 'echo Darwin' }, /^scripts\/setup: k3ts needs Linux; this is Darwin$/m],
    [
      'another processor',
      { uname: 'case "$1" in -m) echo riscv64;; *) echo Linux;; esac' },
      /come for x86-64 only; this machine is riscv64/,
    ],
    ['no npm', { npm: '' }, /npm is not installed; install Node 20 or newer with npm/],
    ['an old Node', { node: 'case "$1" in -p) echo 18;; *) echo v18.1.0;; esac' }, /npm needs Node 20 or newer .*; found v18\.1\.0/],
    [
      'no network',
      { npm: 'echo "npm error code ENOTFOUND" >&2; exit 1' },
      /npm packages: .*failed; the network .* cannot be reached; .*run this again/,
    ],
    ['a full disk', { npm: 'echo "npm error ENOSPC: no space left" >&2; exit 1' }, /the disk is full; make room and run this again/],
  ]
  for (const [title, fakes, want] of machines) {
    it(`says what to do on a machine with ${title}, and leaves nothing behind`, async () => {
      await using folder = await temporaryFolder('setup')
      const { status, stderr, left } = setup(folder, fakes)
      assert.equal(status, 1)
      assert.match(stderr, want)
      assert.deepEqual(left, [])
      assert.equal(existsSync(join(folder.path, 'dist')), false)
    })
  }

  it('installs the packages and the tools, and tells how long each took', async () => {
    const runtime =
      'mkdir -p node_modules/node/bin && printf "#!/bin/bash\\nmkdir -p dist/tools; for t in kubectl helm; do touch dist/tools/\\$t; chmod +x dist/tools/\\$t; done\\n" >node_modules/node/bin/node && chmod +x node_modules/node/bin/node'
    await using folder = await temporaryFolder('setup')
    const { status, stdout, left } = setup(folder, { npm: runtime, 'apt-get': 'exit 0' })
    assert.equal(status, 0)
    assert.match(stdout, /^ {2}npm packages {15,}\d+\.\d\d s$/m)
    assert.match(stdout, /^ {2}kubectl and helm {10,}\d+\.\d\d s$/m)
    assert.ok(
      stdout.split('\n').every((line) => line.length <= 40),
      'fits a narrow terminal',
    )
    assert.deepEqual(left, [])
    const again = spawnSync(join(folder.path, 'scripts', 'setup'), [], { encoding: 'utf8', env: { PATH: join(folder.path, 'bin') } })
    assert.doesNotMatch(again.stdout, /npm packages|kubectl and helm/, 'what is there is not made again')
  })
})
