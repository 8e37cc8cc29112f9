/** Go's name of the processor, as the version and image platforms show it. */
export function architecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch
}
