import { defaultHost, endpointUrl, type RegistriesFile, type RegistryAuthSettings, type RegistryTls } from '../containerd/registries.ts'

/** One place where images of a registry are looked for. */
export interface Endpoint {
  /** The root of the distribution API, such as `https://mirror.example/v2`. */
  readonly url: URL
  readonly tls?: RegistryTls | undefined
  readonly auth?: RegistryAuthSettings | undefined
}

/** Mirrors in their order, then the registry itself, as containerd goes through them. Source: K3s, registries.yaml. */
export function endpointsOf(registry: string, file: RegistriesFile, useDefaultEndpoint: boolean): readonly Endpoint[] {
  const { mirrors, configs } = file
  const isNamed = mirrors?.[registry] !== undefined || configs?.[registry] !== undefined
  const mirror = isNamed ? mirrors?.[registry] : mirrors?.['*']
  const asked = (mirror?.endpoint ?? []).map(endpointUrl)
  const itself = useDefaultEndpoint || asked.length === 0 ? [endpointUrl(defaultHost(registry))] : []
  return [...asked, ...itself].map((url) => {
    const config = configs?.[url.host] ?? (url.host === defaultHost(registry) ? configs?.[registry] : undefined)
    return { url, tls: config?.tls ?? undefined, auth: config?.auth ?? file.auths?.[url.host] ?? undefined }
  })
}
