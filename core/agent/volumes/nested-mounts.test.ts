import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Pod } from '../../api/types/core-v1.ts'
import { nestedMountPoints } from './nested-mounts.ts'

it('finds mounts inside of a volume and not beside it', () => {
  const volumeMounts = [
    { name: 'config', mountPath: '/etc/app' },
    { name: 'custom', mountPath: '/etc/app/custom/' },
    { name: 'other', mountPath: '/etc/application' },
    { name: 'token', mountPath: '/var/run/secrets' },
  ]
  const pod = { spec: { containers: [{ volumeMounts }] } } as unknown as Pod
  assert.deepEqual(nestedMountPoints('config', pod), ['custom'])
  assert.deepEqual(nestedMountPoints('other', pod), [])
})
