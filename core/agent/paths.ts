import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Where the agent keeps things on this machine. Layout as K3s: everything of the node below DATA_DIR/agent, kubelet files in the usual place. */
export interface AgentPaths {
  /** DATA_DIR/agent. */
  readonly agentDir: string
  /** Volatile files: sockets, pid files, containerd's state. */
  readonly runDir: string
  /** Pod volumes and per-pod files; CSI drivers and clean-up scripts expect it under this name. */
  readonly kubeletRoot: string
  readonly podLogs: string
  /** Flat folder of symbolic links that log collectors read. */
  readonly containerLogs: string
  /** Cgroup below which all pods live, such as `/kubepods`. */
  readonly cgroupRoot: string
}

export interface PathOptions {
  readonly dataDir: string
  readonly kubeletRoot?: string | undefined
}

export function agentPaths({ dataDir, kubeletRoot = '/var/lib/kubelet' }: PathOptions): AgentPaths {
  return {
    agentDir: join(dataDir, 'agent'),
    runDir: '/run/k3ts',
    kubeletRoot,
    podLogs: '/var/log/pods',
    containerLogs: '/var/log/containers',
    cgroupRoot: '/kubepods',
  }
}

export const containerdRoot = (paths: AgentPaths): string => join(paths.agentDir, 'containerd')
export const containerdState = (paths: AgentPaths): string => join(paths.runDir, 'containerd')
export const containerdSocket = (paths: AgentPaths): string => join(paths.runDir, 'containerd/containerd.sock')
export const containerdEtc = (paths: AgentPaths): string => join(paths.agentDir, 'etc/containerd')
export const cniConfDir = (paths: AgentPaths): string => join(paths.agentDir, 'etc/cni/net.d')
export const imagesDir = (paths: AgentPaths): string => join(paths.agentDir, 'images')
export const staticPodsDir = (paths: AgentPaths): string => join(paths.agentDir, 'pod-manifests')

/** Folders of all pods. Nobody but root enters: below stand tokens and secrets that containers have to be able to read. */
export const podsDir = (paths: AgentPaths): string => join(paths.kubeletRoot, 'pods')

/** Everything of one pod: volumes, containers' termination messages, etc-hosts. */
export const podDir = (paths: AgentPaths, uid: string): string => join(podsDir(paths), uid)

/** Where kubectl and log collectors look, too: NAMESPACE_NAME_UID. */
export function podLogDir(paths: AgentPaths, pod: { readonly namespace: string; readonly name: string; readonly uid: string }): string {
  return join(paths.podLogs, `${pod.namespace}_${pod.name}_${pod.uid}`)
}

/** Makes the folder of all pods and closes it to others, one of an earlier version too. Source: the kubelet's own mode. */
export async function closePodsDir(paths: AgentPaths): Promise<void> {
  const folder = podsDir(paths)
  await mkdir(folder, { recursive: true, mode: 0o750 })
  await chmod(folder, 0o750)
}
