/** Puts controllers, scheduler, manifest folder and agent together, each as a client of the API server with its own identity. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { cloudNodeController } from '../../controllers/cloud/node.ts'
import { nodeHostsController } from '../../controllers/cloud/node-hosts.ts'
import { serviceLbController } from '../../controllers/cloud/service-lb.ts'
import { removeServiceLb } from '../../controllers/cloud/service-lb-remove.ts'
import { serverNodeLabelController } from '../../controllers/core/server-node-label.ts'
import { helmChartController } from '../../controllers/helm/controller.ts'
import { helmChartConfigs, helmCharts } from '../../controllers/helm/types.ts'
import { CONTROLLERS } from '../../controllers/index.ts'
import { manifestFolder } from '../../controllers/manifests/component.ts'
import type { CertificateSigner, ControllerContext } from '../../controllers/runtime/context.ts'
import type { Controller } from '../../controllers/runtime/controller.ts'
import { controllerRunner } from '../../controllers/runtime/run.ts'
import { createAgent } from '../agent/agent.ts'
import { configMaps, daemonSets, endpointSlices, jobs, namespaces, nodes, pods, secrets, serviceAccounts, services } from '../api/kinds.ts'
import type { Client } from '../client/client.ts'
import { createDiscovery } from '../client/discovery.ts'
import { createInformerFactory, type InformerSet } from '../client/informer-factory.ts'
import { createKindMapper } from '../client/kind-mapper.ts'
import { portTransport } from '../client/port/port-transport.ts'
import { createRecorder } from '../client/recorder.ts'
import { createClient } from '../client/typed-client.ts'
import type { Logger } from '../observability/log.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Running } from '../runtime/component.ts'
import { createScheduler } from '../scheduler/scheduler.ts'
import type { Milestone, NodeThreadData } from './node-thread-data.ts'

export interface NodeRun {
  readonly data: NodeThreadData
  readonly log: Logger
  readonly clock: Clock
  readonly signer: CertificateSigner
  readonly reached: (milestone: Milestone, failed?: readonly string[]) => void
}

/** Runs until the signal aborts; rejects when a part dies on its own. */
export async function runNode(run: NodeRun, signal: AbortSignal): Promise<void> {
  const parts: Running[] = [await startControllers(run, signal)]
  run.reached('controllers')
  parts.push(await startManifests(run, signal))
  if (!run.data.config.disableAgent) parts.push(await startAgent(run, signal))
  await Promise.all(parts.map((part) => part.done))
}

async function startControllers(run: NodeRun, signal: AbortSignal): Promise<Running> {
  const { data, log, clock } = run
  const { config } = data
  const transport = portTransport(data.ports.controllers)
  const client = createClient(transport, { userAgent: `kube-controller-manager/${data.version}` })
  const informers = createInformerFactory({ client, clock, log })
  const recorder = createRecorder({ client, clock, log, component: 'controllermanager' })
  const context: ControllerContext = {
    client,
    informers,
    discovery: createDiscovery(transport),
    recorderFor: (component) => recorder.forComponent(component),
    clock,
    log,
    settings: { clusterCidrs: [config.clusterCidr], rootCa: data.rootCa, signer: run.signer },
  }
  const standard = CONTROLLERS.filter((entry) => entry.byDefault)
    .map((entry) => entry.create(context))
    .filter((controller) => controller !== undefined)
  const runner = controllerRunner([...standard, ...ownControllers(context, run)], { informers, clock, log })
  const scheduler = config.disableScheduler ? undefined : schedulerOf(run, informers)
  const running: Running[] = [await recorder.start(signal), await informers.start(signal), await runner.start(signal)]
  if (scheduler !== undefined) running.push(await scheduler.recorder.start(signal), await scheduler.component.start(signal))
  if (config.disable.includes('servicelb')) await removeServiceLb({ client, namespace: config.serviceLbNamespace }, signal)
  return { done: Promise.all(running.map((part) => part.done)).then(() => undefined) }
}

