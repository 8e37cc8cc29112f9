import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Root of the installation: the folder with package.json above this file, whether it runs as source or as bundle. */
export function installationRoot(): string {
  let folder = import.meta.dirname
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder)
    if (parent === folder) throw new Error('the installation is incomplete: no package.json above the program')
    folder = parent
  }
  return folder
}

/** True when the program runs from `dist/`. */
export function isBundled(): boolean {
  return import.meta.url.endsWith('.mjs')
}

/** Entry point of a thread: a bundle of its own in `dist/`, else the source file. */
export function threadEntry(bundle: string, source: string): URL {
  const root = installationRoot()
  return new URL(`file://${isBundled() ? join(root, 'dist', `${bundle}.mjs`) : join(root, source)}`)
}
