/** A container cannot be configured from what the API holds now; waits with reason CreateContainerConfigError. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}
