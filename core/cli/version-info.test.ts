import assert from 'node:assert/strict'
import { it } from 'node:test'
import { versionInfo } from './version-info.ts'

it('the version tells what is emulated and what may stand beside it', () => {
  const { gitVersion, major, minor, emulationMajor, emulationMinor, minCompatibilityMajor, minCompatibilityMinor } =
    versionInfo('v1.35.0+k3ts1')
  assert.deepEqual(
    [gitVersion, major, minor, emulationMajor, emulationMinor, minCompatibilityMajor, minCompatibilityMinor],
    ['v1.35.0+k3ts1', '1', '35', '1', '35', '1', '34'],
  )
})
