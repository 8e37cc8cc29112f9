import { readFile } from 'node:fs/promises'
import { join, normalize } from 'node:path'
import type { ApiRequest, ApiResponse } from '../apiserver/request.ts'

export interface StaticPathsOptions {
  /** DATA_DIR/server/static: charts that helm jobs fetch. */
  readonly folder: string
  readonly serverCaPem: string
}

const text = (status: number, body: string, type = 'text/plain'): ApiResponse => ({
  status,
  headers: { 'content-type': type },
  body: Buffer.from(body),
})

/** Served to everybody, before authentication. */
export function isPublicPath(path: string | undefined): boolean {
  return path === '/cacerts' || path === '/ping' || path?.startsWith('/static/') === true
}

/** Paths of the supervisor that need no login: the server's CA for joining nodes, ping, and the packaged charts. Source: K3s, join protocol. */
export function staticPaths({
  folder,
  serverCaPem,
}: StaticPathsOptions): (request: ApiRequest) => Promise<ApiResponse> | ApiResponse | undefined {
  return ({ path, method }) => {
    if (method !== 'GET' && method !== 'HEAD') return undefined
    if (path === '/cacerts') return text(200, serverCaPem)
    if (path === '/ping') return text(200, 'pong')
    return path.startsWith('/static/') ? file(folder, path.slice('/static/'.length)) : undefined
  }
}

async function file(folder: string, name: string): Promise<ApiResponse> {
  try {
    const path = normalize(join(folder, decodeURIComponent(name)))
    if (!path.startsWith(`${folder}/`)) return text(404, '404 page not found')
    return { status: 200, headers: { 'content-type': 'application/octet-stream' }, body: await readFile(path) }
  } catch {
    // absent, a folder, no name at all: nothing to serve
    return text(404, '404 page not found')
  }
}
