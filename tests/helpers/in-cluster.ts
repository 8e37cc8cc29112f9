import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { clusterRoleBindings, serviceAccounts } from '../../core/api/kinds.ts'
import type { Client } from '../../core/client/client.ts'
import { httpsTransport } from '../../core/client/https.ts'
import { createClient } from '../../core/client/typed-client.ts'
import type { TestApiServer } from './api-server.ts'

/** An administrator of a test API server, and what a pod of a cluster-admin ServiceAccount finds around it. */
export interface InClusterTest extends AsyncDisposable {
  readonly client: Client
  readonly env: Readonly<Record<string, string>>
}

export async function inClusterTest(api: TestApiServer, signal: AbortSignal): Promise<InClusterTest> {
  const ca = api.pki.authorities['server-ca'].certificatePem
  const { certificatePem: cert, keyPem: key } = api.pki.leafs.get('client-admin')
  const transport = httpsTransport({ url: `https://127.0.0.1:${api.port}`, ca, certificate: { cert, key } })
  const client = createClient(transport, { userAgent: 'test/1' })
  const account = { namespace: 'kube-system', name: 'program' }
  await client.create(serviceAccounts, { metadata: account }, { signal })
  await client.create(
    clusterRoleBindings,
    {
      metadata: { name: 'program' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'ServiceAccount', ...account }],
    },
    { signal },
  )
  const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } }
  const answer = await client.createSubresource<{ status: { token: string } }>(serviceAccounts, account, 'token', request, { signal })
  const folder = join(api.folder, 'service-account')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'ca.crt'), ca)
  await writeFile(join(folder, 'token'), answer.status.token)
  return {
    client,
    env: { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(api.port), K3TS_SERVICE_ACCOUNT_DIR: folder },
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  }
}
