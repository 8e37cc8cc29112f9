/** What K3s adds to Kubernetes: charts, the cloud provider and its load balancer, the server's care for its nodes. */
import { cloudNodeController } from '../../controllers/cloud/node.ts'
import { DNS_CONFIG, nodeHostsController } from '../../controllers/cloud/node-hosts.ts'
import { serviceLbController } from '../../controllers/cloud/service-lb.ts'
import { serverNodeLabelController } from '../../controllers/core/server-node-label.ts'
import { helmChartController } from '../../controllers/helm/controller.ts'
import { METADATA } from '../../controllers/helm/observe.ts'
import { helmChartConfigs, helmCharts } from '../../controllers/helm/types.ts'
import type { ControllerContext } from '../../controllers/runtime/context.ts'
import type { Controller } from '../../controllers/runtime/controller.ts'
import { controllerRunner } from '../../controllers/runtime/run.ts'
import { configMaps, daemonSets, endpointSlices, jobs, namespaces, nodes, pods, secrets, serviceAccounts, services } from '../api/kinds.ts'
import type { Client } from '../client/client.ts'
import type { Component } from '../runtime/component.ts'
import { afterAccess, type Right } from './access.ts'
import type { NodeThreadData } from './node-thread-data.ts'
import type { ComponentImages } from './staging.ts'

export interface OwnControllerDeps {
  readonly data: NodeThreadData
  readonly images: ComponentImages
  readonly contextAs: (client: Client) => ControllerContext
  readonly clients: { readonly cloud: Client; readonly node: Client; readonly supervisor: Client }
}

/** One runner an identity. Those whose role a packaged manifest brings begin when it is there. Source: K3s, start of its cloud controller. */
export function ownControllers({ data, images, contextAs, clients }: OwnControllerDeps): readonly Component[] {
  const runner = (name: string, client: Client, make: Make): readonly Component[] => {
    const context = contextAs(client)
    const controllers = make(context, { ...data, images })
    return controllers.length === 0 ? [] : [{ ...controllerRunner(controllers, context), name }]
  }
  const withRights = (name: string, client: Client, make: Make, rights: readonly Right[]): readonly Component[] =>
    runner(name, client, make).map((component) => afterAccess(component, rights, contextAs(client)))
  return [
    ...runner('helm controller', clients.supervisor, helmControllers),
    ...withRights('cloud controller', clients.cloud, cloudControllers, [NODE_PATCH]),
    ...withRights('node manager', clients.node, nodeControllers, [NODE_PATCH, DNS_PATCH]),
  ]
}

type OwnData = NodeThreadData & { readonly images: ComponentImages }
type Make = (context: ControllerContext, data: OwnData) => readonly Controller[]

const NODE_PATCH: Right = { group: '', resource: 'nodes', verb: 'patch' }
const DNS_PATCH: Right = { group: '', resource: 'configmaps', verb: 'patch', namespace: 'kube-system', name: 'coredns' }

function nodeControllers({ client, informers }: ControllerContext, { config }: NodeThreadData): readonly Controller[] {
  const hosts = nodeHostsController({ client, nodes: informers.informer(nodes), configMaps: informers.informer(configMaps, DNS_CONFIG) })
  if (config.disableAgent) return [hosts]
  return [hosts, serverNodeLabelController({ client, nodes: informers.informer(nodes), nodeName: config.agent.nodeName })]
}

function helmControllers(
  { client, informers, recorderFor, clock }: ControllerContext,
  { config, images, proxyVariables }: OwnData,
): readonly Controller[] {
  if (config.disableHelmController) return []
  return [
    helmChartController({
      client,
      charts: informers.informer(helmCharts),
      configs: informers.informer(helmChartConfigs),
      jobs: informers.informer(jobs),
      pods: informers.informer(pods),
      secrets: informers.informer(secrets, METADATA),
      configMaps: informers.informer(configMaps, METADATA),
      namespaces: informers.informer(namespaces),
      settings: {
        jobImage: config.helmJobImage ?? images['klipper-helm'] ?? '',
        jobClusterRole: 'cluster-admin',
        apiServerPort: config.httpsPort,
        proxy: proxyVariables,
      },
      clock,
      recorder: recorderFor('helm-controller'),
    }),
  ]
}

function cloudControllers({ client, informers, recorderFor }: ControllerContext, { config, images }: OwnData): readonly Controller[] {
  const controllers: Controller[] = []
  if (!config.disableCloudController)
    controllers.push(cloudNodeController({ client, nodes: informers.informer(nodes), recorder: recorderFor('cloud-node-controller') }))
  if (!config.disable.includes('servicelb')) {
    controllers.push(
      serviceLbController({
        client,
        services: informers.informer(services),
        daemonSets: informers.informer(daemonSets),
        pods: informers.informer(pods),
        nodes: informers.informer(nodes),
        slices: informers.informer(endpointSlices),
        serviceAccounts: informers.informer(serviceAccounts),
        recorder: recorderFor('service-lb-controller'),
        settings: { namespace: config.serviceLbNamespace, image: images['klipper-lb'] ?? '', priorityClassName: 'system-node-critical' },
      }),
    )
  }
  return controllers
}
