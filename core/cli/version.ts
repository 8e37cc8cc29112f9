import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { installationRoot } from '../config/assets.ts'

/** `v1.35.0+k3ts1`: the Kubernetes release whose API is served, and our own release on it. */
export function productVersion(): string {
  const { version } = JSON.parse(readFileSync(join(installationRoot(), 'package.json'), 'utf8')) as { version: string }
  return `v${version.replace('-', '+')}`
}
