import { join } from 'node:path'
import type { Component } from '../runtime/component.ts'
import type { AgentDeps } from './agent-deps.ts'
import { cniConfig } from './cni/component.ts'
import type { RuntimeService } from './cri/index.ts'
import { kubeletAuthenticator, kubeletAuthorizer } from './kubelet-access.ts'
import { kubeletConfiguration } from './kubelet-configuration.ts'
import type { KubeletOptions } from './kubelet-options.ts'
import { type AgentPaths, cniConfDir } from './paths.ts'
import { serviceProxy } from './proxy/component.ts'
import { nftRunner } from './proxy/nft.ts'
import type { Stats } from './stats/stats.ts'
import type { PodDirectory } from './stream/kubelet-api.ts'
import { kubeletServer } from './stream/server.ts'

/** What makes pods reachable: the CNI configuration, services and host ports; only what the settings leave to us. */
export function networkParts({ informers, settings, network, clock, log }: AgentDeps, paths: AgentPaths): readonly Component[] {
  if (network === undefined) return []
  const { nodeName, nodeIp, clusterCidr } = settings
  const { bridge = 'cni0', table = 'k3ts' } = network
  const leaseDir = join(paths.agentDir, 'cni/leases')
  const cni = cniConfig({ informers, nodeName, nodeIp, confDir: cniConfDir(paths), leaseDir, bridge, log })
  const proxy = serviceProxy({
    informers: network.serviceInformers,
    podInformers: informers,
    nft: nftRunner(),
    frame: { table, clusterCidr, bridge },
    nodeName,
    clock,
    log,
  })
  return [...(network.hasPodNetwork ? [cni] : []), ...(network.hasServiceProxy ? [proxy] : [])]
}

interface KubeletContext {
  readonly runtime: RuntimeService
  readonly directory: PodDirectory
  readonly stats: Stats
  /** Results of probes in Prometheus' text form. */
  readonly probes: () => string
  readonly options: KubeletOptions
}

/** The kubelet's HTTPS API, when there is key material for it. */
export function kubeletParts(
  { client, settings, kubeletTls, clock, log }: AgentDeps,
  { runtime, directory, stats, probes, options }: KubeletContext,
): readonly Component[] {
  if (kubeletTls === undefined) return []
  const server = kubeletServer({
    address: '0.0.0.0',
    port: settings.kubeletPort,
    tls: kubeletTls,
    pods: directory,
    runtime,
    authenticate: kubeletAuthenticator(client, clock),
    authorize: kubeletAuthorizer(client, settings.nodeName, clock),
    metrics: {
      resource: (signal) => stats.resourceMetrics(signal),
      cadvisor: (signal) => stats.containerMetrics(signal),
      probes: () => Promise.resolve(probes()),
    },
    configuration: kubeletConfiguration(options, settings),
    stats: (signal) => stats.summary(signal),
    clock,
    log,
  })
  return [server]
}
