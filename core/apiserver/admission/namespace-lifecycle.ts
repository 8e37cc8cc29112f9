import type { Namespace } from '../../api/types/core-v1.ts'
import { StatusError } from '../../meta/status-error.ts'
import { forbidden, notFound } from '../errors.ts'
import type { AdmissionAttributes, AdmissionPlugin, ObjectReader } from './admission.ts'
import { denied } from './denied.ts'
import { isResource, NAMESPACES } from './target.ts'

const IMMORTAL: ReadonlySet<string> = new Set(['default', 'kube-system', 'kube-public'])

/** Nothing is made in a namespace that is absent or ends; three namespaces never end. Source: apiserver, plugin/namespace/lifecycle. */
export function namespaceLifecycle({ reader }: { readonly reader: ObjectReader }): AdmissionPlugin {
  return {
    name: 'NamespaceLifecycle',
    handles: ({ operation, namespace, def }) => {
      if (operation === 'CONNECT') return false
      return operation === 'DELETE' ? def.kind === 'Namespace' && def.group === '' : namespace !== '' && def.namespaced
    },
    admit: (attributes) => {
      if (attributes.operation === 'DELETE') assertMortal(attributes)
      else if (attributes.def.kind !== 'LocalSubjectAccessReview') assertOpen(attributes, reader)
    },
  }
}

function assertMortal(attributes: AdmissionAttributes): void {
  if (!isResource(attributes, NAMESPACES) || attributes.subresource !== '' || !IMMORTAL.has(attributes.name)) return
  throw forbidden(NAMESPACES, attributes.name, 'this namespace may not be deleted')
}

function assertOpen(attributes: AdmissionAttributes, reader: ObjectReader): void {
  const { namespace, operation } = attributes
  const found = reader.get<Namespace>(NAMESPACES, '', namespace)
  if (found === undefined) throw notFound(NAMESPACES, namespace)
  if (operation === 'CREATE' && found.status.phase === 'Terminating') throw terminating(attributes)
}

function terminating(attributes: AdmissionAttributes): StatusError {
  const { namespace } = attributes
  const error = denied(attributes, `unable to create new content in namespace ${namespace} because it is being terminated`)
  const cause = { reason: 'NamespaceTerminating', message: `namespace ${namespace} is being terminated`, field: 'metadata.namespace' }
  return new StatusError('Forbidden', error.message, { ...error.details, causes: [cause] })
}
