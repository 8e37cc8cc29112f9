import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { type ImageFile, tarOf } from './tar.ts'

/** What goes into a one-layer image made without any tool or network. */
export interface ImageRecipe {
  /** Full reference, such as `docker.io/library/busybox:test`. */
  readonly name: string
  readonly files: readonly ImageFile[]
  readonly entrypoint?: readonly string[]
  readonly command?: readonly string[]
  readonly env?: readonly string[]
  readonly user?: string
  readonly workingDir?: string
}

/** The parts of an image, as registries and archives hold them. */
export interface BuiltImage {
  readonly layer: Buffer
  readonly config: Buffer
  readonly manifest: Buffer
}

const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'

export function buildImage(recipe: ImageRecipe): BuiltImage {
  const layer = tarOf(recipe.files)
  const compressed = gzipSync(layer, { level: 1 })
  const config = Buffer.from(
    JSON.stringify({
      created: '2024-01-01T00:00:00Z',
      architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
      os: 'linux',
      config: {
        Entrypoint: recipe.entrypoint,
        Cmd: recipe.command,
        Env: recipe.env ?? ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
        User: recipe.user ?? '',
        WorkingDir: recipe.workingDir ?? '/',
      },
      rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
      history: [{ created: '2024-01-01T00:00:00Z', created_by: 'k3ts test' }],
    }),
  )
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      config: descriptor('application/vnd.oci.image.config.v1+json', config),
      layers: [descriptor('application/vnd.oci.image.layer.v1.tar+gzip', compressed)],
    }),
  )
  return { layer: compressed, config, manifest }
}

/** An archive in OCI layout, as `ctr images import` and agent/images take it. */
export function buildImageArchive(recipe: ImageRecipe): Buffer {
  const { layer, config, manifest } = buildImage(recipe)
  const index = {
    schemaVersion: 2,
    manifests: [
      {
        ...descriptor(MANIFEST_TYPE, manifest),
        annotations: { 'io.containerd.image.name': recipe.name, 'org.opencontainers.image.ref.name': recipe.name.split(':').at(-1) },
      },
    ],
  }
  return tarOf([
    { path: 'oci-layout', content: Buffer.from('{"imageLayoutVersion":"1.0.0"}') },
    { path: 'index.json', content: Buffer.from(JSON.stringify(index)) },
    ...[layer, config, manifest].map((content) => ({ path: `blobs/sha256/${digestOf(content).slice(7)}`, content })),
  ])
}

const APPLETS =
  'sh,cat,echo,ls,sleep,env,id,touch,mkdir,rm,kill,ps,stat,mount,df,head,tail,grep,wget,nc,httpd,hostname,date,true,false,trap,dd,tr,test'

/** busybox with its usual commands; the machine's own static binary. */
export function busyboxFiles(): readonly ImageFile[] {
  const busybox = readFileSync('/usr/bin/busybox')
  return [
    { path: 'bin', directory: true },
    { path: 'bin/busybox', content: busybox, mode: 0o755 },
    ...APPLETS.split(',').map((name) => ({ path: `bin/${name}`, link: 'busybox' })),
    { path: 'etc', directory: true },
    { path: 'etc/passwd', content: Buffer.from('root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n') },
    { path: 'etc/group', content: Buffer.from('root:x:0:\nuser:x:1000:\n') },
    { path: 'tmp', directory: true, mode: 0o1777 },
    { path: 'root', directory: true, mode: 0o700 },
  ]
}

export const TEST_IMAGE = 'docker.io/k3ts/busybox:test'
export const TEST_PAUSE_IMAGE = 'docker.io/k3ts/pause:test'

export function testImageArchive(name = TEST_IMAGE, extra: Partial<ImageRecipe> = {}): Buffer {
  return buildImageArchive({ name, files: busyboxFiles(), command: ['sh'], ...extra })
}

/** A sandbox process: busybox asleep. SIGTERM is of no use to it; the runtime ends sandboxes with SIGKILL. */
export function pauseImageArchive(): Buffer {
  return buildImageArchive({ name: TEST_PAUSE_IMAGE, files: busyboxFiles(), entrypoint: ['/bin/sleep', '2147483647'] })
}

function descriptor(mediaType: string, content: Buffer): { mediaType: string; digest: string; size: number } {
  return { mediaType, digest: digestOf(content), size: content.length }
}

export function digestOf(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}
