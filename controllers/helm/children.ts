import { clusterRoleBindings, configMaps, secrets, serviceAccounts } from '../../core/api/kinds.ts'
import type { ConfigMap, Secret } from '../../core/api/types/core-v1.ts'
import type { Client } from '../../core/client/client.ts'
import type { Lister } from '../../core/client/informer.ts'
import { objectKey } from '../../core/meta/object.ts'
import { isAlreadyExists } from '../../core/meta/status-error.ts'
import { buildClusterRoleBinding, buildContentConfigMap, buildServiceAccount, buildValuesSecret, type JobContext, names } from './build.ts'
import { CONTROLLER_NAME } from './types.ts'

interface ChildDeps {
  readonly client: Client
  readonly secrets: Lister<Secret>
  readonly configMaps: Lister<ConfigMap>
}

/** What the job needs before it can run. Data is compared with the cache first, so a settled chart costs no writes. */
export async function ensureChildren(context: JobContext, deps: ChildDeps, signal: AbortSignal): Promise<void> {
  const { chart, settings } = context
  const { name, namespace } = chart.metadata
  const options = { signal, fieldManager: CONTROLLER_NAME }
  const values = buildValuesSecret(chart, context.config)
  const oldValues = deps.secrets.get(objectKey(namespace, names.values(name)))
  if (oldValues === undefined) {
    // The account and its binding change only when somebody removes them, and then a new job needs them: made with the Secret.
    await createUnlessThere(() => deps.client.create(serviceAccounts, buildServiceAccount(chart), options))
    await createUnlessThere(() => deps.client.create(clusterRoleBindings, buildClusterRoleBinding(chart, settings), options))
    await createUnlessThere(() => deps.client.create(secrets, values, options))
  } else if (!sameData(oldValues.data, values.data)) {
    await deps.client.update(secrets, { ...values, metadata: { ...oldValues.metadata, ...values.metadata } }, options)
  }
  const content = buildContentConfigMap(chart)
  const oldContent = deps.configMaps.get(objectKey(namespace, names.content(name)))
  if (oldContent === undefined) await createUnlessThere(() => deps.client.create(configMaps, content, options))
  else if (!sameData(oldContent.data, content.data))
    await deps.client.update(configMaps, { ...content, metadata: { ...oldContent.metadata, ...content.metadata } }, options)
}

async function createUnlessThere(create: () => Promise<unknown>): Promise<void> {
  try {
    await create()
  } catch (err) {
    if (!isAlreadyExists(err)) throw err
  }
}

type Data = Readonly<Record<string, string | undefined>> | undefined

function sameData(a: Data, b: Data): boolean {
  const left = Object.entries(a ?? {})
  return left.length === Object.keys(b ?? {}).length && left.every(([key, value]) => b?.[key] === value)
}
