import type { ClusterRoleBinding, RoleBinding, Subject } from '../../../api/types/rbac-v1.ts'
import { column, created, name, type Table, table, wide } from '../table/table.ts'

type Binding = RoleBinding | ClusterRoleBinding

const subjects = (binding: Binding, kind: string, text: (subject: Subject) => string): string =>
  (binding.subjects ?? [])
    .filter((subject) => subject.kind === kind)
    .map(text)
    .join(', ')

export const bindingTable: Table<Binding> = table<Binding>(
  name,
  column('Role', ({ roleRef }) => `${roleRef.kind}/${roleRef.name}`),
  created,
  wide('Users', (binding) => subjects(binding, 'User', (subject) => subject.name)),
  wide('Groups', (binding) => subjects(binding, 'Group', (subject) => subject.name)),
  wide('ServiceAccounts', (binding) => subjects(binding, 'ServiceAccount', (subject) => `${subject.namespace ?? ''}/${subject.name}`)),
)
