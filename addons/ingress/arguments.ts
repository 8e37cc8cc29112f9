export interface Address {
  readonly host: string
  readonly port: number
}

export interface IngressSettings {
  readonly web: Address
  readonly websecure: Address
  readonly traefik: Address
  readonly metrics: Address
  /** `namespace/name` of the Service whose addresses go to the status of Ingresses. */
  readonly publishedService: string | undefined
}

const ACCEPTED = /^(ping|metrics|log|accesslog|api|global|entrypoints\.[a-z]+\.|providers\.kubernetes(ingress|crd))/

/** Reads `--name=value` in Traefik's spelling, whatever its case; others go to `ignored`. Throws for addresses without a port. */
export function parseArguments(args: readonly string[], ignored: (argument: string) => void): IngressSettings {
  const values = new Map<string, string>()
  for (const argument of args) {
    const [name = '', ...rest] = argument.replace(/^--?/, '').split('=')
    values.set(name.toLowerCase(), rest.join('='))
    if (!argument.startsWith('--') || !ACCEPTED.test(name.toLowerCase())) ignored(argument)
  }
  const address = (name: string, fallback: string): Address => parseAddress(values.get(`entrypoints.${name}.address`) ?? fallback)
  return {
    web: address('web', ':8000'),
    websecure: address('websecure', ':8443'),
    traefik: address('traefik', ':8080'),
    metrics: address('metrics', ':9100'),
    publishedService: values.get('providers.kubernetesingress.ingressendpoint.publishedservice'),
  }
}

function parseAddress(text: string): Address {
  const match = /^(.*):(\d+)(?:\/(?:tcp|udp))?$/.exec(text)
  if (match === null) throw new Error(`invalid entry point address ${text}`)
  const host = (match[1] ?? '').replace(/^\[|\]$/g, '')
  return { host: host === '' ? '0.0.0.0' : host, port: Number(match[2]) }
}
