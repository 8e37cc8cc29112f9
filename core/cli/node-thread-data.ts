import type { MessagePort } from 'node:worker_threads'
import type { ServerConfig } from '../config/config.ts'
import type { PortName } from './identities.ts'

/** What the main thread hands to the thread of controllers, scheduler and agent. */
export interface NodeThreadData {
  readonly config: ServerConfig
  readonly version: string
  readonly ports: Readonly<Record<PortName, MessagePort>>
  readonly rootCa: string
  readonly kubelet: { readonly cert: string; readonly key: string; readonly clientCa: string }
  readonly proxyVariables: Readonly<Record<string, string>>
}

export type ToNodeThread =
  | { readonly type: 'stop' }
  | { readonly type: 'answer'; readonly id: number; readonly result?: unknown; readonly error?: string }

export type FromNodeThread =
  | { readonly type: 'milestone'; readonly name: Milestone; readonly failed?: readonly string[] }
  /** Certificate requests are signed where the authorities' keys are: on the main thread. */
  | { readonly type: 'ask'; readonly id: number; readonly method: 'inspect' | 'sign'; readonly argument: unknown }
  | { readonly type: 'failed'; readonly message: string }
  | { readonly type: 'stopped' }

/** `images`: registries have been asked for the images of components. */
export type Milestone = 'images' | 'controllers' | 'agent' | 'node-ready' | 'manifests'
