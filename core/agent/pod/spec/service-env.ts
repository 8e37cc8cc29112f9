import type { Service } from '../../../api/types/core-v1.ts'

type Variable = readonly [name: string, value: string]

/**
 * Variables that tell of services: those of the pod's namespace when links are enabled, and always the API server's own.
 * Source: Kubernetes documentation, "Environment variables" of Services.
 */
export function serviceVariables(services: readonly Service[], namespace: string, linksEnabled: boolean): readonly Variable[] {
  const chosen = new Map<string, Service>()
  for (const service of services) {
    const { name, namespace: own } = service.metadata
    if (!hasAddress(service)) continue
    const isMaster = own === 'default' && name === 'kubernetes'
    // A service of the pod's own namespace wins over the API server's of the same name.
    if (own === namespace && (linksEnabled || isMaster)) chosen.set(name, service)
    else if (isMaster && !chosen.has(name)) chosen.set(name, service)
  }
  return [...chosen.values()].flatMap(variablesOf)
}

function hasAddress({ spec }: Service): boolean {
  return spec.type !== 'ExternalName' && spec.clusterIP !== undefined && spec.clusterIP !== '' && spec.clusterIP !== 'None'
}

const upper = (name: string): string => name.toUpperCase().replaceAll('-', '_')

function variablesOf({ metadata, spec }: Service): readonly Variable[] {
  const prefix = upper(metadata.name)
  const host = spec.clusterIP ?? ''
  const ports = spec.ports ?? []
  const [first] = ports
  if (first === undefined) return []
  const named = ports.filter(({ name }) => name !== undefined && name !== '')
  const urlHost = host.includes(':') ? `[${host}]` : host
  return [
    [`${prefix}_SERVICE_HOST`, host],
    [`${prefix}_SERVICE_PORT`, String(first.port)],
    ...named.map(({ name, port }): Variable => [`${prefix}_SERVICE_PORT_${upper(name ?? '')}`, String(port)]),
    [`${prefix}_PORT`, `${(first.protocol ?? 'TCP').toLowerCase()}://${urlHost}:${first.port}`],
    ...ports.flatMap(({ protocol = 'TCP', port }): readonly Variable[] => {
      const base = `${prefix}_PORT_${port}_${protocol}`
      return [
        [base, `${protocol.toLowerCase()}://${urlHost}:${port}`],
        [`${base}_PROTO`, protocol.toLowerCase()],
        [`${base}_PORT`, String(port)],
        [`${base}_ADDR`, host],
      ]
    }),
  ]
}
