import type { PodDirectory } from './kubelet-api.ts'

/** Pods with a running container, as the runtime knows them: names, and nothing of what was wished for. Source: Kubernetes, kubelet `/runningpods/`. */
export function runningPods(directory: PodDirectory): readonly object[] {
  return directory.pods().flatMap((pod) => {
    const { initContainers = [], containers, ephemeralContainers = [] } = pod.spec
    const running = [...initContainers, ...containers, ...ephemeralContainers].filter(({ name }) => directory.container(pod, name)?.running)
    if (running.length === 0) return []
    const { name, namespace, uid } = pod.metadata
    return [
      {
        metadata: { name, namespace, uid },
        spec: { containers: running.map((container) => ({ name: container.name, image: container.image, resources: {} })) },
        status: {},
      },
    ]
  })
}
