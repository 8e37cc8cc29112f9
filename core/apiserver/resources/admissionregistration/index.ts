export { validatingAdmissionPolicyBindingDef, validatingAdmissionPolicyDef } from './policy.ts'
export { mutatingWebhookConfigurationDef, validatingWebhookConfigurationDef } from './webhooks.ts'
