import type { CustomResourceDefinition } from '../../../api/types/apiextensions-v1.ts'
import type { ResourceSpec } from '../../resources/define.ts'
import type { Work } from '../../resources/resource-def.ts'
import { withCondition } from './status.ts'
import { definitionErrors } from './validate.ts'

/** Holds a deleted definition until its objects are gone. */
export const CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io'

type Hooks = ResourceSpec<CustomResourceDefinition>

/** How CustomResourceDefinitions are defaulted, checked and deleted. */
export const customResourceDefinitionHooks: Required<Pick<Hooks, 'applyDefaults' | 'validate' | 'extraFinalizers' | 'markDeleting'>> & {
  readonly beforeUpdate: (next: Work<CustomResourceDefinition>) => void
} = {
  applyDefaults,
  validate: definitionErrors,
  extraFinalizers: ({ metadata }) => (metadata.deletionTimestamp === undefined ? [CLEANUP_FINALIZER] : []),
  markDeleting: markTerminating,
  beforeUpdate: rememberStorage,
}

function applyDefaults(crd: Work<CustomResourceDefinition>): void {
  const { names, versions } = crd.spec
  if ((names.singular ?? '') === '') names.singular = names.kind.toLowerCase()
  if ((names.listKind ?? '') === '' && names.kind !== '') names.listKind = `${names.kind}List`
  crd.spec.conversion ??= { strategy: 'None' }
  const service = crd.spec.conversion.webhook?.clientConfig?.service
  if (service !== undefined) service.port ??= 443
  if (crd.status.storedVersions.length === 0) crd.status.storedVersions = versions.filter(({ storage }) => storage).map(({ name }) => name)
}

const TERMINATING = {
  type: 'Terminating',
  status: 'True',
  reason: 'InstanceDeletionPending',
  message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
}

/** Lists and status are shared with the stored object: they are replaced, not changed. */
function markTerminating(crd: Work<CustomResourceDefinition>): void {
  const { finalizers = [], deletionTimestamp = '' } = crd.metadata
  if (!finalizers.includes(CLEANUP_FINALIZER)) crd.metadata.finalizers = [...finalizers, CLEANUP_FINALIZER]
  setStatus(crd, { conditions: withCondition(crd.status.conditions, TERMINATING, deletionTimestamp) })
}

/** A new storage version joins those that objects may be stored in. Status comes from the stored object at this point. */
function rememberStorage(crd: Work<CustomResourceDefinition>): void {
  const { storedVersions } = crd.status
  const added = crd.spec.versions.filter(({ name, storage }) => storage && !storedVersions.includes(name)).map(({ name }) => name)
  if (added.length > 0) setStatus(crd, { storedVersions: [...storedVersions, ...added] })
}

function setStatus(crd: Work<CustomResourceDefinition>, change: Partial<CustomResourceDefinition['status']>): void {
  crd.status = { ...crd.status, ...change } as Work<CustomResourceDefinition>['status']
}
