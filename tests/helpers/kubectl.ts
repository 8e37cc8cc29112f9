import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const ROOT = new URL('../..', import.meta.url).pathname
const TOOLS = join(ROOT, 'node_modules', '.cache', 'k3ts-tools')

/** What a command printed, and how it ended. */
export interface Output {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs the bundled kubectl or helm against one server. */
export interface Tools {
  readonly kubectl: (args: readonly string[], options?: ToolOptions) => Promise<Output>
  readonly helm: (args: readonly string[], options?: ToolOptions) => Promise<Output>
}

export interface ToolOptions {
  readonly input?: string
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Unpacks the tools at the first use. `home` keeps their caches apart from those of other tests. */
export async function tools(kubeconfig: string, home: string): Promise<Tools> {
  await unpack()
  const runner =
    (name: string) =>
    (args: readonly string[], options: ToolOptions = {}): Promise<Output> =>
      run(join(TOOLS, name), args, {
        ...options,
        env: { PATH: `${TOOLS}:/usr/bin:/bin`, HOME: home, KUBECONFIG: kubeconfig, ...options.env },
      })
  return { kubectl: runner('kubectl'), helm: runner('helm') }
}

async function unpack(): Promise<void> {
  if (['kubectl', 'helm'].every((name) => isExecutable(join(TOOLS, name)))) return
  await promisify(execFile)(process.execPath, [join(ROOT, 'scripts', 'unpack-tools.ts'), TOOLS])
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    // Not unpacked yet.
    return false
  }
}

const LIMIT_MS = 60_000

function run(file: string, args: readonly string[], { input, cwd, env }: ToolOptions): Promise<Output> {
  return new Promise((resolve) => {
    const child = execFile(file, args, { env, cwd, timeout: LIMIT_MS, maxBuffer: 64 * 1024 * 1024 }, (err, stdout, stderr) => {
      const code = err === null ? 0 : typeof err.code === 'number' ? err.code : 1
      resolve({ code, stdout, stderr })
    })
    child.stdin?.end(input ?? '')
  })
}
