/**
 * The names under which the one embedded image is known, each with the entry point of the public image it stands in for:
 * the same layers, another configuration. Arguments, environment and mounts of the public image work unchanged.
 */
export interface EntryPoint {
  /** Repository below `EMBEDDED_REGISTRY`. */
  readonly name: string
  /** Public image on a connected machine; the tag is part of it. */
  readonly upstream: string
  readonly entrypoint: readonly string[]
  readonly user?: string
  readonly env?: readonly string[]
}

/** A registry that does not exist, so that these images are never asked for over the network. */
export const EMBEDDED_REGISTRY = 'embedded.k3ts.internal'

const program = (name: string): readonly string[] => ['/usr/bin/node', `/k3ts/${name}.mjs`]

export const ENTRY_POINTS: readonly EntryPoint[] = [
  { name: 'pause', upstream: 'rancher/mirrored-pause:3.6', entrypoint: ['/pause'] },
  { name: 'coredns', upstream: 'rancher/mirrored-coredns-coredns:1.12.3', entrypoint: program('dns') },
  {
    name: 'klipper-helm',
    upstream: 'rancher/klipper-helm:v0.9.10-build20251111',
    entrypoint: program('helm-job'),
    user: '1000',
    env: ['HOME=/home/klipper-helm'],
  },
  { name: 'klipper-lb', upstream: 'rancher/klipper-lb:v0.4.13', entrypoint: ['/bin/sh', '/k3ts/service-lb.sh'] },
  { name: 'metrics-server', upstream: 'rancher/mirrored-metrics-server:v0.8.0', entrypoint: program('metrics-server') },
  { name: 'local-path-provisioner', upstream: 'rancher/local-path-provisioner:v0.0.32', entrypoint: program('local-path') },
  { name: 'busybox', upstream: 'rancher/mirrored-library-busybox:1.37.0', entrypoint: [] },
  { name: 'traefik', upstream: 'rancher/mirrored-library-traefik:3.5.1', entrypoint: program('ingress') },
]

/** Full reference of an embedded image; `version` is that of k3ts. */
export function embeddedImage(name: string, version: string): string {
  return `${EMBEDDED_REGISTRY}/k3ts/${name}:${version.replaceAll('+', '-')}`
}
