import { deepEqual } from '../../../meta/deep-equal.ts'
import type { AdmissionAttributes, AdmissionPlugin } from '../admission.ts'
import { applyHookPatch } from './apply-patch.ts'
import { type CallDeps, callHook } from './call.ts'
import { type Hook, hookSource } from './hook.ts'
import { isExempt, type MatchDeps, matchHook } from './match.ts'

export interface WebhookDeps extends CallDeps, MatchDeps {}

export interface MutatingDeps extends WebhookDeps {
  /** The built-in plugins that change objects: run again after a webhook changed one, as Kubernetes does. */
  readonly builtIn: readonly AdmissionPlugin[]
}

/** Webhooks that may change the object, one after the other. Source: apiserver, plugin/webhook/mutating. */
export function mutatingAdmissionWebhook(deps: MutatingDeps): AdmissionPlugin {
  const hooks = hookSource(deps.reader, 'mutating')
  return {
    name: 'MutatingAdmissionWebhook',
    handles: (attributes) => hooks().length > 0 && !isExempt(attributes),
    admit: async (attributes) => {
      const first = await runRound(hooks(), attributes, deps)
      if (!first.changed) return
      const before = structuredClone(attributes.object)
      for (const plugin of deps.builtIn) if (plugin.admit !== undefined && plugin.handles(attributes)) await plugin.admit(attributes)
      if (!deepEqual(before, attributes.object)) for (const id of first.settled) first.outdated.add(id)
      if (first.outdated.size > 0)
        await runRound(
          hooks().filter(({ id }) => first.outdated.has(id)),
          attributes,
          deps,
        )
    },
  }
}

interface Round {
  readonly changed: boolean
  /** Webhooks to call again, since the object changed after them. */
  readonly outdated: Set<string>
  /** Webhooks to call again if the object still changes. */
  readonly settled: ReadonlySet<string>
}

async function runRound(hooks: readonly Hook[], attributes: AdmissionAttributes, deps: MutatingDeps): Promise<Round> {
  const outdated = new Set<string>()
  const settled = new Set<string>()
  let changed = false
  for (const hook of hooks) {
    const match = matchHook(hook, attributes, deps)
    if (match === undefined) continue
    const response = await callHook(hook, attributes, match, deps)
    const patch = response?.patch ?? ''
    if (patch !== '' && applyHookPatch(hook, attributes, patch, match.def)) {
      changed = true
      for (const id of settled) outdated.add(id)
      settled.clear()
    }
    if (hook.reinvocationPolicy === 'IfNeeded') settled.add(hook.id)
  }
  return { changed, outdated, settled }
}
