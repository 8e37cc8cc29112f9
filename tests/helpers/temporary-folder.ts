import { mkdtempSync, rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach } from 'node:test'

export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string
}

/** A folder of this test alone, removed with everything in it at the end of the block. */
export async function temporaryFolder(name: string): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), `k3ts-${name}-`))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** A new folder for each test of the file or suite that calls this; `path` is where it is while a test runs. */
export function folderForEachTest(name: string): { readonly path: string } {
  return managed(name, beforeEach, afterEach)
}

/** One folder for all tests of the file or suite that calls this; `path` is where it is while they run. */
export function folderForTests(name: string): { readonly path: string } {
  return managed(name, before, after)
}

type Hook = (run: () => void) => void

function managed(name: string, begin: Hook, end: Hook): { readonly path: string } {
  const folder = { path: '' }
  begin(() => {
    folder.path = mkdtempSync(join(tmpdir(), `k3ts-${name}-`))
  })
  end(() => {
    rmSync(folder.path, { recursive: true, force: true })
  })
  return folder
}
