/** Bundles the server's threads and the packaged programs into dist/: `npm run build`. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build, type Plugin } from 'esbuild'

const root = new URL('..', import.meta.url).pathname
const dist = join(root, 'dist')

/** One bundle a thread, each loading only what it needs; programs run inside the embedded image. */
const ENTRIES: Readonly<Record<string, string>> = {
  k3ts: 'core/cli/main.ts',
  writer: 'core/store/sqlite/writer-thread.ts',
  node: 'core/cli/node-thread.ts',
}

/** better-sqlite3 finds its prebuilt binding beside its own package, so it stays outside of the bundle. */
const external = ['better-sqlite3']

if (process.argv.includes('--help')) {
  console.log('usage: build.ts\n\nBundles the sources into dist/.')
} else {
  mkdirSync(dist, { recursive: true })
  const points = Object.fromEntries(Object.entries(ENTRIES).filter(([, source]) => existsSync(join(root, source))))
  await build({
    absWorkingDir: root,
    entryPoints: points,
    outdir: dist,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
    external,
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'none',
    logLevel: 'warning',
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url); const __dirname = import.meta.dirname; const __filename = import.meta.filename;",
    },
    plugins: [optionalPino()],
  })
  writeFileSync(join(dist, 'VERSION'), `${(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version}\n`)
}

/** pino loads its worker transports by path at run time; none is used here, so nothing more is bundled for it. */
function optionalPino(): Plugin {
  return { name: 'no-pino-transports', setup: () => undefined }
}
