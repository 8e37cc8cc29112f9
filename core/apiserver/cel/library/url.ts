import { EvaluationError } from '../issue.ts'
import { global, method, type Overload } from '../overload.ts'
import { BOOL, list, map, opaque, STRING } from '../types.ts'
import { NativeList, NativeMap, Opaque } from '../values.ts'

class UrlValue extends Opaque {
  override readonly type = 'kubernetes.URL'
  readonly parts: Parts
  override readonly size: number
  constructor(parts: Parts) {
    super()
    this.parts = parts
    this.size = parts.text.length
  }
  override same(other: Opaque): boolean {
    return other instanceof UrlValue && other.parts.text === this.parts.text
  }
}

interface Parts {
  readonly text: string
  readonly scheme: string
  readonly host: string
  readonly path: string
  readonly query: string
}

const SHAPE = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/(?:[^/?#@]*@)?([^/?#]*))?([^?#]*)(?:\?([^#]*))?$/
const HOST = /^(?:\[[0-9A-Fa-f:.%]+\]|[^[\]:]*)(?::\d*)?$/

/** Request URIs only: absolute ones, and paths that start at the root. */
function parse(text: string): Parts | undefined {
  const [, scheme = '', host = '', path = '', query = ''] = SHAPE.exec(text) ?? []
  const isAbsolute = scheme !== '' || path.startsWith('/')
  if (!isAbsolute || !HOST.test(host) || /[\u0000-\u001f\u007f]/.test(text) || /%(?![0-9A-Fa-f]{2})/.test(path)) return undefined
  if (scheme === '' && text.startsWith('//')) return undefined
  return { text, scheme: scheme.toLowerCase(), host, path, query }
}

function hostname(host: string): string {
  return host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1')
}

function queryMap(query: string): NativeMap {
  const found = Map.groupBy(new URLSearchParams(query), ([key]) => key)
  return new NativeMap(Array.from(found, ([key, pairs]) => [key, new NativeList(pairs.map(([, value]) => value))] as const))
}

const URL_TYPE = opaque<UrlValue>('kubernetes.URL')

/** URLs. Source: apiserver, cel/library/urls. */
export const URLS: readonly Overload[] = [
  global('url', [STRING], URL_TYPE, (text) => {
    const parts = parse(text)
    if (parts === undefined)
      throw new EvaluationError(`URL parse error during conversion from string: parse ${JSON.stringify(text)}: invalid URI for request`)
    return new UrlValue(parts)
  }),
  global('isURL', [STRING], BOOL, (text) => parse(text) !== undefined),
  method('getScheme', [URL_TYPE], STRING, ({ parts }) => parts.scheme),
  method('getHost', [URL_TYPE], STRING, ({ parts }) => parts.host),
  method('getHostname', [URL_TYPE], STRING, ({ parts }) => hostname(parts.host)),
  method('getPort', [URL_TYPE], STRING, ({ parts }) => /:(\d*)$/.exec(parts.host)?.[1] ?? ''),
  method('getEscapedPath', [URL_TYPE], STRING, ({ parts }) => parts.path),
  method('getQuery', [URL_TYPE], map(STRING, list(STRING)), ({ parts }) => queryMap(parts.query)),
]
