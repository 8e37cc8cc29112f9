import { spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import type { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { Parser } from 'tar'
import { canonicalImageName, parseImageName } from './image-name.ts'

/** Where the image store of containerd is reached. */
export interface ImageStore {
  readonly socket: string
  readonly snapshotter: string
}

/** Endings of archives that can be imported. Source: K3s, airgap images; lz4 and bzip2 have no decoder in Node. */
const ARCHIVE = /\.(tar|tar\.gz|tgz|tar\.zst|tzst)$/
const UNSUPPORTED = /\.(tar\.lz4|tar\.bz2|tbz)$/

/** A compressed archive of little size can hold tables that fill all memory. */
const MAX_TABLE_BYTES = 16 * 1024 * 1024

export const isArchive = (name: string): boolean => ARCHIVE.test(name)
export const isUnsupportedArchive = (name: string): boolean => UNSUPPORTED.test(name)

/** Imports all images of an archive into the namespace of Kubernetes and pins them. Returns their names. Throws Error with ctr's own words. */
export async function importArchive(file: string, store: ImageStore, signal: AbortSignal): Promise<readonly string[]> {
  const names = await archiveImages(file, signal)
  await ctr(store, ['images', 'import', '--snapshotter', store.snapshotter, '-'], signal, decompressed(file))
  // Both labels keep image garbage collection away: the first is read by CRI, the second by K3s' tools.
  const pin = (name: string): Promise<void> =>
    ctr(store, ['images', 'label', name, 'io.cri-containerd.pinned=pinned', 'io.cattle.k3s.pinned=pinned'], signal)
  await Promise.all(names.map(pin))
  return names
}

/** Names that the archive's own tables give, in full form: OCI index annotations and Docker's RepoTags. */
export async function archiveImages(file: string, signal: AbortSignal): Promise<readonly string[]> {
  const texts = new Map<string, string>()
  const parser = new Parser({
    onReadEntry: (entry) => {
      const path = entry.path.replace(/^\.\//, '')
      if (path !== 'index.json' && path !== 'manifest.json') {
        entry.resume()
        return
      }
      if (entry.size > MAX_TABLE_BYTES) {
        parser.emit('error', new Error(`${path} of ${file} is larger than ${MAX_TABLE_BYTES} bytes`))
        entry.resume()
        return
      }
      const chunks: Buffer[] = []
      entry.on('data', (chunk: Buffer) => chunks.push(chunk))
      entry.on('end', () => texts.set(path, Buffer.concat(chunks).toString('utf8')))
    },
  })
  const ended = new Promise<void>((resolve, reject) => {
    parser.on('end', () => resolve())
    parser.on('error', reject)
  })
  // A failure is met at the end; before that nobody waits for it.
  ended.catch(() => undefined)
  for await (const chunk of decompressed(file)) {
    signal.throwIfAborted()
    if (!parser.write(chunk as Buffer)) await new Promise<void>((resolve) => parser.once('drain', () => resolve()))
  }
  parser.end()
  await ended
  return namesIn(texts)
}

interface OciIndex {
  readonly manifests?: readonly { readonly annotations?: Readonly<Record<string, string>> }[]
}

/** Image names in the index of an OCI archive or the manifest of a docker one. Throws SyntaxError for broken JSON. */
export function namesIn(texts: ReadonlyMap<string, string>): readonly string[] {
  const index = JSON.parse(texts.get('index.json') ?? '{}') as OciIndex
  const docker = JSON.parse(texts.get('manifest.json') ?? '[]') as readonly { readonly RepoTags?: readonly string[] | null }[]
  const raw = [
    ...(index.manifests ?? []).flatMap(({ annotations = {} }) => {
      const name = annotations['io.containerd.image.name'] ?? annotations['org.opencontainers.image.ref.name']
      return name === undefined ? [] : [name]
    }),
    ...docker.flatMap(({ RepoTags }) => RepoTags ?? []),
  ]
  const names = raw.flatMap((text) => {
    const name = /[/:]/.test(text) ? parseImageName(text) : 'a bare tag names no image'
    return typeof name === 'string' ? [] : [canonicalImageName(name)]
  })
  return [...new Set(names)]
}

function decompressed(file: string): Readable {
  const source = createReadStream(file, { highWaterMark: 1 << 20 })
  const decoder: Transform | undefined = /gz$/.test(file) ? createGunzip() : /zst$/.test(file) ? createZstdDecompress() : undefined
  if (decoder === undefined) return source
  source.on('error', (err) => decoder.destroy(err))
  return source.pipe(decoder)
}

/** containerd's own command line client: the import protocol is its business. */
async function ctr(store: ImageStore, args: readonly string[], signal: AbortSignal, input?: Readable): Promise<void> {
  const child = spawn('ctr', ['--address', store.socket, '--namespace', 'k8s.io', ...args], {
    stdio: [input === undefined ? 'ignore' : 'pipe', 'ignore', 'pipe'],
    signal,
  })
  let errors = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString('utf8')
  })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  const { stdin } = child
  // When ctr gives up it closes its input first; its exit status says why.
  const fed = input === undefined || stdin === null ? undefined : pipeline(input, stdin).catch(() => undefined)
  const [status] = await Promise.all([ended, fed])
  if (status !== 0) throw new Error(errors.trim() || `ctr ended with status ${String(status)}`)
}
