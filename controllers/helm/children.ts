import { clusterRoleBindings, configMaps, secrets, serviceAccounts } from '../../core/api/kinds.ts'
import type { Client } from '../../core/client/client.ts'
import { ignoreNotFound, isAlreadyExists } from '../../core/meta/status-error.ts'
import { buildClusterRoleBinding, buildContentConfigMap, buildServiceAccount, buildValuesSecret, type JobContext, names } from './build.ts'
import { CONTROLLER_NAME } from './types.ts'

/** What the job needs before it can run. Data is compared first, so a settled chart costs no writes. */
export async function ensureChildren(context: JobContext, client: Client, signal: AbortSignal): Promise<void> {
  const { chart, settings } = context
  const { name, namespace } = chart.metadata
  const options = { signal, fieldManager: CONTROLLER_NAME }
  const values = buildValuesSecret(chart, context.config)
  const oldValues = await ignoreNotFound(client.get(secrets, { namespace, name: names.values(name) }, signal))
  if (oldValues === undefined) {
    // The account and its binding change only when somebody removes them, and then a new job needs them: made with the Secret.
    await createUnlessThere(() => client.create(serviceAccounts, buildServiceAccount(chart), options))
    await createUnlessThere(() => client.create(clusterRoleBindings, buildClusterRoleBinding(chart, settings), options))
    await createUnlessThere(() => client.create(secrets, values, options))
  } else if (!sameData(oldValues.data, values.data)) {
    await client.update(secrets, { ...values, metadata: { ...oldValues.metadata, ...values.metadata } }, options)
  }
  const content = buildContentConfigMap(chart)
  const oldContent = await ignoreNotFound(client.get(configMaps, { namespace, name: names.content(name) }, signal))
  if (oldContent === undefined) await createUnlessThere(() => client.create(configMaps, content, options))
  else if (!sameData(oldContent.data, content.data))
    await client.update(configMaps, { ...content, metadata: { ...oldContent.metadata, ...content.metadata } }, options)
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
