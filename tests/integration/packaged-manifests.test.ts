import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { ENTRY_POINTS, embeddedImage } from '../../addons/image/entry-points.ts'
import { httpsTransport, type HttpsTransport } from '../../core/client/https.ts'
import { parseYamlDocuments } from '../../core/runtime/yaml.ts'
import { startTestApiServer, type TestApiServer } from '../helpers/api-server.ts'

const FOLDER = new URL('../../manifests/', import.meta.url)
const VALUES: Readonly<Record<string, string>> = {
  CLUSTER_DNS: '10.43.0.10',
  CLUSTER_DNS_LIST: '[10.43.0.10]',
  CLUSTER_DNS_IPFAMILYPOLICY: 'SingleStack',
  CLUSTER_DOMAIN: 'cluster.local',
  DEFAULT_LOCAL_STORAGE_PATH: '/var/lib/storage',
  SYSTEM_DEFAULT_REGISTRY: '',
  SYSTEM_DEFAULT_REGISTRY_RAW: '',
  PREFERRED_ADDRESS_TYPES: 'InternalIP',
  ...Object.fromEntries(ENTRY_POINTS.map(({ name }) => [`IMAGE_${name}`, embeddedImage(name, 'v1.35.0+k3ts1')])),
}
/** Filled in by the helm job, not before. */
const LATE = 'KUBERNETES_API'

interface Doc {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
}

describe('packaged manifests', () => {
  let api: TestApiServer
  let transport: HttpsTransport
  const life = new AbortController()

  before(async () => {
    api = await startTestApiServer()
    const { certificatePem: cert, keyPem: key } = api.pki.leafs.get('client-admin')
    const ca = api.pki.authorities['server-ca'].certificatePem
    transport = httpsTransport({ url: `https://127.0.0.1:${api.port}`, ca, certificate: { cert, key } })
  })

  after(async () => {
    life.abort(new Error('the test is over'))
    await transport[Symbol.asyncDispose]()
    await api[Symbol.asyncDispose]()
  })

  for (const file of readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.yaml'))) {
    it(`${file} has no unknown variable, and the API server takes each object without a warning`, async () => {
      const text = readFileSync(new URL(file, FOLDER), 'utf8').replaceAll(/%\{([\w-]+)\}%/g, (whole, name: string) => {
        assert.ok(name in VALUES || name === LATE, `unknown variable ${name}`)
        return VALUES[name] ?? whole
      })
      for (const doc of parseYamlDocuments(text).filter((one) => one !== null) as Doc[]) {
        // Its definition comes from the product's own resources, which this server does not install.
        if (doc.kind === 'HelmChart') continue
        const path = `${await collection(doc)}?fieldValidation=Strict&fieldManager=test`
        const headers = { 'content-type': 'application/json', accept: 'application/json' }
        const answer = await transport.request({ method: 'POST', path, headers, body: Buffer.from(JSON.stringify(doc)) }, life.signal)
        // Bootstrap roles may be there already.
        assert.ok(
          answer.status === 201 || answer.status === 409,
          `${doc.kind} ${doc.metadata.name}: ${Buffer.from(answer.body).toString()}`,
        )
        assert.equal(answer.headers.warning, undefined)
      }
    })
  }

  async function collection({ apiVersion, kind, metadata }: Doc): Promise<string> {
    const base = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
    const answer = await transport.request({ method: 'GET', path: base }, life.signal)
    const { resources } = JSON.parse(Buffer.from(answer.body).toString()) as {
      resources: { name: string; kind: string; namespaced: boolean }[]
    }
    const resource = resources.find((one) => one.kind === kind && !one.name.includes('/'))
    assert.ok(resource !== undefined, `${apiVersion} ${kind} is not served`)
    return resource.namespaced ? `${base}/namespaces/${metadata.namespace ?? 'default'}/${resource.name}` : `${base}/${resource.name}`
  }
})
