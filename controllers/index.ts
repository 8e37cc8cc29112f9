import {
  certificateSigningRequests,
  clusterRoles,
  configMaps,
  controllerRevisions,
  cronJobs,
  customResourceDefinitions,
  daemonSets,
  deployments,
  endpointSlices,
  endpoints,
  horizontalPodAutoscalers,
  jobs,
  leases,
  namespaces,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  podDisruptionBudgets,
  pods,
  replicaSets,
  replicationControllers,
  resourceQuotas,
  secrets,
  serviceAccounts,
  services,
  statefulSets,
  storageClasses,
  volumeAttributesClasses,
} from '../core/api/kinds.ts'
import { daemonSetController } from './apps/daemon-set/daemon-set.ts'
import { deploymentController } from './apps/deployment/deployment.ts'
import { replicaSetController, replicationControllerController } from './apps/replica-set.ts'
import { statefulSetController } from './apps/stateful-set/stateful-set.ts'
import { horizontalPodAutoscaler } from './autoscaling/horizontal-pod-autoscaler.ts'
import { cronJobController } from './batch/cron-job/cron-job.ts'
import { jobController } from './batch/job/job.ts'
import { ttlAfterFinishedController } from './batch/ttl-after-finished.ts'
import { certificateApprovalController } from './certificates/approval.ts'
import { certificateCleanupController } from './certificates/cleanup.ts'
import { certificateSigningController } from './certificates/signing.ts'
import { clusterRoleAggregation } from './core/cluster-role-aggregation.ts'
import { garbageCollector } from './core/garbage-collector/garbage-collector.ts'
import { namespaceController } from './core/namespace/namespace.ts'
import { nodeIpamController } from './core/node/node-ipam.ts'
import { NODE_LEASES, nodeLifecycleController } from './core/node/node-lifecycle.ts'
import { taintEvictionController } from './core/node/taint-eviction.ts'
import { podGarbageCollector } from './core/pod-garbage-collector.ts'
import { resourceQuotaController } from './core/resource-quota/resource-quota.ts'
import { ROOT_CA_SCOPE, rootCaPublisher } from './core/root-ca-publisher.ts'
import { serviceAccountController } from './core/service-account.ts'
import { serviceAccountTokenController, TOKEN_SECRETS } from './core/service-account-token.ts'
import { BOOTSTRAP_TOKENS, tokenCleaner } from './core/token-cleaner.ts'
import { endpointSliceController } from './network/endpoint-slice/endpoint-slice.ts'
import { endpointSliceMirroringController } from './network/endpoint-slice-mirroring.ts'
import { endpointsController } from './network/endpoints.ts'
import { disruptionController } from './policy/disruption.ts'
import type { ControllerEntry } from './runtime/context.ts'
import { persistentVolumeBinder } from './storage/binder/binder.ts'
import { ephemeralVolumeController } from './storage/ephemeral-volume.ts'
import { attributesClassProtectionController, claimProtectionController, volumeProtectionController } from './storage/protection.ts'

