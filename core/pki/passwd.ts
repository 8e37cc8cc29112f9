import { lstat, readlink, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomic } from '../runtime/atomic-file.ts'
import { readOptional } from '../runtime/missing-file.ts'
import { formatToken, parseToken, randomPassword } from './token.ts'

/** One line of `server/cred/passwd`: `password,name,uid,group`. */
export interface StaticUser {
  readonly name: string
  readonly password: string
  readonly groups: readonly string[]
}

export interface ClusterTokens {
  /** Full form for joining servers; also works for agents unless an agent token was given. */
  readonly server: string
  readonly agent: string
  readonly users: readonly StaticUser[]
}

export interface TokenOptions {
  readonly dataDir: string
  readonly serverCaPem: string
  /** From flags or configuration; wins over the files. */
  readonly token?: string | undefined
  readonly agentToken?: string | undefined
}

const SERVER_GROUP = 'k3s:server'
const AGENT_GROUP = 'k3s:agent'

/** Reads or makes the shared secrets and writes `server/token`, `server/agent-token`, the link `server/node-token` and `server/cred/passwd`. */
export async function ensureTokens(options: TokenOptions): Promise<ClusterTokens> {
  const directory = join(options.dataDir, 'server')
  const stored = await readOptional(join(directory, 'token'))
  const password = passwordOf(options.token ?? stored) ?? randomPassword()
  const agentPassword = passwordOf(options.agentToken) ?? password
  const tokens: ClusterTokens = {
    server: formatToken(options.serverCaPem, 'server', password),
    agent: formatToken(options.serverCaPem, agentPassword === password ? 'server' : 'node', agentPassword),
    users: [
      { name: 'node', password: agentPassword, groups: [AGENT_GROUP] },
      { name: 'server', password, groups: [SERVER_GROUP] },
    ],
  }
  await Promise.all([
    writeIfChanged(join(directory, 'token'), `${tokens.server}\n`),
    writeIfChanged(join(directory, 'agent-token'), `${tokens.agent}\n`),
    writeIfChanged(join(directory, 'cred', 'passwd'), passwdText(tokens.users)),
  ])
  await ensureLink(join(directory, 'node-token'), 'token')
  return tokens
}

/** One line a user: password, name, uid, groups. */
export function passwdText(users: readonly StaticUser[]): string {
  return users.map(({ name, password, groups }) => `${[password, name, name, ...groups].map(quoted).join(',')}\n`).join('')
}

function quoted(field: string): string {
  return /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field
}

function passwordOf(token: string | undefined): string | undefined {
  if (token === undefined || token.trim() === '') return undefined
  const parsed = parseToken(token)
  if (parsed.kind === 'bootstrap') throw new Error('a bootstrap token cannot be the secret of a server')
  return parsed.password
}

async function writeIfChanged(path: string, content: string): Promise<void> {
  if ((await readOptional(path)) !== content) await writeFileAtomic(path, content, { durable: true })
}

async function ensureLink(path: string, target: string): Promise<void> {
  try {
    if ((await lstat(path)).isSymbolicLink() && (await readlink(path)) === target) return
    await rm(path, { force: true })
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'ENOENT') throw err
  }
  await symlink(target, path)
}
