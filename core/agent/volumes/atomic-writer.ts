import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'

export interface ContentFile {
  readonly content: Uint8Array
  readonly mode: number
  /** Owner of the file, for tokens of pods that run as somebody; root when absent. */
  readonly uid?: number | undefined
}

/** Files by relative path. */
export type Content = ReadonlyMap<string, ContentFile>

const DATA = '..data'

/**
 * Makes a folder hold exactly these files, all at once: readers see the old set or the new one. The files live in a dated folder that `..data`
 * points to, and each first path part is a link into `..data`. Returns false when nothing had to change.
 * Source: the layout that Kubernetes volumes have, which programs that reload their configuration rely on.
 */
export function writeContent(folder: string, content: Content, groupId: number | undefined, nowMs: number): boolean {
  if (isCurrent(folder, content)) return false
  const old = currentFolder(folder)
  const name = `..${new Date(nowMs).toISOString().replace(/[-:T]/g, '_').slice(0, 19)}.${process.hrtime.bigint() % 1_000_000_000n}`
  const fresh = join(folder, name)
  mkdirSync(fresh, { mode: 0o755 })
  if (groupId !== undefined) own(fresh, 0o2755, undefined, groupId)
  for (const [path, file] of content) writeOne(fresh, path, file, groupId)
  const link = join(folder, '..data_tmp')
  rmSync(link, { force: true })
  symlinkSync(name, link)
  renameSync(link, join(folder, DATA))
  linkTopLevel(folder, content)
  if (old !== undefined) rmSync(join(folder, old), { recursive: true, force: true })
  return true
}

function writeOne(root: string, path: string, file: ContentFile, groupId: number | undefined): void {
  const target = join(root, path)
  mkdirSync(dirname(target), { recursive: true, mode: 0o755 })
  writeFileSync(target, file.content, { mode: file.mode })
  // Group members read what their pod may read.
  own(target, groupId === undefined ? file.mode : file.mode | 0o440, file.uid, groupId)
}

function own(path: string, mode: number, uid: number | undefined, gid: number | undefined): void {
  if (uid !== undefined || gid !== undefined) chownSync(path, uid ?? 0, gid ?? 0)
  chmodSync(path, mode)
}

function linkTopLevel(folder: string, content: Content): void {
  const wanted = new Set([...content.keys()].map((path) => path.split('/')[0] ?? ''))
  for (const name of wanted) if (!isLink(join(folder, name))) symlinkSync(join(DATA, name), join(folder, name))
  // Only links are ours: a plain folder is where a container mounts another volume.
  for (const name of readdirSync(folder))
    if (!name.startsWith('..') && !wanted.has(name) && isLink(join(folder, name))) rmSync(join(folder, name))
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true
}

function currentFolder(folder: string): string | undefined {
  try {
    return readlinkSync(join(folder, DATA))
  } catch {
    // first write
    return undefined
  }
}

function isCurrent(folder: string, content: Content): boolean {
  const current = currentFolder(folder)
  if (current === undefined || !existsSync(join(folder, current))) return false
  const files = new Set(filesBelow(join(folder, current), ''))
  if (files.size !== content.size) return false
  return [...content].every(([path, file]) => files.has(path) && readFileSync(join(folder, current, path)).equals(file.content))
}

function filesBelow(root: string, prefix: string): readonly string[] {
  return readdirSync(join(root, prefix), { withFileTypes: true }).flatMap((entry) => {
    const path = join(prefix, entry.name)
    return entry.isDirectory() ? filesBelow(root, path) : [path]
  })
}
