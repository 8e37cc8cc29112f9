/** A volume cannot be made ready now; the message is what the FailedMount event says. Tried again with back-off. */
export class VolumeError extends Error {
  override readonly name = 'VolumeError'
}
