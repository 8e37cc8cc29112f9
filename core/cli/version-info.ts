import type { VersionInfo } from '../apiserver/discovery/discovery.ts'
import { architecture } from '../runtime/architecture.ts'

/** `/version` of the API server. */
export function versionInfo(version: string): VersionInfo {
  const [, major = '1', minor = '35'] = /^v(\d+)\.(\d+)/.exec(version) ?? []
  return {
    major,
    minor,
    emulationMajor: major,
    emulationMinor: minor,
    minCompatibilityMajor: major,
    minCompatibilityMinor: String(Number(minor) - 1),
    gitVersion: version,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: `node-${process.version}`,
    compiler: 'v8',
    platform: `linux/${architecture()}`,
  }
}
