import type { Container } from '../../api/types/core-v1.ts'
import { type ClusterView, MAX_SCORE, type Plugin } from '../framework.ts'
import type { NodeInfo } from '../node-info.ts'

const MB = 1024 * 1024
/** Smaller images are not worth a preference; larger ones count no more. Per container. */
const MIN_BYTES = 23 * MB
const MAX_BYTES = 1000 * MB

/** Prefers nodes that have the pod's images, weighed by how common an image is so that one node does not draw all pods. */
export const imageLocality: Plugin = {
  name: 'ImageLocality',
  begin: ({ pod }, cluster) => {
    const containers: readonly Container[] = [...(pod.spec.initContainers ?? []), ...pod.spec.containers]
    const names = containers.flatMap(({ image }) => (image === undefined ? [] : [normalized(image)]))
    return { score: (nodes) => nodes.map((node) => score(names, node, cluster, containers.length)) }
  },
  wakes: () => false,
}

function score(images: readonly string[], node: NodeInfo, cluster: ClusterView, containers: number): number {
  let sum = 0
  for (const image of images) {
    const bytes = node.images.get(image)
    if (bytes === undefined) continue
    const spread = cluster.nodes.filter(({ images: theirs }) => theirs.has(image)).length / cluster.nodes.length
    sum += Math.trunc(bytes * spread)
  }
  const max = MAX_BYTES * containers
  const clamped = Math.min(Math.max(sum, MIN_BYTES), max)
  return Math.trunc((MAX_SCORE * (clamped - MIN_BYTES)) / (max - MIN_BYTES))
}

/** Nodes report images with a tag. */
function normalized(image: string): string {
  return image.lastIndexOf(':') <= image.lastIndexOf('/') ? `${image}:latest` : image
}
