import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject } from '../../../api/types/rbac-v1.ts'
import { type ObjectKey, objectKey } from '../../../meta/object.ts'
import type { ObjectReader } from '../../admission/admission.ts'
import type { UserInfo } from '../auth.ts'
import { serviceAccountUser } from '../users.ts'

const GROUP = 'rbac.authorization.k8s.io'
const ROLES = { group: GROUP, resource: 'roles' }
const CLUSTER_ROLES = { group: GROUP, resource: 'clusterroles' }
const ROLE_BINDINGS = { group: GROUP, resource: 'rolebindings' }
const CLUSTER_ROLE_BINDINGS = { group: GROUP, resource: 'clusterrolebindings' }

type AnyBinding = RoleBinding | ClusterRoleBinding

/** One subject of one binding: why a user has the rules of a role. */
export interface Grant {
  /** Empty for cluster role bindings. */
  readonly namespace: string
  readonly bindingName: string
  readonly roleRef: RoleRef
  readonly subject: Subject
}

/** The rules of a grant's role; a text instead when the role does not exist. */
export type RulesOfGrant = readonly PolicyRule[] | string

/**
 * Grants by user and group, kept in step with the cache: changes are noted when they happen and taken in at the next question,
 * so a burst of writes costs once.
 */
export class BindingIndex {
  readonly #reader: ObjectReader
  readonly #byUser = new Map<string, Set<Grant>>()
  readonly #byGroup = new Map<string, Set<Grant>>()
  readonly #grants = new Map<string, readonly Grant[]>()
  readonly #changed = new Set<string>()
  #isFollowing = false
  #isStale = true
  #version = 0

  constructor(reader: ObjectReader) {
    this.#reader = reader
  }

  /** Grows with every change of a role or binding; whatever was decided before may be wrong after. */
  get version(): number {
    if (!this.#isFollowing) this.#follow()
    return this.#version
  }

  /** Cluster-wide grants first, then those of `namespace`, in no further order. */
  grantsOf(user: UserInfo, namespace: string): readonly Grant[] {
    this.#refresh()
    const own = this.#byUser.get(user.name)
    const found: Grant[] = own === undefined ? [] : [...own]
    for (const group of user.groups) {
      const grants = this.#byGroup.get(group)
      if (grants !== undefined) found.push(...grants)
    }
    const wide = found.filter((grant) => grant.namespace === '')
    return namespace === '' ? wide : [...wide, ...found.filter((grant) => grant.namespace === namespace)]
  }

  rulesOf(roleRef: RoleRef, namespace: string): RulesOfGrant {
    const isCluster = roleRef.kind === 'ClusterRole'
    const role = isCluster
      ? this.#reader.get<ClusterRole>(CLUSTER_ROLES, '', roleRef.name)
      : this.#reader.get<Role>(ROLES, namespace, roleRef.name)
    return role?.rules ?? `${isCluster ? 'clusterrole' : 'role'}.${GROUP} ${JSON.stringify(roleRef.name)} not found`
  }

  /** At the first question, when the cache is surely loaded. */
  #follow(): void {
    this.#isFollowing = true
    for (const resource of [ROLES, CLUSTER_ROLES]) {
      this.#reader.onChange(resource, () => {
        this.#version += 1
      })
    }
    for (const [resource, prefix] of [
      [ROLE_BINDINGS, 'r:'],
      [CLUSTER_ROLE_BINDINGS, 'c:'],
    ] as const) {
      this.#reader.onChange(resource, (changed) => {
        this.#version += 1
        if (changed === undefined) this.#isStale = true
        else this.#changed.add(prefix + objectKey(changed.namespace, changed.name))
      })
    }
  }

  #refresh(): void {
    if (!this.#isFollowing) this.#follow()
    if (this.#isStale) {
      this.#isStale = false
      this.#changed.clear()
      this.#loadAll()
    } else if (this.#changed.size > 0) {
      for (const id of this.#changed) this.#reload(id)
      this.#changed.clear()
    }
  }

  #loadAll(): void {
    this.#byUser.clear()
    this.#byGroup.clear()
    this.#grants.clear()
    for (const binding of this.#reader.list<ClusterRoleBinding>(CLUSTER_ROLE_BINDINGS)) this.#add(`c:${binding.metadata.name}`, binding, '')
    for (const binding of this.#reader.list<RoleBinding>(ROLE_BINDINGS)) {
      const { namespace = '', name } = binding.metadata
      this.#add(`r:${objectKey(namespace, name)}`, binding, namespace)
    }
  }

  #reload(id: string): void {
    for (const grant of this.#grants.get(id) ?? []) this.#setOf(grant)?.delete(grant)
    this.#grants.delete(id)
    const key = id.slice(2) as ObjectKey
    const slash = id.startsWith('r:') ? key.indexOf('/') : -1
    const [namespace, name] = slash < 0 ? ['', key] : [key.slice(0, slash), key.slice(slash + 1)]
    const binding = this.#reader.get<AnyBinding>(slash < 0 ? CLUSTER_ROLE_BINDINGS : ROLE_BINDINGS, namespace, name)
    if (binding !== undefined) this.#add(id, binding, namespace)
  }

  #add(id: string, binding: AnyBinding, namespace: string): void {
    const grants: Grant[] = []
    for (const subject of binding.subjects ?? []) {
      const grant: Grant = { namespace, bindingName: binding.metadata.name, roleRef: binding.roleRef, subject }
      const set = this.#setOf(grant)
      if (set === undefined) continue
      set.add(grant)
      grants.push(grant)
    }
    this.#grants.set(id, grants)
  }

  /** Where a grant is found again; undefined for subjects that name nobody. */
  #setOf({ subject, namespace }: Grant): Set<Grant> | undefined {
    switch (subject.kind) {
      case 'User':
        return entry(this.#byUser, subject.name)
      case 'Group':
        return entry(this.#byGroup, subject.name)
      case 'ServiceAccount': {
        const home = subject.namespace === undefined || subject.namespace === '' ? namespace : subject.namespace
        return home === '' ? undefined : entry(this.#byUser, serviceAccountUser(home, subject.name))
      }
      default:
        return undefined
    }
  }
}

function entry(map: Map<string, Set<Grant>>, key: string): Set<Grant> {
  let set = map.get(key)
  if (set === undefined) {
    set = new Set()
    map.set(key, set)
  }
  return set
}

/** `ClusterRoleBinding "x" of ClusterRole "y" to Group "z"`: the text in the reason of an access review. */
export function describeGrant({ namespace, bindingName, roleRef, subject }: Grant): string {
  const binding = namespace === '' ? `ClusterRoleBinding ${quote(bindingName)}` : `RoleBinding ${quote(`${bindingName}/${namespace}`)}`
  const home = subject.namespace ?? namespace
  const who = subject.kind === 'ServiceAccount' && home !== '' ? `${subject.name}/${home}` : subject.name
  return `${binding} of ${roleRef.kind} ${quote(roleRef.name)} to ${subject.kind} ${quote(who)}`
}

const quote = (text: string): string => JSON.stringify(text)
