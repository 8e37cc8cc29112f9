/** What bad input gets on the command line: one clear sentence with the way out, an exit code, nothing half-written. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'

const K3TS = new URL('../../k3ts', import.meta.url).pathname
const NOT_ROOT = process.getuid?.() === 0 ? false : 'needs root'
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

  it('shows its help when it is asked for nothing', () => {
    const { code, stdout, stderr } = k3ts([])
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /^Usage: k3ts \[options\] \[command\]$/m)
  })

  it('tells commands of K3s that are not there from others', () => {
    assert.match(k3ts(['agent']).stderr, /^k3ts: "agent" of K3s is not part of this version; /)
    const { code, stderr } = k3ts(['nonsense'])
    assert.match(stderr, /^k3ts: unknown command 'nonsense'$/m)
    assert.equal(code, 2)
  })

  it('starts Node without what costs memory, and the caller may say otherwise', () => {
    const program = `import v8 from "node:v8"; console.error(process.sourceMapsEnabled, v8.getHeapStatistics().heap_size_limit / 2 ** 30)`
    const tell = `--import=data:text/javascript,${encodeURIComponent(program)}`
    // The limit counts the young generation as well.
    assert.match(k3ts(['--version'], { NODE_OPTIONS: tell }).stderr, /^false (1\.9|2\.0)/)
    assert.match(k3ts(['--version'], { NODE_OPTIONS: `${tell} --max-old-space-size=3000` }).stderr, /^false (2\.9|3\.0)/)
  })

  const refused: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['an unknown flag', ['--nonsense'], /^k3ts: unknown option '--nonsense'$/m],
    [
      'a setting of the node that cannot be read',
      ['--kubelet-arg', 'max-pods=x'],
      /^k3ts: --kubelet-arg=max-pods: "x" is not a whole number$/m,
    ],
    ['a flag of K3s that has no effect here', ['--cluster-init'], /--cluster-init is not supported by this version/],
    ['a network that is none', ['--cluster-cidr', 'x'], /--cluster-cidr: "x" is not a network such as/],
    ['a port out of range', ['--https-listen-port', '70000'], /--https-listen-port: "70000" is not a number from 1 to 65535/],
    ['networks that overlap', ['--cluster-cidr', '10.43.0.0/17'], /--cluster-cidr 10\.43\.0\.0\/17 and --service-cidr .* overlap/],
    ['a DNS address out of reach', ['--cluster-dns', '1.2.3.4'], /--cluster-dns: 1\.2\.3\.4 is not in --service-cidr/],
    ['a group that is not there', ['--write-kubeconfig-group', 'nosuch'], /--write-kubeconfig-group: there is no group "nosuch"/],
    ['a token file that is not there', ['--token-file', '/absent'], /--token-file: cannot read \/absent/],
    ['a datastore of another kind', ['--datastore-endpoint', 'postgres://x'], /--datastore-endpoint is not supported by this version/],
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

  const brokenFiles: readonly (readonly [string, string, RegExp])[] = [
    ['that is not YAML, with line and column', 'disable: [traefik\nnode-name: a\n', /config\.yaml: .+\(2:\d+\)/],
    ['with a key that nobody knows', 'nonsense: 1\n', /config\.yaml: unknown key "nonsense"; `k3ts server --help`/],
    ['with a value of the wrong shape', 'node-name: {a: b}\n', /config\.yaml: "node-name" takes one value, not a map/],
    ['that is a list', '- debug\n', /config\.yaml: expected a map of flag names to values/],
  ]
  for (const [title, text, want] of brokenFiles) {
    it(`refuses a configuration file ${title}`, () => {
      const config = join(folder, 'config.yaml')
      writeFileSync(config, text)
      const { code, stderr } = server('--config', config)
      rmSync(config)
      assert.equal(code, 2)
      assert.match(stderr, want)
      assert.deepEqual(readdirSync(folder), [])
    })
  }

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

  const misplaced: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['a log file', ['--log', '/absent/k3ts.log'], /cannot write the log: .*\/absent.*; choose another file with --log/],
    ['a kubeconfig below a file', ['--write-kubeconfig', '/etc/passwd/x'], /cannot write to \/etc\/passwd: .* --write-kubeconfig/],
    ['a kubeconfig that is a folder', ['--write-kubeconfig', '/tmp'], /cannot write to \/tmp: it is a folder; .* --write-kubeconfig/],
    [
      'an address of another machine',
      ['--bind-address', '203.0.113.9'],
      /no interface of this machine has the address 203\.0\.113\.9; .*--bind-address/,
    ],
    ['a resolv.conf', ['--resolv-conf', '/absent'], /--resolv-conf: cannot read \/absent/],
  ]
  for (const [title, args, want] of misplaced) {
    it(`refuses ${title} that cannot be used, before anything is written`, () => {
      const { code, stderr } = server(...args)
      assert.match(stderr, want)
      assert.equal(code, 1)
      assert.equal(existsSync(join(folder, 'data')), false)
    })
  }

  it('refuses a node that has no runtime to speak to, or one too old, or a kernel without nftables and bridges', { skip: NOT_ROOT }, () => {
    const node = ['server', '--data-dir', join(folder, 'data'), '--write-kubeconfig', join(folder, 'kubeconfig')]
    const absent = k3ts([...node, '--container-runtime-endpoint', '/run/absent.sock'])
    assert.match(absent.stderr, /--container-runtime-endpoint: nothing answers at \/run\/absent\.sock .*; start that runtime/)
    const fakes = join(folder, 'fakes')
    mkdirSync(fakes)
    const fake = (name: string, script: string): void => writeFileSync(join(fakes, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    const PATH = `${fakes}:${process.env['PATH'] ?? ''}`
    fake('containerd', 'echo containerd example.org/containerd 1.5.9 abc')
    fake('nft', 'echo "netlink: Error: Operation not supported" >&2; exit 1')
    fake('ip', 'echo "Error: Unknown device type." >&2; exit 2')
    const { code, stderr } = k3ts(node, { PATH })
    assert.equal(code, 1)
    assert.match(stderr, /containerd 1\.5 is too old; install 1\.6 or newer/)
    assert.match(stderr, /the kernel does not serve nftables \(netlink: Error: Operation not supported\); .*--disable-kube-proxy/)
    if (!existsSync('/sys/class/net/cni0')) assert.match(stderr, /the kernel makes no bridge .*--flannel-backend none/)
    assert.equal(existsSync(join(folder, 'data')), false)
  })

  it('refuses a disk with no room left', { skip: NOT_ROOT }, () => {
    const disk = join(folder, 'disk')
    mkdirSync(disk)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=10m', 'tmpfs', disk])
    try {
      const { code, stderr } = server('--data-dir', disk)
      assert.equal(code, 1)
      assert.match(stderr, /has 10 MB left and 16 MB are needed; make room or choose another folder with --data-dir/)
      assert.deepEqual(readdirSync(disk), [])
    } finally {
      execFileSync('umount', [disk])
    }
  })

  it('says what a data folder that cannot be written to needs', () => {
    writeFileSync(join(folder, 'file'), '')
    const { code, stderr } = k3ts(['server', '--disable-agent', '--data-dir', join(folder, 'file', 'below')])
    assert.equal(code, 1)
    assert.match(stderr, /cannot write to .*; run as root or choose another folder with --data-dir/)
  })
})
