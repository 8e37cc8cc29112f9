import { namespaces } from '../../../api/kinds.ts'
import type { Namespace } from '../../../api/types/core-v1.ts'
import { dns1123LabelProblems } from '../../../meta/names.ts'
import { defineResource, nameRule } from '../define.ts'
import type { ResourceDef } from '../resource-def.ts'
import { statusSubresource } from '../strategy.ts'
import { column, created, name, table } from '../table/table.ts'
import { defaultNamespace } from './defaults.ts'
import { validateNamespace, validateNamespaceStatus } from './namespace-validation.ts'

/** Held until the namespace is empty. */
const FINALIZER = 'kubernetes'

export const namespaceDef: ResourceDef<Namespace> = defineResource(namespaces, {
  nameProblem: nameRule(dns1123LabelProblems),
  applyDefaults: defaultNamespace,
  validate: validateNamespace,
  strategy: {
    create: (namespace) => {
      // A namespace is always created active, whatever was sent.
      namespace.status = { phase: 'Active' }
      const finalizers = namespace.spec.finalizers ?? []
      if (!finalizers.includes(FINALIZER)) namespace.spec.finalizers = [...finalizers, FINALIZER]
      defaultNamespace(namespace)
    },
    update: (next, old) => {
      next.spec = { ...old.spec } as typeof next.spec
      next.status = { ...old.status } as typeof next.status
    },
  },
  extraFinalizers: ({ spec }) => spec.finalizers ?? [],
  markDeleting: (namespace) => {
    namespace.status = { ...namespace.status, phase: 'Terminating' }
  },
  table: table<Namespace>(
    name,
    column('Status', ({ status }) => status.phase ?? ''),
    created,
  ),
  fields: ({ status }) => ({ 'status.phase': status.phase ?? '' }),
  subresources: {
    status: statusSubresource({ validate: validateNamespaceStatus }),
    finalize: {
      type: 'object',
      verbs: ['update'],
      validate: validateNamespace,
      prepareUpdate(next, old) {
        next.status = old.status as typeof next.status
      },
    },
  },
})
