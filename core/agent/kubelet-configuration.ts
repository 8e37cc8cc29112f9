import type { KubeletOptions } from './kubelet-options.ts'
import type { AgentSettings } from './settings.ts'

/** What `/configz` of the kubelet's API shows: the settings in force, under the kubelet's names. Source: KubeletConfiguration v1beta1. */
export function kubeletConfiguration(options: KubeletOptions, settings: AgentSettings): object {
  return {
    kubeletconfig: {
      enableServer: true,
      port: settings.kubeletPort,
      enableSystemLogHandler: false,
      authentication: { x509: {}, webhook: { enabled: true }, anonymous: { enabled: false } },
      authorization: { mode: 'Webhook' },
      clusterDomain: settings.clusterDomain,
      clusterDNS: [settings.clusterDns],
      nodeStatusReportFrequency: `${options.nodeStatusReportMs / 1000}s`,
      imageGCHighThresholdPercent: options.imageGcHighPercent,
      imageGCLowThresholdPercent: options.imageGcLowPercent,
      maxPods: options.maxPods,
      podPidsLimit: options.podPidsLimit,
      cpuCFSQuota: options.enforcesCpuQuota,
      serializeImagePulls: options.serializesImagePulls,
      maxParallelImagePulls: options.maxParallelImagePulls,
      evictionHard: options.evictionHard,
      containerLogMaxSize: String(options.containerLogMaxBytes),
      containerLogMaxFiles: options.containerLogMaxFiles,
      systemReserved: options.systemReserved,
      kubeReserved: options.kubeReserved,
      allowedUnsafeSysctls: options.allowedUnsafeSysctls,
      registerNode: options.registersNode,
    },
  }
}
