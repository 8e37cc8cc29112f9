import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { architecture } from '../../core/runtime/architecture.ts'
import { type ImageSources, layersOf, type NamedLayer } from './contents.ts'
import { ENTRY_POINTS, type EntryPoint, embeddedImage } from './entry-points.ts'
import { digestOf, type Layer, type LayerEntry, writeLayer, writeTar } from './layer.ts'

export interface BuildOptions {
  readonly sources: ImageSources
  /** Working folder; layers are kept here between builds. */
  readonly folder: string
  readonly version: string
}

const MEDIA = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+zstd',
}

/**
 * Assembles the embedded image as an OCI archive, `<folder>/embedded.tar`, and returns its path. Unchanged layers are taken
 * from the last build; with nothing changed the archive is left alone. Source of the format: OCI image layout specification.
 */
export function buildImage(options: BuildOptions): string {
  const archive = join(options.folder, 'embedded.tar')
  const layerFolder = join(options.folder, 'layers')
  mkdirSync(layerFolder, { recursive: true })
  const layers = layersOf(options.sources).map((layer) => cachedLayer(layer, layerFolder))
  const stamp = createHash('sha256')
    .update(JSON.stringify([layers.map((layer) => layer.digest), options.version, ENTRY_POINTS]))
    .digest('hex')
  const stampFile = `${archive}.stamp`
  if (existsSync(archive) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return archive
  writeTar(ociLayout(layers, options.version), archive)
  writeFileSync(stampFile, stamp)
  dropOldLayers(layerFolder, layers)
  return archive
}

/** A layer is known by its paths and the size and time of what it copies, so that an unchanged one costs a few stats. */
function cachedLayer(layer: NamedLayer, folder: string): Layer {
  const key = createHash('sha256')
    .update(JSON.stringify(layer.entries.map(identity)))
    .digest('hex')
    .slice(0, 24)
  const path = join(folder, `${layer.name}-${key}.tar.zst`)
  const digestFile = `${path}.digests`
  if (existsSync(path) && existsSync(digestFile)) {
    const [digest = '', diffId = ''] = readFileSync(digestFile, 'utf8').split('\n')
    return { digest, diffId, size: statSync(path).size, path }
  }
  const written = writeLayer(layer.entries, path)
  writeFileSync(digestFile, `${written.digest}\n${written.diffId}`)
  return written
}

function identity(entry: LayerEntry): unknown {
  if (entry.kind === 'file') return [entry.path, entry.mode, createHash('sha256').update(entry.content).digest('hex')]
  if (entry.kind !== 'copy') return entry
  const { size, mtimeMs } = statSync(entry.source)
  return [entry.path, entry.mode, entry.source, size, mtimeMs]
}

function dropOldLayers(folder: string, current: readonly Layer[]): void {
  const keep = new Set(current.flatMap((layer) => [layer.path, `${layer.path}.digests`]))
  for (const name of readdirSync(folder)) if (!keep.has(join(folder, name))) rmSync(join(folder, name))
}

function ociLayout(layers: readonly Layer[], version: string): readonly LayerEntry[] {
  const blobs = new Map<string, LayerEntry>()
  for (const layer of layers) {
    const path = blobPath(layer.digest)
    blobs.set(path, { kind: 'copy', path, mode: 0o644, source: layer.path })
  }
  const put = (value: unknown): { digest: string; size: number } => {
    const content = Buffer.from(JSON.stringify(value))
    const digest = digestOf(content)
    blobs.set(blobPath(digest), { kind: 'file', path: blobPath(digest), mode: 0o644, content })
    return { digest, size: content.length }
  }
  const manifests = ENTRY_POINTS.map((entry) => {
    const config = { mediaType: MEDIA.config, ...put(imageConfig(entry, layers)) }
    const manifest = put({
      schemaVersion: 2,
      mediaType: MEDIA.manifest,
      config,
      layers: layers.map(({ digest, size }) => ({ mediaType: MEDIA.layer, digest, size })),
    })
    const reference = embeddedImage(entry.name, version)
    return {
      mediaType: MEDIA.manifest,
      ...manifest,
      platform: platform(),
      annotations: { 'io.containerd.image.name': reference, 'org.opencontainers.image.ref.name': reference },
    }
  })
  const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA.index, manifests }))
  return [
    { kind: 'folder', path: 'blobs', mode: 0o755 },
    { kind: 'folder', path: 'blobs/sha256', mode: 0o755 },
    ...blobs.values(),
    { kind: 'file', path: 'oci-layout', mode: 0o644, content: Buffer.from('{"imageLayoutVersion":"1.0.0"}') },
    { kind: 'file', path: 'index.json', mode: 0o644, content: index },
  ]
}

function imageConfig(entry: EntryPoint, layers: readonly Layer[]): unknown {
  return {
    ...platform(),
    config: {
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...(entry.env ?? [])],
      WorkingDir: '/',
      ...(entry.entrypoint.length > 0 ? { Entrypoint: entry.entrypoint } : { Cmd: ['sh'] }),
      ...(entry.user !== undefined && { User: entry.user }),
    },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    history: [],
  }
}

function platform(): { readonly architecture: string; readonly os: 'linux' } {
  return { architecture: architecture(), os: 'linux' }
}

function blobPath(digest: string): string {
  return `blobs/sha256/${digest.slice('sha256:'.length)}`
}
