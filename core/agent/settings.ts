import type { AgentConfig } from '../config/config.ts'

/** What the agent is told. The optional part has the defaults of K3s; absent fields behave as documented beside them. */
export interface AgentSettings extends AgentConfig {
  /** registries.yaml. Default /etc/rancher/k3ts/registries.yaml; a missing file is fine. */
  readonly privateRegistry?: string
  readonly disableDefaultRegistryEndpoint?: boolean
  readonly selinux?: boolean
  /** Default runc. */
  readonly defaultRuntime?: string
  /** Whole environment of the containerd child (proxy settings); absent: this process's own. */
  readonly containerdEnvironment?: Readonly<Record<string, string>>
  /** A cloud controller will set addresses and remove the `uninitialized` taint. */
  readonly hasCloudController?: boolean
  /** Further annotations of the Node, such as the command line and its hash. */
  readonly nodeAnnotations?: Readonly<Record<string, string>>
  /** DNS names that the cloud controller publishes as addresses. */
  readonly nodeInternalDns?: string
  readonly nodeExternalDns?: string
  /** Shown as kubeletVersion and kubeProxyVersion, such as `v1.35.0+k3ts1`. */
  readonly version?: string
}
