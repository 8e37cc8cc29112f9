/**
 * Messages of the port transport. One port carries many requests at a time, told apart by `id`, which the client
 * picks. A streamed body moves under credit: the server sends while it has some, the reader gives back what it consumed.
 */
export type ClientMessage =
  | {
      readonly type: 'request'
      readonly id: number
      readonly method: string
      readonly path: string
      readonly headers: Readonly<Record<string, string>>
      readonly body?: Uint8Array
      /** Which of the port's users asks; absent: the port's own. */
      readonly as?: string
      /** True: answer with head, data, end. False: one `answer` with the whole body. */
      readonly streamed: boolean
    }
  | { readonly type: 'credit'; readonly id: number; readonly bytes: number }
  | { readonly type: 'abort'; readonly id: number }

export type ServerMessage =
  | {
      readonly type: 'answer'
      readonly id: number
      readonly status: number
      readonly headers: Readonly<Record<string, string>>
      readonly chunks: readonly Uint8Array[]
    }
  | { readonly type: 'head'; readonly id: number; readonly status: number; readonly headers: Readonly<Record<string, string>> }
  | { readonly type: 'data'; readonly id: number; readonly chunk: Uint8Array }
  | { readonly type: 'end'; readonly id: number }
  /** The handler threw or its body broke; the reader throws an Error with this message. */
  | { readonly type: 'failure'; readonly id: number; readonly message: string }

/** How far the server may run ahead of a reader, in bytes; one chunk may overdraw it. */
export const WINDOW_BYTES = 1024 * 1024

/**
 * A copy that owns its memory, so that it can be moved to the other thread. Bodies are slices of shared immutable
 * slabs: posting the slice would clone the slab, moving it would take the slab away from its other readers.
 */
export function detach(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes)
}
