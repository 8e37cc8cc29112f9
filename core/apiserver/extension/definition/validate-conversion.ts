import type { CustomResourceDefinition, CustomResourceDefinitionSpec } from '../../../api/types/apiextensions-v1.ts'
import { isConditionTrue } from '../../../meta/conditions.ts'
import { type FieldError, forbidden, notSupported, required } from '../../../meta/field-error.ts'
import { caBundleProblem, checkReviewVersions, checkWebhookClient } from '../../resources/validation/webhook-client.ts'

const PATH = 'spec.conversion'
/** Paths are those of Kubernetes' internal form, where the webhook has no level of its own. */
const CLIENT = `${PATH}.webhookClientConfig`
const VERSIONS = `${PATH}.conversionReviewVersions`

/** How versions become each other; `old` on update. Source: apiextensions, validateCustomResourceConversion. */
export function conversionErrors(
  { conversion }: CustomResourceDefinitionSpec,
  old: CustomResourceDefinition | undefined,
): readonly FieldError[] {
  if (conversion === undefined) return []
  const { strategy, webhook } = conversion
  if (strategy === '') return [required(`${PATH}.strategy`)]
  if (strategy !== 'Webhook') {
    const text = 'should not be set when strategy is not set to Webhook'
    return [
      ...(strategy === 'None' ? [] : [notSupported(`${PATH}.strategy`, strategy, ['None', 'Webhook'])]),
      ...(webhook?.clientConfig === undefined ? [] : [forbidden(CLIENT, text)]),
      ...((webhook?.conversionReviewVersions ?? []).length === 0 ? [] : [forbidden(VERSIONS, text)]),
    ]
  }
  const errors: FieldError[] = []
  const { clientConfig, conversionReviewVersions = [] } = webhook ?? {}
  if (clientConfig === undefined) errors.push(required(CLIENT, 'required when strategy is set to Webhook'))
  else {
    checkWebhookClient(clientConfig, CLIENT, errors)
    errors.push(...bundleErrors(clientConfig.caBundle, old))
  }
  if (conversionReviewVersions.length === 0) errors.push(required(VERSIONS))
  else checkReviewVersions(conversionReviewVersions, VERSIONS, errors)
  return errors
}

/** A definition may come before its authorities, which somebody else fills in; once it serves, what was good may not become bad. */
function bundleErrors(bundle = '', old: CustomResourceDefinition | undefined): readonly FieldError[] {
  if (bundle === '' || old === undefined || !isConditionTrue(old.status.conditions, 'Established')) return []
  const before = old.spec.conversion?.webhook?.clientConfig?.caBundle ?? ''
  if (before !== '' && caBundleProblem(before) !== undefined) return []
  const problem = caBundleProblem(bundle)
  if (problem === undefined) return []
  const shown = Array.from(Buffer.from(bundle, 'base64'), (byte) => `0x${byte.toString(16)}`).join(', ')
  return [{ reason: 'FieldValueInvalid', field: `${CLIENT}.caBundle`, message: `Invalid value: []byte{${shown}}: ${problem}` }]
}
