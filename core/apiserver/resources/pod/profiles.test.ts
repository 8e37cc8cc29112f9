import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { podDef } from '../core/pod.ts'
import { created, createProblems } from '../testing.ts'
import { APP_ARMOR_PREFIX } from './profiles.ts'

const pod = (annotations: object, container: object = {}, spec: object = {}): object => ({
  metadata: { annotations },
  spec: { containers: [{ name: 'c', image: 'i', ...container }], ...spec },
})
const profile = (type: string, localhostProfile?: string): object => ({
  securityContext: { appArmorProfile: { type, ...(localhostProfile !== undefined && { localhostProfile }) } },
})
const KEY = `${APP_ARMOR_PREFIX}c`
const SECCOMP = 'seccomp.security.alpha.kubernetes.io/pod'

describe('security profiles as annotations and fields', () => {
  it('makes the field from the annotation', () => {
    assert.deepEqual(created(podDef, pod({ [KEY]: 'localhost/x' })).spec.containers[0]?.securityContext, {
      appArmorProfile: { type: 'Localhost', localhostProfile: 'x' },
    })
    assert.equal(
      created(podDef, pod({ [KEY]: 'runtime/default' }, {}, profile('RuntimeDefault'))).spec.containers[0]?.securityContext,
      undefined,
    )
  })

  it('makes the annotation from the field of the container, or else of the pod', () => {
    assert.deepEqual(created(podDef, pod({}, profile('Unconfined'), profile('RuntimeDefault'))).metadata.annotations, {
      [KEY]: 'unconfined',
    })
    assert.deepEqual(created(podDef, pod({}, {}, profile('RuntimeDefault'))).metadata.annotations, { [KEY]: 'runtime/default' })
    assert.equal(created(podDef, { spec: { containers: [{ name: 'c', image: 'i' }] } }).metadata.annotations, undefined)
  })

  it('refuses annotations that name nothing', () => {
    assert.deepEqual(createProblems(podDef, pod({ [`${APP_ARMOR_PREFIX}d`]: 'x', [SECCOMP]: 'y' })), [
      `metadata.annotations[${APP_ARMOR_PREFIX}d]: Invalid value: "d": container not found`,
      `metadata.annotations[${APP_ARMOR_PREFIX}d]: Invalid value: "x": invalid AppArmor profile name: "x"`,
      `metadata.annotations.${SECCOMP}: Invalid value: "y": must be a valid seccomp profile`,
    ])
  })

  it('refuses annotations that say something else than the fields', () => {
    const at = 'spec.containers[0].securityContext.appArmorProfile'
    assert.deepEqual(createProblems(podDef, pod({ [KEY]: 'localhost/x' }, profile('RuntimeDefault'))), [
      `${at}.type: Forbidden: apparmor type in annotation and field must match`,
    ])
    assert.deepEqual(createProblems(podDef, pod({ [KEY]: 'localhost/x' }, profile('Localhost', 'y'))), [
      `${at}.localhostProfile: Forbidden: apparmor profile in annotation and field must match`,
    ])
    const seccomp = { securityContext: { seccompProfile: { type: 'RuntimeDefault' } } }
    assert.deepEqual(createProblems(podDef, pod({ [SECCOMP]: 'docker/default' }, {}, seccomp)), [])
    assert.deepEqual(createProblems(podDef, pod({ [SECCOMP]: 'unconfined' }, {}, seccomp)), [
      'spec.securityContext.seccompProfile.type: Forbidden: seccomp type in annotation and field must match',
    ])
  })
})
