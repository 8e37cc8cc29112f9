import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { customResourceDefinitions } from '../api/kinds.ts'
import type { AssembledApiServer } from '../apiserver/assemble.ts'
import { inProcessTransport } from '../client/in-process.ts'
import { createClient } from '../client/typed-client.ts'
import { waitForEstablished } from '../client/wait-for-object.ts'
import { installationRoot } from '../config/assets.ts'
import { IDENTITIES } from './identities.ts'

/** Makes or updates the definitions of charts and addons, and waits until they are served: controllers list them right after. */
export async function installCrds(api: AssembledApiServer, signal: AbortSignal): Promise<void> {
  const client = createClient(inProcessTransport(api.handle, IDENTITIES.deploy), { userAgent: 'k3ts' })
  const folder = join(installationRoot(), 'addons', 'crds')
  const names = readdirSync(folder).filter((name) => name.endsWith('.yaml'))
  await Promise.all(
    names.map(async (name) => {
      const body = load(readFileSync(join(folder, name), 'utf8')) as { readonly metadata: { readonly name: string } }
      await client.patch(customResourceDefinitions, body.metadata, { type: 'apply', body, force: true }, { signal, fieldManager: 'k3ts' })
      if (!(await waitForEstablished(client, body.metadata.name, signal)))
        throw new Error(`the custom resource ${body.metadata.name} was not established`)
    }),
  )
}
