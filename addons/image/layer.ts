import { createHash } from 'node:crypto'
import { closeSync, openSync, readFileSync, readSync, renameSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { constants, zstdCompressSync } from 'node:zlib'
import { Header } from 'tar'

/** One path of an image layer. Owner is always root, times are zero, so equal inputs give equal digests. */
export type LayerEntry =
  | { readonly kind: 'folder'; readonly path: string; readonly mode: number }
  | { readonly kind: 'file'; readonly path: string; readonly mode: number; readonly content: Uint8Array }
  /** Read from the disk while the layer is written: large binaries never sit in memory. */
  | { readonly kind: 'copy'; readonly path: string; readonly mode: number; readonly source: string }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }

export interface Blob {
  /** `sha256:<hex>`. */
  readonly digest: string
  readonly size: number
  readonly path: string
}

/** A compressed layer. */
export interface Layer extends Blob {
  /** Digest of the tar inside. */
  readonly diffId: string
}

const BLOCK = 512
const CHUNK_BYTES = 1 << 20

/**
 * Writes a tar that is compressed as a whole at `path`. The quickest level of zstd: the machine that builds the image imports it,
 * and containerd takes longer to take over and check a byte than to inflate it.
 */
export function writeLayer(entries: readonly LayerEntry[], path: string): Layer {
  const tar = writeTar(entries, `${path}.tar`)
  try {
    const content = zstdCompressSync(readFileSync(tar.path), { params: { [constants.ZSTD_c_compressionLevel]: 1 } })
    writeFileSync(`${path}.part`, content)
    renameSync(`${path}.part`, path)
    return { digest: digestOf(content), diffId: tar.digest, size: content.length, path }
  } finally {
    rmSync(tar.path)
  }
}

export function digestOf(content: Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}

/** Writes an uncompressed tar at `path`, whole or not at all. */
export function writeTar(entries: readonly LayerEntry[], path: string): Blob {
  const partial = `${path}.part`
  const output = openSync(partial, 'w', 0o644)
  const hash = createHash('sha256')
  let size = 0
  const put = (bytes: Uint8Array): void => {
    writeSync(output, bytes)
    hash.update(bytes)
    size += bytes.length
  }
  try {
    for (const entry of entries) writeEntry(entry, put)
    put(Buffer.alloc(2 * BLOCK))
  } finally {
    closeSync(output)
  }
  renameSync(partial, path)
  return { digest: `sha256:${hash.digest('hex')}`, size, path }
}

function writeEntry(entry: LayerEntry, put: (bytes: Uint8Array) => void): void {
  switch (entry.kind) {
    case 'folder':
      put(header({ path: `${entry.path}/`, mode: entry.mode, type: 'Directory', size: 0 }))
      return
    case 'link':
      put(header({ path: entry.path, mode: 0o777, type: 'SymbolicLink', size: 0, linkpath: entry.target }))
      return
    case 'file':
      put(header({ path: entry.path, mode: entry.mode, type: 'File', size: entry.content.length }))
      put(entry.content)
      put(padding(entry.content.length))
      return
    case 'copy':
      copyFile(entry, put)
      return
  }
}

function copyFile(entry: LayerEntry & { readonly kind: 'copy' }, put: (bytes: Uint8Array) => void): void {
  const { size } = statSync(entry.source)
  put(header({ path: entry.path, mode: entry.mode, type: 'File', size }))
  const input = openSync(entry.source, 'r')
  try {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
    for (let read = readSync(input, chunk); read > 0; read = readSync(input, chunk)) put(chunk.subarray(0, read))
  } finally {
    closeSync(input)
  }
  put(padding(size))
}

interface HeaderFields {
  readonly path: string
  readonly mode: number
  readonly type: 'File' | 'Directory' | 'SymbolicLink'
  readonly size: number
  readonly linkpath?: string
}

function header(fields: HeaderFields): Buffer {
  const block = Buffer.alloc(BLOCK)
  new Header({ ...fields, uid: 0, gid: 0, mtime: new Date(0) }).encode(block, 0)
  return block
}

function padding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK)
}
