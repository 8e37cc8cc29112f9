import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ignoreMissing } from '../../runtime/missing-file.ts'

const BLOCK_BYTES = 512

/** Bytes that a folder takes on its own file system, each file once; 0 when it is not there. What comes and goes meanwhile is skipped. */
export async function folderBytes(root: string, signal: AbortSignal): Promise<number> {
  const top = await ignoreMissing(lstat(root))
  if (top === undefined) return 0
  const seen = new Set<number>()
  const open = [root]
  let total = 0
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    signal.throwIfAborted()
    const stat = await ignoreMissing(lstat(path))
    if (stat === undefined || stat.dev !== top.dev || seen.has(stat.ino)) continue
    if (stat.nlink > 1 && !stat.isDirectory()) seen.add(stat.ino)
    total += stat.blocks * BLOCK_BYTES
    if (!stat.isDirectory()) continue
    const parent = path
    for (const name of (await ignoreMissing(readdir(path))) ?? []) open.push(join(parent, name))
  }
  return total
}
