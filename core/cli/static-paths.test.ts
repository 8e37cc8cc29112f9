import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import type { ApiRequest } from '../apiserver/request.ts'
import { staticPaths } from './static-paths.ts'

it('static files are served, and nothing outside their folder, however the path is written', async () => {
  const root = mkdtempSync(join(tmpdir(), 'k3ts-static-'))
  const folder = join(root, 'static')
  mkdirSync(join(folder, 'charts'), { recursive: true })
  writeFileSync(join(folder, 'charts', 'a.tgz'), 'chart')
  writeFileSync(join(root, 'token'), 'secret')
  const serve = staticPaths({ folder, serverCaPem: 'PEM' })
  const get = async (path: string, method = 'GET'): Promise<string> => {
    const answer = await serve({ path, method } as ApiRequest)
    return answer === undefined
      ? 'not mine'
      : `${answer.status} ${Buffer.from(answer.body as Uint8Array)
          .toString()
          .trim()}`
  }
  assert.equal(await get('/static/charts/a.tgz'), '200 chart')
  assert.equal(await get('/cacerts'), '200 PEM')
  for (const path of ['../token', '..%2ftoken', 'charts/../../token', '%2e%2e/token', '/etc/passwd', '%zz', 'a%00b', '', 'charts', '.'])
    assert.equal(await get(`/static/${path}`), '404 404 page not found', path)
  assert.equal(await get('/static/charts/a.tgz', 'POST'), 'not mine')
  rmSync(root, { recursive: true })
})
