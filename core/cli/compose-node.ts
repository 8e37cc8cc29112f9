/** Puts controllers, scheduler, manifest folder and agent together, each as a client of the API server with its own identity. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { removeServiceLb } from '../../controllers/cloud/service-lb-remove.ts'
import { CONTROLLERS } from '../../controllers/index.ts'
import { manifestFolder } from '../../controllers/manifests/component.ts'
import type { CertificateSigner, ControllerContext } from '../../controllers/runtime/context.ts'
import { controllerRunner } from '../../controllers/runtime/run.ts'
import { selectControllers } from '../../controllers/runtime/select.ts'
import { createAgent } from '../agent/agent.ts'
import { agentPaths } from '../agent/paths.ts'
import type { AgentSettings } from '../agent/settings.ts'
import type { Client } from '../client/client.ts'
import { createInformerFactory, type InformerSet } from '../client/informer-factory.ts'
import { createKindMapper } from '../client/kind-mapper.ts'
import { portTransport } from '../client/port/port-transport.ts'
import { createRecorder } from '../client/recorder.ts'
import { createClient } from '../client/typed-client.ts'
import type { Logger } from '../observability/log.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Running } from '../runtime/component.ts'
import { createScheduler } from '../scheduler/scheduler.ts'
import { type Choosing, chooseImages } from './component-images.ts'
import { controllerClients } from './controller-clients.ts'
import { tellChoices } from './image-events.ts'
import type { ImageChoice } from './image-record.ts'
import type { Milestone, NodeThreadData } from './node-thread-data.ts'
import { ownControllers } from './own-controllers.ts'
import { type ComponentImages, stageManifests } from './staging.ts'

export interface NodeRun {
  readonly data: NodeThreadData
  readonly log: Logger
  readonly clock: Clock
  readonly signer: CertificateSigner
  readonly reached: (milestone: Milestone, failed?: readonly string[]) => void
}

/** Runs until the signal aborts; rejects when a part dies on its own. */
export async function runNode(run: NodeRun, signal: AbortSignal): Promise<void> {
  const { data, clock } = run
  const settings = agentSettings(data)
  const paths = agentPaths({ dataDir: data.config.dataDir })
  const choosing = await chooseImages({ config: data.config, settings, paths, version: data.version, clock }, signal)
  const pauseImage = settings.pauseImage === '' ? choosing.pause.image : settings.pauseImage
  // The node starts while registries are asked: images of the components matter from the first manifest on.
  const [control, agent] = await Promise.all([
    startControlPlane(run, choosing, signal),
    data.config.disableAgent ? [] : startAgent(run, { ...settings, pauseImage }, signal),
  ])
  await Promise.all([...control, agent].flat().map((part) => part.done))
}

async function startControlPlane(run: NodeRun, choosing: Choosing, signal: AbortSignal): Promise<readonly Running[]> {
  const choices = await choosing.all
  run.reached('images')
  for (const choice of choices) run.log.info({ ...choice }, 'Component image chosen')
  const images = Object.fromEntries(choices.map(({ name, image }) => [name, image]))
  stageManifests(run.data.config, images)
  const controllers = await startControllers(run, images, signal)
  run.reached('controllers')
  return [controllers, await startManifests(run, choices, signal)]
}

async function startControllers(run: NodeRun, images: ComponentImages, signal: AbortSignal): Promise<Running> {
  const { data, log, clock } = run
  const { config } = data
  const clients = controllerClients(data)
  const informers = createInformerFactory({ client: clients.manager, clock, log })
  const recorder = createRecorder({ client: clients.manager, clock, log, component: 'controllermanager' })
  const contextAs = (client: Client): ControllerContext => ({
    client,
    informers,
    discovery: clients.discovery,
    recorderFor: (component) => recorder.forComponent(component, client),
    clock,
    log,
    settings: { ...config.controllerManager, clusterCidrs: [config.clusterCidr], rootCa: data.rootCa, signer: run.signer },
  })
  const standard = selectControllers(CONTROLLERS, config.controllerManager.controllers, ({ account }) =>
    contextAs(clients.account(account)),
  )
  const runner = controllerRunner(standard, { informers, clock, log })
  const own = ownControllers({ data, images, contextAs, clients })
  const scheduler = config.disableScheduler ? undefined : schedulerOf(run, informers)
  const running: Running[] = [await recorder.start(signal), await informers.start(signal), await runner.start(signal)]
  if (scheduler !== undefined) running.push(await scheduler.recorder.start(signal), await scheduler.component.start(signal))
  for (const component of own) running.push(await component.start(signal))
  if (config.disable.includes('servicelb'))
    await removeServiceLb({ client: clients.supervisor, namespace: config.serviceLbNamespace }, signal)
  return { done: Promise.all(running.map((part) => part.done)).then(() => undefined) }
}

function schedulerOf({ data, clock, log }: NodeRun, informers: InformerSet) {
  const client = createClient(portTransport(data.ports.scheduler), { userAgent: `kube-scheduler/${data.version}` })
  const recorder = createRecorder({ client, clock, log, component: 'default-scheduler' })
  return { recorder, component: createScheduler({ client, informers, recorder, clock, log }) }
}

async function startManifests(
  { data, clock, log, reached }: NodeRun,
  choices: readonly ImageChoice[],
  signal: AbortSignal,
): Promise<Running> {
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
    onFirstPass: (failed) => {
      reached('manifests', failed)
      tellChoices(choices, { client, recorder, config }, signal).catch((err: unknown) => log.warn({ err }, 'Choice of images not told'))
    },
  })
  const running = [await recorder.start(signal), await component.start(signal)]
  return { done: Promise.all(running.map((part) => part.done)).then(() => undefined) }
}

/** The load balancer's pods route for others. Source: K3s, kubelet defaults while ServiceLB is on. */
const SERVICE_LB_SYSCTLS = 'net.ipv4.ip_forward,net.ipv6.conf.all.forwarding'

function agentSettings({ config, version }: NodeThreadData): AgentSettings {
  return {
    ...config.agent,
    kubeletArgs: { 'allowed-unsafe-sysctls': SERVICE_LB_SYSCTLS, ...config.agent.kubeletArgs },
    hasCloudController: !config.disableCloudController,
    version,
    ...(existsSync('/etc/rancher/k3ts/registries.yaml') && { privateRegistry: '/etc/rancher/k3ts/registries.yaml' }),
  }
}

async function startAgent(run: NodeRun, settings: AgentSettings, signal: AbortSignal): Promise<Running> {
  const { data, clock, log, reached } = run
  const { config } = data
  const client = createClient(portTransport(data.ports.node), { userAgent: `kubelet/${data.version}` })
  const informers = createInformerFactory({ client, clock, log })
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
