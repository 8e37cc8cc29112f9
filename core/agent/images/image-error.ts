/** Reasons a container waits for its image; they show up in `kubectl get pods`. */
export type ImageErrorReason =
  | 'InvalidImageName'
  | 'ImageInspectError'
  | 'ErrImageNeverPull'
  | 'ErrImagePull'
  | 'ImagePullBackOff'
  | 'RegistryUnavailable'
  | 'SignatureValidationFailed'

/** The image cannot be had now. `message` goes into the container's waiting state. */
export class ImageError extends Error {
  override readonly name = 'ImageError'
  readonly reason: ImageErrorReason
  /** When to try again; absent: with the next sync. */
  readonly retryAfterMs: number | undefined

  constructor(reason: ImageErrorReason, message: string, retryAfterMs?: number) {
    super(message)
    this.reason = reason
    this.retryAfterMs = retryAfterMs
  }
}
