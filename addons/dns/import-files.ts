import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'

/** Reads what an import pattern names: `*` and `?` in the last part, in name order. A pattern without matches is empty; a missing file undefined. */
export function readImport(pattern: string, folder: string): readonly string[] | undefined {
  const path = resolve(folder, pattern)
  const last = basename(path)
  if (!/[*?]/.test(last)) return existsSync(path) ? [readFileSync(path, 'utf8')] : undefined
  const parent = dirname(path)
  if (!existsSync(parent)) return []
  const expression = new RegExp(
    `^${last
      .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  )
  return readdirSync(parent)
    .filter((name) => expression.test(name) && !name.startsWith('..'))
    .sort()
    .map((name) => readFileSync(`${parent}/${name}`, 'utf8'))
}
