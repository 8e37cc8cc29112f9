import { createHash } from 'node:crypto'
import type { ApiRequest, ApiResponse } from '../../request.ts'
import type { ResourceDef } from '../../resources/resource-def.ts'
import type { ApiVersion, Catalog } from '../catalog.ts'
import { type DocumentDeps, documentV2, documentV3 } from './document.ts'
import { encodeOpenApiV2 } from './protobuf-v2.ts'

/** The first spelling is an older one, which clients still send. */
const PROTOBUF_V2 = /application\/com\.github\.proto-openapi\.spec\.v2[@.]v1\.0\+protobuf/
const PROTOBUF_V2_TYPE = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'
const YEAR_SECONDS = 31_536_000

interface Tagged {
  readonly body: Buffer
  readonly hash: string
}

/**
 * OpenAPI of one catalog, each document made when it is first asked for. Hashes derive from what documents are made of, so
 * that the index costs no document.
 */
export class OpenApi {
  readonly #catalog: Catalog
  readonly #deps: DocumentDeps & { readonly nowMs: () => number }
  readonly #documents = new Map<string, Buffer>()
  readonly #hashes = new Map<string, string>()
  #version2: Tagged | undefined
  #protobufV2: Uint8Array | undefined

  constructor(catalog: Catalog, deps: DocumentDeps & { readonly nowMs: () => number }) {
    this.#catalog = catalog
    this.#deps = deps
  }

  /** Swagger 2.0 as JSON, or in the protobuf form that is all kubectl asks for. */
  version2(request: ApiRequest): ApiResponse {
    const accept = request.headers['accept']
    const isProtobuf = accept !== undefined && PROTOBUF_V2.test(accept)
    if (!isProtobuf && !acceptsJson(accept)) return notAcceptable()
    this.#version2 ??= tagged(documentV2(this.#catalog, this.#deps))
    const { body, hash } = this.#version2
    const type = isProtobuf ? PROTOBUF_V2_TYPE : 'application/json'
    const headers = { 'content-type': type, etag: `"${hash}"`, vary: 'Accept' }
    if (request.headers['if-none-match'] === headers.etag) return { status: 304, headers }
    if (!isProtobuf) return { status: 200, headers, body }
    this.#protobufV2 ??= encodeOpenApiV2(documentV2(this.#catalog, this.#deps))
    return { status: 200, headers, body: this.#protobufV2 }
  }

  /** `{paths: {"apis/apps/v1": {serverRelativeURL}}}`. */
  index(): ApiResponse {
    const paths = this.#catalog.groups
      .flatMap((group) => group.versions)
      .flatMap((version) => {
        const url =
          version.remote === undefined ? `/openapi/v3/${pathOf(version)}?hash=${this.#hashOf(version)}` : version.remote.openApi?.v3Url
        return url === undefined ? [] : [[pathOf(version), { serverRelativeURL: url }]]
      })
    const body = Buffer.from(JSON.stringify({ paths: Object.fromEntries(paths) as unknown }))
    return { status: 200, headers: { 'content-type': 'application/json', 'cache-control': 'no-cache, private' }, body }
  }

  /** The document of a group version; undefined when nothing is served there, or by another server. A stale hash is sent to the current one. */
  document(path: string, request: ApiRequest): ApiResponse | undefined {
    const version = this.#versions().find((entry) => pathOf(entry) === path)
    if (version === undefined) return undefined
    if (!acceptsJson(request.headers['accept'])) return notAcceptable()
    const hash = this.#hashOf(version)
    const asked = request.query.get('hash')
    if (asked !== null && asked !== '' && asked !== hash) {
      return { status: 301, headers: { location: `/openapi/v3/${path}?hash=${hash}` } }
    }
    const headers = { 'content-type': 'application/json', etag: `"${hash}"`, vary: 'Accept', ...this.#caching(asked) }
    if (request.headers['if-none-match'] === headers.etag) return { status: 304, headers }
    return { status: 200, headers, body: this.#bodyOf(version) }
  }

  #caching(asked: string | null): Readonly<Record<string, string>> {
    if (asked === null || asked === '') return { 'cache-control': 'no-cache, private' }
    return { 'cache-control': 'public, immutable', expires: new Date(this.#deps.nowMs() + YEAR_SECONDS * 1000).toUTCString() }
  }

  #versions(): readonly ApiVersion[] {
    return this.#catalog.groups.flatMap((group) => group.versions).filter(({ remote }) => remote === undefined)
  }

  #bodyOf(version: ApiVersion): Buffer {
    const path = pathOf(version)
    let body = this.#documents.get(path)
    if (body === undefined) {
      body = Buffer.from(JSON.stringify(documentV3(this.#catalog, version, this.#deps)))
      this.#documents.set(path, body)
    }
    return body
  }

  #hashOf(version: ApiVersion): string {
    const path = pathOf(version)
    let hash = this.#hashes.get(path)
    if (hash === undefined) this.#hashes.set(path, (hash = this.#computeHash(version)))
    return hash
  }

  #computeHash(version: ApiVersion): string {
    return hashOf(`${this.#deps.gitVersion} ${pathOf(version)} ${version.resources.map(fingerprintOf).join()}`)
  }
}

const schemaHashes = new WeakMap<ResourceDef, string>()

/** Custom kinds differ by their schema, which is hashed once in the life of a definition. */
function fingerprintOf(def: ResourceDef): string {
  const own = `${def.resource}/${def.verbs.join('+')}/${Object.keys(def.subresources).join('+')}`
  if (def.openApiSchema === undefined) return own
  let hash = schemaHashes.get(def)
  if (hash === undefined) schemaHashes.set(def, (hash = hashOf(JSON.stringify(def.openApiSchema))))
  return `${own}/${hash}`
}

/** `api/v1`, `apis/apps/v1`. */
function pathOf({ group, version }: ApiVersion): string {
  return group === '' ? `api/${version}` : `apis/${group}/${version}`
}

function tagged(document: unknown): Tagged {
  const body = Buffer.from(JSON.stringify(document))
  return { body, hash: hashOf(body) }
}

function hashOf(content: string | Buffer): string {
  return createHash('sha512').update(content).digest('hex').toUpperCase()
}

function acceptsJson(accept: string | undefined): boolean {
  if (accept === undefined || accept === '') return true
  return accept.split(',').some((range) => /^\s*(?:\*\/\*|application\/(?:\*|json))\s*(?:;|$)/.test(range))
}

function notAcceptable(): ApiResponse {
  return {
    status: 406,
    headers: { 'content-type': 'text/plain; charset=utf-8' },
    body: Buffer.from('only application/json is served here\n'),
  }
}
