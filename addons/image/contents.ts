import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { pauseElf } from '../pause/elf.ts'
import type { LayerEntry } from './layer.ts'

/** Where the parts of the image come from on the machine that builds it. */
export interface ImageSources {
  readonly busybox: string
  readonly node: string
  readonly helm: string
  /** Programs that rewrite packet filters: nft, iptables. */
  readonly network: readonly string[]
  /** Folder with the bundled programs, `<name>.mjs` and `<name>.sh`. */
  readonly programs: string
  readonly caCertificates: string
}

export interface NamedLayer {
  readonly name: string
  readonly entries: readonly LayerEntry[]
}

/** Layers from the one that changes least to the one that changes with every build. */
export function layersOf(sources: ImageSources): readonly NamedLayer[] {
  return [
    { name: 'base', entries: baseLayer(sources) },
    { name: 'network', entries: binaries(sources.network) },
    { name: 'node', entries: [folder('usr'), folder('usr/bin'), copy('usr/bin/node', sources.node), ...libraries([sources.node])] },
    { name: 'helm', entries: [copy('usr/bin/helm', sources.helm)] },
    { name: 'programs', entries: [folder('k3ts'), ...programFiles(sources.programs)] },
  ]
}

function baseLayer(sources: ImageSources): readonly LayerEntry[] {
  const applets = execFileSync(sources.busybox, ['--list'], { encoding: 'utf8' })
    .split('\n')
    .filter((name) => name !== '' && name !== 'busybox')
  const folders = [
    'bin',
    'etc',
    'etc/ssl',
    'etc/ssl/certs',
    'root',
    'var',
    'var/lib',
    'home',
    'home/klipper-helm',
    'lib64',
    'sbin',
    'lib',
    'proc',
    'sys',
    'dev',
  ]
  return [
    ...folders.map((path) => folder(path)),
    folder('tmp', 0o1777),
    copy('bin/busybox', sources.busybox),
    ...applets.map((name): LayerEntry => ({ kind: 'link', path: `bin/${name}`, target: 'busybox' })),
    { kind: 'file', path: 'pause', mode: 0o755, content: pauseElf() },
    text(
      'etc/passwd',
      'root:x:0:0:root:/root:/bin/sh\nklipper-helm:x:1000:1000::/home/klipper-helm:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
    ),
    text('etc/group', 'root:x:0:\nklipper-helm:x:1000:\nnogroup:x:65534:\n'),
    text('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n'),
    copy('etc/ssl/certs/ca-certificates.crt', sources.caCertificates, 0o644),
  ]
}

function programFiles(path: string): readonly LayerEntry[] {
  return readdirSync(path)
    .filter((name) => name.endsWith('.mjs') || name.endsWith('.sh'))
    .sort()
    .map((name): LayerEntry => ({ kind: 'file', path: `k3ts/${name}`, mode: 0o644, content: readFileSync(join(path, name)) }))
}

/** Binaries with the libraries they load; a program reached through a link (alternatives) is stored under the name asked for. */
function binaries(paths: readonly string[]): readonly LayerEntry[] {
  return [
    folder('usr'),
    folder('usr/sbin'),
    ...paths.map((path) => copy(`usr/sbin/${basename(path)}`, realpathSync(path))),
    ...libraries(paths.map((path) => realpathSync(path))),
    ...xtables(paths),
  ]
}

/** iptables loads its matches and targets by path. */
function xtables(paths: readonly string[]): readonly LayerEntry[] {
  if (!paths.some((path) => path.includes('iptables'))) return []
  const found = ['/usr/lib/x86_64-linux-gnu/xtables', '/usr/lib/aarch64-linux-gnu/xtables', '/usr/lib/xtables'].find((path) => exists(path))
  if (found === undefined) return []
  const modules = readdirSync(found).filter((name) => name.endsWith('.so'))
  const parents = found
    .slice(1)
    .split('/')
    .map((_, at, parts) => folder(parts.slice(0, at + 1).join('/')))
  return [...parents, ...modules.sort().map((name) => copy(join(found, name).slice(1), join(found, name)))]
}

/** Shared objects a binary needs, as the dynamic loader reports them, at the same paths. Empty for static ones. */
function libraries(paths: readonly string[]): readonly LayerEntry[] {
  const found = new Set<string>()
  for (const path of paths) {
    for (const match of loaderReport(path).matchAll(/(\/[^\s()]+)\s+\(0x/g)) if (match[1] !== undefined) found.add(match[1])
  }
  const parents = new Set(
    [...found].flatMap((path) =>
      dirname(path)
        .slice(1)
        .split('/')
        .map((_, at, parts) => parts.slice(0, at + 1).join('/')),
    ),
  )
  return [...[...parents].sort().map((path) => folder(path)), ...[...found].sort().map((path) => copy(path.slice(1), realpathSync(path)))]
}

function loaderReport(path: string): string {
  try {
    return execFileSync('ldd', [path], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  } catch {
    // ldd fails for static binaries: they need nothing
    return ''
  }
}

function exists(path: string): boolean {
  try {
    readdirSync(path)
    return true
  } catch {
    return false
  }
}

const folder = (path: string, mode = 0o755): LayerEntry => ({ kind: 'folder', path, mode })
const text = (path: string, content: string): LayerEntry => ({ kind: 'file', path, mode: 0o644, content: Buffer.from(content) })
const copy = (path: string, source: string, mode = 0o755): LayerEntry => ({ kind: 'copy', path, mode, source })