/** What K3s adds to Kubernetes: charts, the cloud provider and its load balancer. */
function ownControllers({ client, informers, recorderFor, clock }: ControllerContext, { data }: NodeRun): readonly Controller[] {
  const { config, images } = data
  const own: Controller[] = [nodeHostsController({ client, nodes: informers.informer(nodes), configMaps: informers.informer(configMaps) })]
  if (!config.disableAgent)
    own.push(serverNodeLabelController({ client, nodes: informers.informer(nodes), nodeName: config.agent.nodeName }))
  if (!config.disableHelmController) {
    own.push(
      helmChartController({
        client,
        charts: informers.informer(helmCharts),
        configs: informers.informer(helmChartConfigs),
        jobs: informers.informer(jobs),
        pods: informers.informer(pods),
        secrets: informers.informer(secrets),
        configMaps: informers.informer(configMaps),
        namespaces: informers.informer(namespaces),
        settings: {
          jobImage: config.helmJobImage ?? images['klipper-helm'] ?? '',
          jobClusterRole: 'cluster-admin',
          apiServerPort: config.httpsPort,
          proxy: data.proxyVariables,
        },
        clock,
        recorder: recorderFor('helm-controller'),
      }),
    )
  }
  if (!config.disableCloudController)
    own.push(cloudNodeController({ client, nodes: informers.informer(nodes), recorder: recorderFor('cloud-node-controller') }))
  if (!config.disable.includes('servicelb')) {
    own.push(
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
  return own
}

function schedulerOf({ data, clock, log }: NodeRun, informers: InformerSet) {
  const client = createClient(portTransport(data.ports.scheduler), { userAgent: `kube-scheduler/${data.version}` })
  const recorder = createRecorder({ client, clock, log, component: 'default-scheduler' })
  return { recorder, component: createScheduler({ client, informers, recorder, clock, log }) }
}

async function startManifests({ data, clock, log, reached }: NodeRun, signal: AbortSignal): Promise<Running> {
  const { config } = data
  const transport = portTransport(data.ports.deploy)
  const manager = `deploy@${config.agent.nodeName}`
  const client: Client = createClient(transport, { userAgent: `${manager}/${data.version}` })
  const recorder = createRecorder({ client, clock, log, component: manager })
  const component = manifestFolder({
    client,
    mapper: createKindMapper(transport),
    clock,
    manager,
    recorder,
    folder: join(config.dataDir, 'server', 'manifests'),
    disable: config.disable,
    log,
    onFirstPass: (failed) => reached('manifests', failed),
  })
  const running = [await recorder.start(signal), await component.start(signal)]
  return { done: Promise.all(running.map((part) => part.done)).then(() => undefined) }
}

/** The load balancer's pods route for others. Source: K3s, kubelet defaults while ServiceLB is on. */
const SERVICE_LB_SYSCTLS = 'net.ipv4.ip_forward,net.ipv6.conf.all.forwarding'

async function startAgent(run: NodeRun, signal: AbortSignal): Promise<Running> {
  const { data, clock, log, reached } = run
  const { config } = data
  const client = createClient(portTransport(data.ports.node), { userAgent: `kubelet/${data.version}` })
  const informers = createInformerFactory({ client, clock, log })
  const settings = {
    ...config.agent,
    pauseImage: config.agent.pauseImage === '' ? (data.images['pause'] ?? '') : config.agent.pauseImage,
    kubeletArgs: { 'allowed-unsafe-sysctls': SERVICE_LB_SYSCTLS, ...config.agent.kubeletArgs },
    hasCloudController: !config.disableCloudController,
    version: data.version,
    ...(existsSync('/etc/rancher/k3ts/registries.yaml') && { privateRegistry: '/etc/rancher/k3ts/registries.yaml' }),
  }
  const services = createInformerFactory({
    client: createClient(portTransport(data.ports.proxy), { userAgent: `kube-proxy/${data.version}` }),
    clock,
    log,
  })
  const network = {
    hasPodNetwork: config.agent.flannelBackend !== 'none',
    hasServiceProxy: !config.disableKubeProxy,
    serviceInformers: services,
  }
  const agent = createAgent({ client, informers, settings, network, kubeletTls: data.kubelet, clock, log })
  const running: Running[] = [await informers.start(signal), await services.start(signal), await agent.start(signal)]
  reached('agent')
  return { done: Promise.all(running.map((part) => part.done)).then(() => undefined) }
}