/** All controllers of the control plane; flags and documentation are generated from this table. */
export const CONTROLLERS: readonly ControllerEntry[] = [
  {
    name: 'namespace',
    byDefault: true,
    account: 'namespace-controller',
    create: ({ informers, ...deps }) =>
      namespaceController({ ...deps, namespaces: informers.informer(namespaces), pods: informers.informer(pods) }),
  },
  {
    name: 'serviceaccount',
    byDefault: true,
    account: 'service-account-controller',
    create: ({ client, informers }) =>
      serviceAccountController({
        client,
        namespaces: informers.informer(namespaces),
        serviceAccounts: informers.informer(serviceAccounts),
      }),
  },
  {
    name: 'root-ca-certificate-publisher',
    byDefault: true,
    account: 'root-ca-cert-publisher',
    create: ({ client, informers, settings }) =>
      rootCaPublisher({
        client,
        namespaces: informers.informer(namespaces),
        configMaps: informers.informer(configMaps, ROOT_CA_SCOPE),
        rootCa: settings.rootCa,
      }),
  },
  {
    name: 'endpoints',
    byDefault: true,
    account: 'endpoint-controller',
    create: ({ client, informers, recorderFor }) =>
      endpointsController({
        client,
        services: informers.informer(services),
        pods: informers.informer(pods),
        endpoints: informers.informer(endpoints),
        recorder: recorderFor('endpoint-controller'),
      }),
  },
  {
    name: 'endpointslice',
    byDefault: true,
    account: 'endpointslice-controller',
    create: ({ client, informers, clock, recorderFor }) =>
      endpointSliceController({
        client,
        services: informers.informer(services),
        pods: informers.informer(pods),
        nodes: informers.informer(nodes),
        slices: informers.informer(endpointSlices),
        recorder: recorderFor('endpoint-slice-controller'),
        clock,
      }),
  },
  {
    name: 'endpointslicemirroring',
    byDefault: true,
    account: 'endpointslicemirroring-controller',
    create: ({ client, informers, clock }) =>
      endpointSliceMirroringController({
        client,
        services: informers.informer(services),
        endpoints: informers.informer(endpoints),
        slices: informers.informer(endpointSlices),
        clock,
      }),
  },
  {
    name: 'deployment',
    byDefault: true,
    account: 'deployment-controller',
    create: ({ client, informers, clock, recorderFor }) =>
      deploymentController({
        client,
        deployments: informers.informer(deployments),
        replicaSets: informers.informer(replicaSets),
        pods: informers.informer(pods),
        recorder: recorderFor('deployment-controller'),
        clock,
      }),
  },
  {
    name: 'replicaset',
    byDefault: true,
    account: 'replicaset-controller',
    create: ({ client, informers, clock, recorderFor }) =>
      replicaSetController({
        client,
        sets: informers.informer(replicaSets),
        pods: informers.informer(pods),
        recorder: recorderFor('replicaset-controller'),
        clock,
      }),
  },
  {
    name: 'replicationcontroller',
    byDefault: true,
    account: 'replication-controller',
    create: ({ client, informers, clock, recorderFor }) =>
      replicationControllerController({
        client,
        sets: informers.informer(replicationControllers),
        pods: informers.informer(pods),
        recorder: recorderFor('replication-controller'),
        clock,
      }),
  },
  {
    name: 'daemonset',
    byDefault: true,
    account: 'daemon-set-controller',
    create: ({ client, informers, clock, recorderFor }) =>
      daemonSetController({
        client,
        daemonSets: informers.informer(daemonSets),
        nodes: informers.informer(nodes),
        pods: informers.informer(pods),
        revisions: informers.informer(controllerRevisions),
        recorder: recorderFor('daemonset-controller'),
        clock,
      }),
  },
  {
    name: 'statefulset',
    byDefault: true,
    account: 'statefulset-controller',
    create: ({ client, informers, clock, recorderFor }) =>
      statefulSetController({
        client,
        statefulSets: informers.informer(statefulSets),
        pods: informers.informer(pods),
        claims: informers.informer(persistentVolumeClaims),
        revisions: informers.informer(controllerRevisions),
        recorder: recorderFor('statefulset-controller'),
        clock,
      }),
  },
  {
    name: 'job',
    byDefault: true,
    account: 'job-controller',
    create: ({ client, informers, clock, recorderFor }) =>
      jobController({
        client,
        jobs: informers.informer(jobs),
        pods: informers.informer(pods),
        recorder: recorderFor('job-controller'),
        clock,
      }),
  },
  {
    name: 'cronjob',
    byDefault: true,
    account: 'cronjob-controller',
    create: ({ client, informers, clock, recorderFor }) =>
      cronJobController({
        client,
        cronJobs: informers.informer(cronJobs),
        jobs: informers.informer(jobs),
        recorder: recorderFor('cronjob-controller'),
        clock,
      }),
  },
  {
    name: 'ttl-after-finished',
    byDefault: true,
    account: 'ttl-after-finished-controller',
    create: ({ client, informers, clock }) => ttlAfterFinishedController({ client, jobs: informers.informer(jobs), clock }),
  },
  {
    name: 'persistentvolume-binder',
    byDefault: true,
    account: 'persistent-volume-binder',
    create: ({ client, informers, clock, recorderFor }) =>
      persistentVolumeBinder({
        client,
        claims: informers.informer(persistentVolumeClaims),
        volumes: informers.informer(persistentVolumes),
        classes: informers.informer(storageClasses),
        recorder: recorderFor('persistentvolume-controller'),
        clock,
      }),
  },
  {
    name: 'persistentvolumeclaim-protection',
    byDefault: true,
    account: 'pvc-protection-controller',
    create: ({ client, informers }) =>
      claimProtectionController({ client, claims: informers.informer(persistentVolumeClaims), pods: informers.informer(pods) }),
  },
  {
    name: 'ephemeral-volume',
    byDefault: true,
    account: 'ephemeral-volume-controller',
    create: ({ client, informers, recorderFor }) =>
      ephemeralVolumeController({
        client,
        pods: informers.informer(pods),
        claims: informers.informer(persistentVolumeClaims),
        recorder: recorderFor('ephemeral_volume'),
      }),
  },
  {
    name: 'tokencleaner',
    byDefault: true,
    account: 'token-cleaner',
    create: ({ client, informers, clock }) => tokenCleaner({ client, secrets: informers.informer(secrets, BOOTSTRAP_TOKENS), clock }),
  },
  {
    name: 'persistentvolume-protection',
    byDefault: true,
    account: 'pv-protection-controller',
    create: ({ client, informers }) => volumeProtectionController({ client, volumes: informers.informer(persistentVolumes) }),
  },
  {
    name: 'volumeattributesclass-protection',
    byDefault: true,
    account: 'volumeattributesclass-protection-controller',
    create: ({ client, informers }) =>
      attributesClassProtectionController({
        client,
        attributesClasses: informers.informer(volumeAttributesClasses),
        claims: informers.informer(persistentVolumeClaims),
        volumes: informers.informer(persistentVolumes),
      }),
  },
  {
    name: 'node-ipam',
    byDefault: true,
    account: 'node-controller',
    create: ({ client, informers, recorderFor, settings }) =>
      settings.clusterCidrs.length === 0
        ? undefined
        : nodeIpamController({
            client,
            nodes: informers.informer(nodes),
            recorder: recorderFor('cidrAllocator'),
            clusterCidrs: settings.clusterCidrs,
            maskIpv4: settings.nodeCidrMaskIpv4 ?? 24,
            maskIpv6: settings.nodeCidrMaskIpv6 ?? 64,
          }),
  },
  {
    name: 'node-lifecycle',
    byDefault: true,
    account: 'node-controller',
    create: ({ client, informers, clock, recorderFor }) =>
      nodeLifecycleController({
        client,
        nodes: informers.informer(nodes),
        leases: informers.informer(leases, NODE_LEASES),
        pods: informers.informer(pods),
        recorder: recorderFor('node-controller'),
        clock,
      }),
  },
  {
    name: 'taint-eviction',
    byDefault: true,
    account: 'node-controller',
    create: ({ client, informers, clock, recorderFor }) =>
      taintEvictionController({
        client,
        nodes: informers.informer(nodes),
        pods: informers.informer(pods),
        recorder: recorderFor('taint-eviction-controller'),
        clock,
      }),
  },
  {
    name: 'pod-garbage-collector',
    byDefault: true,
    account: 'pod-garbage-collector',
    create: ({ client, informers, clock, settings }) =>
      podGarbageCollector({
        client,
        nodes: informers.informer(nodes),
        pods: informers.informer(pods),
        clock,
        threshold: settings.terminatedPodThreshold ?? 12_500,
      }),
  },
  {
    name: 'resourcequota',
    byDefault: true,
    account: 'resourcequota-controller',
    create: ({ client, informers, discovery, clock }) =>
      resourceQuotaController({
        client,
        informers,
        discovery,
        quotas: informers.informer(resourceQuotas),
        pods: informers.informer(pods),
        services: informers.informer(services),
        claims: informers.informer(persistentVolumeClaims),
        clock,
      }),
  },
  // Makes tokens for every account, which no role of a controller allows.
  {
    name: 'serviceaccount-token',
    byDefault: true,
    create: ({ client, informers, settings }) =>
      serviceAccountTokenController({
        client,
        secrets: informers.informer(secrets, TOKEN_SECRETS),
        serviceAccounts: informers.informer(serviceAccounts),
        rootCa: settings.rootCa,
      }),
  },
  {
    name: 'clusterrole-aggregation',
    byDefault: true,
    account: 'clusterrole-aggregation-controller',
    create: ({ client, informers }) => clusterRoleAggregation({ client, clusterRoles: informers.informer(clusterRoles) }),
  },
  {
    name: 'disruption',
    byDefault: true,
    account: 'disruption-controller',
    create: ({ client, informers, discovery, clock, recorderFor }) =>
      disruptionController({
        client,
        discovery,
        budgets: informers.informer(podDisruptionBudgets),
        pods: informers.informer(pods),
        replicaSets: informers.informer(replicaSets),
        deployments: informers.informer(deployments),
        statefulSets: informers.informer(statefulSets),
        replicationControllers: informers.informer(replicationControllers),
        recorder: recorderFor('controllermanager'),
        clock,
      }),
  },
  {
    name: 'horizontal-pod-autoscaler',
    byDefault: true,
    account: 'horizontal-pod-autoscaler',
    create: ({ client, informers, discovery, clock, recorderFor }) =>
      horizontalPodAutoscaler({
        client,
        discovery,
        autoscalers: informers.informer(horizontalPodAutoscalers),
        pods: informers.informer(pods),
        recorder: recorderFor('horizontal-pod-autoscaler'),
        clock,
      }),
  },
  {
    name: 'certificatesigningrequest-approving',
    byDefault: true,
    account: 'certificate-controller',
    create: ({ client, informers, clock, settings }) =>
      settings.signer === undefined
        ? undefined
        : certificateApprovalController({
            client,
            requests: informers.informer(certificateSigningRequests),
            signer: settings.signer,
            clock,
          }),
  },
  {
    name: 'certificatesigningrequest-signing',
    byDefault: true,
    account: 'certificate-controller',
    create: ({ client, informers, clock, settings }) =>
      settings.signer === undefined
        ? undefined
        : certificateSigningController({
            client,
            requests: informers.informer(certificateSigningRequests),
            signer: settings.signer,
            clock,
          }),
  },
  {
    name: 'certificatesigningrequest-cleaner',
    byDefault: true,
    account: 'certificate-controller',
    create: ({ client, informers, clock }) =>
      certificateCleanupController({ client, requests: informers.informer(certificateSigningRequests), clock }),
  },
  // Last: it asks for an informer of every resource and shares those that exist already.
  {
    name: 'garbage-collector',
    byDefault: true,
    account: 'generic-garbage-collector',
    create: ({ client, informers, discovery, clock, log }) =>
      garbageCollector({ client, informers, discovery, definitions: informers.informer(customResourceDefinitions), clock, log }),
  },
]
