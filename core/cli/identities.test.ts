import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CONTROLLERS } from '../../controllers/index.ts'
import { APISERVER_USER, GROUPS } from '../apiserver/auth/users.ts'
import { controllerUsers, IDENTITIES, nodeUser, SUPERVISOR } from './identities.ts'

describe('identities of the parts inside', () => {
  const users = controllerUsers()

  it('are privileged in two cases only', () => {
    const all = [...Object.values(IDENTITIES), ...users.values(), nodeUser('n1'), APISERVER_USER]
    const privileged = new Set(all.filter(({ groups }) => groups.includes(GROUPS.masters)).map(({ name }) => name))
    assert.deepEqual([...privileged].sort(), ['system:apiserver', SUPERVISOR])
    for (const { name, groups } of all) assert.ok(groups.includes(GROUPS.authenticated), name)
  })

  it('exist for every controller, under the names of its service account', () => {
    for (const { name, account } of CONTROLLERS) {
      if (account === undefined) assert.equal(name, 'serviceaccount-token')
      else
        assert.deepEqual(users.get(account), {
          name: `system:serviceaccount:kube-system:${account}`,
          groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
        })
    }
  })
})
