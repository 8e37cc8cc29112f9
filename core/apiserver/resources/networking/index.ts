export { ipAddressDef, serviceCidrDef } from './addresses.ts'
export { ingressClassDef, ingressDef } from './ingress.ts'
export { networkPolicyDef } from './network-policy.ts'
