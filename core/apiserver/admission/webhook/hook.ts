import type {
  MatchCondition,
  MutatingWebhookConfiguration,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from '../../../api/types/admissionregistration-v1.ts'
import { admissionEnvironment } from '../../cel/admission.ts'
import type { ObjectReader } from '../admission.ts'
import { type Conditions, compileConditions } from '../conditions.ts'

const GROUP = 'admissionregistration.k8s.io'

/** One webhook of a configuration; both kinds of configuration share this shape. */
export interface Hook extends ValidatingWebhook {
  /** Tells apart webhooks of one name in several configurations. */
  readonly id: string
  readonly reinvocationPolicy?: 'Never' | 'IfNeeded' | undefined
  /** The match conditions, compiled when they are first asked; absent when there are none. */
  readonly conditions?: () => Conditions
}

type Configuration = Pick<MutatingWebhookConfiguration | ValidatingWebhookConfiguration, 'metadata' | 'webhooks'>
export type HookKind = 'mutating' | 'validating'

/** Gives the webhooks of all configurations by name and place; read again only after a change. */
export function hookSource(reader: ObjectReader, kind: HookKind): () => readonly Hook[] {
  const type = { group: GROUP, resource: `${kind}webhookconfigurations` }
  let hooks: readonly Hook[] | undefined
  let isFollowing = false
  return () => {
    // NOTE: at the first question, when the cache is surely loaded.
    if (!isFollowing) {
      isFollowing = true
      reader.onChange(type, () => {
        hooks = undefined
      })
    }
    hooks ??= reader.list<Configuration>(type).toSorted(byName).flatMap(hooksOf)
    return hooks
  }
}

function byName(a: Configuration, b: Configuration): number {
  return a.metadata.name < b.metadata.name ? -1 : 1
}

function hooksOf({ metadata, webhooks }: Configuration): readonly Hook[] {
  return (webhooks ?? []).map((webhook, index) => ({
    ...webhook,
    id: `${metadata.name}/${webhook.name}/${index}`,
    ...conditionsOf(webhook.matchConditions ?? []),
  }))
}

function conditionsOf(conditions: readonly MatchCondition[]): Pick<Hook, 'conditions'> {
  if (conditions.length === 0) return {}
  let compiled: Conditions | undefined
  return { conditions: () => (compiled ??= compileConditions(conditions, admissionEnvironment({ isPolicy: false }))) }
}
