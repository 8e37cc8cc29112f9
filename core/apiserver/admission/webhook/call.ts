import type { AdmissionResponse } from '../../../api/types/admission-v1.ts'
import type { Logger } from '../../../observability/log.ts'
import { badRequest, internalError } from '../../errors.ts'
import type { AdmissionAttributes } from '../admission.ts'
import type { WebhookClient } from './client.ts'
import type { Hook } from './hook.ts'
import type { Match } from './match.ts'
import { buildReview, readResponse, refusal } from './review.ts'

const DEFAULT_TIMEOUT_SECONDS = 10

export interface CallDeps {
  readonly client: WebhookClient
  readonly log: Logger
}

/**
 * Asks one webhook. Throws StatusError when it refuses, or when it fails and its failure policy says so; undefined when a failure
 * is to be ignored.
 */
export async function callHook(
  hook: Hook,
  attributes: AdmissionAttributes,
  match: Match,
  deps: CallDeps,
): Promise<AdmissionResponse | undefined> {
  if (attributes.dryRun && hook.sideEffects !== 'None' && hook.sideEffects !== 'NoneOnDryRun') {
    throw badRequest(`admission webhook ${JSON.stringify(hook.name)} does not support dry run`)
  }
  const response = await ask(hook, attributes, match, deps)
  if (response === undefined) return undefined
  for (const warning of response.warnings ?? []) attributes.warn(warning)
  for (const [key, value] of Object.entries(response.auditAnnotations ?? {})) attributes.annotate?.(`${hook.name}/${key}`, value)
  if (!response.allowed) throw refusal(hook, response.status)
  return response
}

async function ask(
  hook: Hook,
  attributes: AdmissionAttributes,
  match: Match,
  { client, log }: CallDeps,
): Promise<AdmissionResponse | undefined> {
  try {
    const review = buildReview(hook, attributes, match)
    const body = await client.call(
      hook.clientConfig,
      { kind: 'AdmissionReview', ...review },
      hook.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS,
    )
    return readResponse(body, review)
  } catch (err) {
    const text = `failed calling webhook ${JSON.stringify(hook.name)}: ${(err as Error).message}`
    log.warn({ err, webhook: hook.name, failurePolicy: hook.failurePolicy }, 'Calling an admission webhook failed')
    if (hook.failurePolicy === 'Ignore') return undefined
    throw internalError(text, err)
  }
}
