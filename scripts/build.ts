/** Builds dist/: bundles of the server's threads and of the packaged programs, charts, API descriptions, and the embedded image. `npm run build`. */
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type BuildOptions, build, type Plugin } from 'esbuild'
import { packCharts } from '../addons/charts/pack.ts'
import { buildImage } from '../addons/image/build.ts'

const root = new URL('..', import.meta.url).pathname
const dist = join(root, 'dist')
const programs = join(dist, 'programs')

/** One bundle a thread, each loading only what it needs. */
const THREADS: Readonly<Record<string, string>> = {
  k3ts: 'core/cli/main.ts',
  writer: 'core/store/sqlite/writer-thread.ts',
  node: 'core/cli/node-thread.ts',
}

const REQUIRE =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url); const __dirname = import.meta.dirname; const __filename = import.meta.filename;"

/**
 * Takes node:http without its module namespace: an import reads every export, and with WebSocket loads the undici that is inside Node,
 * 3 MB and 25 ms a thread.
 */
const lazyHttp: Plugin = {
  name: 'lazy-http',
  setup: (bundle) => {
    bundle.onResolve({ filter: /^(node:)?http$/ }, () => ({ path: 'node:http', namespace: 'lazy-http' }))
    bundle.onLoad({ filter: /./, namespace: 'lazy-http' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule('${path}')`,
    }))
  },
}

const common: BuildOptions = {
  absWorkingDir: root,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  sourcesContent: false,
  legalComments: 'none',
  logLevel: 'warning',
  banner: { js: REQUIRE },
  plugins: [lazyHttp],
}

if (process.argv.includes('--help')) {
  console.log('usage: build.ts [--no-image]\n\nBuilds dist/. The image needs Linux, busybox-static and the tools of scripts/setup.')
} else {
  mkdirSync(programs, { recursive: true })
  await Promise.all([bundleThreads(), bundlePrograms(), packCharts(join(root, 'charts'), join(dist, 'charts'))])
  describeApi()
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  writeFileSync(join(dist, 'VERSION'), `${version}\n`)
  if (!process.argv.includes('--no-image') && process.platform === 'linux') assembleImage(version)
}

/** better-sqlite3 finds its prebuilt binding beside its own package, so it stays outside. */
async function bundleThreads(): Promise<void> {
  rmSync(join(dist, 'chunks'), { recursive: true, force: true })
  await build({
    ...common,
    entryPoints: { ...THREADS },
    outdir: dist,
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    sourcemap: 'linked',
    external: ['better-sqlite3'],
  })
}

/** Each `addons/<name>/main.ts` runs in a pod as `/k3ts/<name>.mjs`; shell programs are taken as they are. */
async function bundlePrograms(): Promise<void> {
  const names = readdirSync(join(root, 'addons')).filter((name) => existsSync(join(root, 'addons', name, 'main.ts')))
  await build({
    ...common,
    entryPoints: Object.fromEntries(names.map((name) => [name, `addons/${name}/main.ts`])),
    outdir: programs,
    minify: true,
  })
  const script = join(root, 'addons', 'service-lb', 'service-lb.sh')
  if (existsSync(script)) copyFileSync(script, join(programs, 'service-lb.sh'))
}

/** Field descriptions for OpenAPI and `kubectl explain`, from the type documentation of the client library. */
function describeApi(): void {
  const made = statSync(join(dist, 'descriptions.json.gz'), { throwIfNoEntry: false })
  const sources = globSync(['proto/**/*.proto', 'scripts/generate*.ts', 'scripts/generate/*.ts', 'package-lock.json'], { cwd: root })
  if (made !== undefined && sources.every((file) => statSync(join(root, file)).mtimeMs < made.mtimeMs)) return
  const result = spawnSync(process.execPath, [join(root, 'scripts/generate-descriptions.ts'), '--out', dist], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (result.status !== 0) throw new Error('generate-descriptions failed')
}

function assembleImage(version: string): void {
  const network = ['nft', 'iptables']
    .map((name) => ['/usr/sbin', '/sbin', '/usr/bin'].map((folder) => join(folder, name)).find((path) => existsSync(path)))
    .filter((path) => path !== undefined)
  const sources = {
    busybox: '/bin/busybox',
    node: join(root, 'node_modules/node/bin/node'),
    helm: join(dist, 'tools', 'helm'),
    network,
    programs,
    caCertificates: '/etc/ssl/certs/ca-certificates.crt',
  }
  const missing = [sources.busybox, sources.node, sources.helm].filter((path) => !existsSync(path))
  if (missing.length > 0) {
    console.log(`notice: embedded image skipped: ${missing.join(', ')} missing; run scripts/setup as root`)
    return
  }
  mkdirSync(join(dist, 'image'), { recursive: true })
  buildImage({ folder: join(dist, 'image'), version: `v${version.replace('-', '+')}`, sources })
}
