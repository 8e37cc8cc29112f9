import type { ApiServerArgs, ControllerManagerArgs } from './component-args.ts'

/** One frozen record, parsed once from flags over environment over files over defaults, and handed down in parts. */
export interface ServerConfig {
  readonly dataDir: string
  readonly bindAddress: string
  readonly httpsPort: number
  readonly advertiseAddress: string
  readonly tlsSans: readonly string[]
  readonly clusterCidr: string
  readonly serviceCidr: string
  readonly serviceNodePortRange: readonly [number, number]
  readonly clusterDns: string
  readonly clusterDomain: string
  readonly kubeconfig: { readonly path: string; readonly mode: number; readonly gid?: number; readonly contextName: string }
  /** Names given to --disable: packaged components, manifest base names or sub-folders. */
  readonly disable: readonly string[]
  readonly disableHelmController: boolean
  readonly disableCloudController: boolean
  readonly disableKubeProxy: boolean
  readonly disableNetworkPolicy: boolean
  readonly disableScheduler: boolean
  readonly disableAgent: boolean
  readonly helmJobImage?: string
  readonly defaultLocalStoragePath: string
  readonly serviceLbNamespace: string
  readonly systemDefaultRegistry: string
  readonly componentImages: 'auto' | 'upstream' | 'embedded'
  readonly logLevel: 'debug' | 'info'
  readonly logFile?: string
  readonly apiServer: ApiServerArgs
  readonly controllerManager: ControllerManagerArgs
  readonly agent: AgentConfig
}

export interface AgentConfig {
  readonly dataDir: string
  readonly nodeName: string
  readonly nodeIp: string
  readonly nodeExternalIp?: string
  readonly nodeLabels: readonly string[]
  readonly nodeTaints: readonly string[]
  readonly resolvConf?: string
  /** Absent: k3ts runs its own containerd. */
  readonly containerRuntimeEndpoint?: string
  readonly pauseImage: string
  readonly snapshotter: string
  readonly flannelBackend: 'none' | 'vxlan' | 'host-gw' | 'wireguard-native'
  readonly kubeletPort: number
  readonly clusterDns: string
  readonly clusterDomain: string
  readonly clusterCidr: string
  readonly serviceCidr: string
  readonly kubeletArgs: Readonly<Record<string, string>>
}
