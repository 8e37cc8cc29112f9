import type { BootstrapRole } from './form.ts'
import { on } from './form.ts'

/** Roles inside kube-system and kube-public. Source: kubernetes 1.35, plugin/pkg/auth/authorizer/rbac/bootstrappolicy. */
export const NAMESPACED_ROLES: readonly BootstrapRole[] = [
  {
    name: 'system:controller:bootstrap-signer',
    namespace: 'kube-public',
    rules: [
      on('core', 'configmaps', 'get list watch'),
      on('core', 'configmaps', 'update', 'cluster-info'),
      on('core events.k8s.io', 'events', 'create patch update'),
    ],
  },
  {
    name: 'extension-apiserver-authentication-reader',
    namespace: 'kube-system',
    rules: [on('core', 'configmaps', 'get list watch', 'extension-apiserver-authentication')],
  },
  {
    name: 'system::leader-locking-kube-controller-manager',
    namespace: 'kube-system',
    rules: [
      on('coordination.k8s.io', 'leases', 'create get list update watch'),
      on('coordination.k8s.io', 'leasecandidates', 'create get list update watch'),
    ],
  },
  {
    name: 'system::leader-locking-kube-scheduler',
    namespace: 'kube-system',
    rules: [
      on('coordination.k8s.io', 'leases', 'create get list update watch'),
      on('coordination.k8s.io', 'leasecandidates', 'create get list update watch'),
    ],
  },
  {
    name: 'system:controller:bootstrap-signer',
    namespace: 'kube-system',
    rules: [on('core', 'secrets', 'get list watch')],
  },
  {
    name: 'system:controller:cloud-provider',
    namespace: 'kube-system',
    rules: [on('core', 'configmaps', 'create get list watch')],
  },
  {
    name: 'system:controller:token-cleaner',
    namespace: 'kube-system',
    rules: [on('core', 'secrets', 'delete get list watch'), on('core events.k8s.io', 'events', 'create patch update')],
  },
]
