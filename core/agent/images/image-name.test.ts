import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Secret } from '../../api/types/core-v1.ts'
import { canonicalImageName, parseImageName, withDefaultTag } from './image-name.ts'
import { credentialsFor } from './pull-secrets.ts'

const DIGEST = `sha256:${'a'.repeat(64)}`

describe('parseImageName', () => {
  for (const [text, canonical] of [
    ['busybox', 'docker.io/library/busybox:latest'],
    ['rancher/pause:3.10', 'docker.io/rancher/pause:3.10'],
    ['localhost/a', 'localhost/a:latest'],
    ['r.example:5000/a/b_c:v1', 'r.example:5000/a/b_c:v1'],
    ['index.docker.io/nginx', 'docker.io/library/nginx:latest'],
    [`busybox@${DIGEST}`, `docker.io/library/busybox@${DIGEST}`],
    [`a:1@${DIGEST}`, `docker.io/library/a:1@${DIGEST}`],
  ] as const)
    it(`reads ${text}`, () => {
      const name = parseImageName(text)
      assert.notEqual(typeof name, 'string')
      if (typeof name !== 'string') assert.equal(canonicalImageName(name), canonical)
    })
  for (const text of ['', 'A', 'a:', 'a:b:c', 'a b', 'a@sha256:1', 'https://a/b', 'a//b', '-a'])
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.match(parseImageName(text) as string, /^invalid reference format/)
    })
  it('adds the tag only where nothing pins the image', () => {
    const tagged = (text: string): string => withDefaultTag(text, parseImageName(text) as never)
    assert.deepEqual(['a', 'a:1', `a@${DIGEST}`].map(tagged), ['a:latest', 'a:1', `a@${DIGEST}`])
  })
})

describe('credentialsFor', () => {
  const secret = (auths: object): Secret =>
    ({ data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') } }) as unknown as Secret
  const users = (image: string, auths: object): (string | undefined)[] =>
    credentialsFor(parseImageName(image) as never, [secret(auths)]).map((auth) => auth.username)
  const u = (username: string): object => ({ username })
  const cases: readonly [string, object, string[]][] = [
    ['busybox', { 'https://index.docker.io/v1/': u('hub') }, ['hub']],
    ['r.example/team/app', { 'r.example': u('host'), 'r.example/team': u('team'), 'r.example/tea': u('no') }, ['team', 'host']],
    ['a.r.example/x', { '*.r.example': u('glob'), '*.example': u('no') }, ['glob']],
    ['r.example:5000/x', { 'r.example': u('no'), 'r.example:5000': u('port') }, ['port']],
    ['r.example/x', { other: u('no') }, []],
  ]
  for (const [image, auths, want] of cases)
    it(`finds ${want.join(', ') || 'nothing'} for ${image}`, () => {
      assert.deepEqual(users(image, auths), want)
    })
  it('skips a secret that is not JSON', () => {
    assert.deepEqual(credentialsFor(parseImageName('a') as never, [{ data: { '.dockerconfigjson': 'eA==' } } as unknown as Secret]), [])
  })
})
