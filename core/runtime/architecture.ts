/** Go's name of this machine's processor, as labels, versions and image platforms use it. */
export function architecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch
}
