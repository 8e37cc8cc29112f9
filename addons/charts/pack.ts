import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { create } from 'tar'

/** Archives each chart folder of `source` as `<name>.tgz` in `target`, byte for byte the same for the same files. Returns the names. */
export async function packCharts(source: string, target: string): Promise<readonly string[]> {
  mkdirSync(target, { recursive: true })
  const names = readdirSync(source, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort()
  for (const name of names) {
    await create({ file: join(target, `${name}.tgz`), cwd: source, gzip: true, portable: true, mtime: new Date(0) }, [name])
  }
  return names
}
