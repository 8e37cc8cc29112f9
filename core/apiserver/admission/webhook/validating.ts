import type { AdmissionPlugin } from '../admission.ts'
import { callHook } from './call.ts'
import { hookSource } from './hook.ts'
import { isExempt, matchHook } from './match.ts'
import type { WebhookDeps } from './mutating.ts'

/** Webhooks that accept or refuse, all at once; the first in order that refuses is heard. Source: apiserver, plugin/webhook/validating. */
export function validatingAdmissionWebhook(deps: WebhookDeps): AdmissionPlugin {
  const hooks = hookSource(deps.reader, 'validating')
  return {
    name: 'ValidatingAdmissionWebhook',
    handles: (attributes) => hooks().length > 0 && !isExempt(attributes),
    validate: async (attributes) => {
      const calls = hooks().flatMap((hook) => {
        const match = matchHook(hook, attributes, deps)
        return match === undefined ? [] : [callHook(hook, attributes, match, deps)]
      })
      const failed = (await Promise.allSettled(calls)).find((result) => result.status === 'rejected')
      if (failed !== undefined) throw failed.reason as Error
    },
  }
}
