import type { Client } from '../../core/client/client.ts'
import type { Discovery } from '../../core/client/discovery.ts'
import type { InformerFactory } from '../../core/client/informer.ts'
import type { EventRecorder } from '../../core/client/recorder.ts'
import type { Logger } from '../../core/observability/log.ts'
import type { Clock } from '../../core/runtime/clock.ts'
import type { Controller } from './controller.ts'

/** What the composition gives every controller; each takes its own part of it. */
export interface ControllerContext {
  readonly client: Client
  readonly informers: InformerFactory
  readonly discovery: Discovery
  /** A recorder whose events name this component, such as `deployment-controller`. */
  readonly recorderFor: (component: string) => EventRecorder
  readonly clock: Clock
  readonly log: Logger
  readonly settings: ControllerSettings
}

/** Facts of the cluster that no API object tells. */
export interface ControllerSettings {
  /** Pod networks, one per family, such as `10.42.0.0/16`. Empty: nodes get no pod CIDR from here. */
  readonly clusterCidrs: readonly string[]
  /** Prefix length of a node's part of an IPv4 network. Default 24. */
  readonly nodeCidrMaskIpv4?: number
  /** Likewise for IPv6. Default 64. */
  readonly nodeCidrMaskIpv6?: number
  /** PEM bundle that verifies the API server, published in every namespace. */
  readonly rootCa: string
  /** Signs a certificate request; absent: requests for the cluster's own signers stay unsigned. */
  readonly signer?: CertificateSigner
  /** Finished pods kept before the oldest are collected. Default 12500; 0: all are kept. */
  readonly terminatedPodThreshold?: number
}

/** Reads certificate requests, and turns a checked one into a certificate of one of the cluster's authorities. */
export interface CertificateSigner {
  /** Throws when `requestPem` is no PKCS#10 request or its signature is wrong. */
  inspect(requestPem: string, signal: AbortSignal): Promise<RequestFacts>
  /** PEM request in, PEM certificate out. Throws when the request cannot be signed. */
  sign(request: SigningRequest, signal: AbortSignal): Promise<string>
}

/** What a certificate request asks to be called. */
export interface RequestFacts {
  readonly commonName: string
  readonly organizations: readonly string[]
  readonly dnsNames: readonly string[]
  readonly ipAddresses: readonly string[]
  readonly emailAddresses: readonly string[]
  readonly uris: readonly string[]
}

export interface SigningRequest {
  readonly requestPem: string
  readonly signerName: string
  readonly usages: readonly string[]
  readonly lifetimeSeconds: number
}

/** One line of the table of all controllers. */
export interface ControllerEntry {
  /** As `--controllers` and the documentation name it. */
  readonly name: string
  readonly byDefault: boolean
  /**
   * Service account of kube-system as which it acts, with the bootstrap role `system:controller:ACCOUNT`. Absent: it acts as
   * the controller manager itself. Source: kubernetes, cmd/kube-controller-manager, and bootstrappolicy/controller_policy.go.
   */
  readonly account?: string
  /** Undefined when the settings leave it nothing to do. */
  readonly create: (context: ControllerContext) => Controller | undefined
}
