import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { agentPaths, closePodsDir } from '../paths.ts'
import { applyFsGroup } from './folders.ts'

const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8)

it('a volume is given to its group, and what a link in it points to is not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'k3ts-fs-group-'))
  const [volume, outside] = [join(folder, 'volume'), join(folder, 'outside')]
  mkdirSync(join(volume, 'sub'), { recursive: true, mode: 0o755 })
  writeFileSync(join(volume, 'sub', 'file'), '', { mode: 0o600 })
  writeFileSync(outside, '', { mode: 0o600 })
  symlinkSync(outside, join(volume, 'link'))
  await applyFsGroup(volume, { fsGroup: process.getgid?.() ?? 0 })
  assert.deepEqual([modeOf(volume), modeOf(join(volume, 'sub')), modeOf(join(volume, 'sub', 'file'))], ['2775', '2775', '660'])
  assert.equal(modeOf(outside), '600')
  rmSync(folder, { recursive: true })
})

it('the folder of all pods is closed to others, one of an earlier version too', async () => {
  const kubeletRoot = mkdtempSync(join(tmpdir(), 'k3ts-pods-'))
  const paths = agentPaths({ dataDir: kubeletRoot, kubeletRoot })
  await closePodsDir(paths)
  assert.equal(modeOf(join(kubeletRoot, 'pods')), '750')
  chmodSync(join(kubeletRoot, 'pods'), 0o755)
  await closePodsDir(paths)
  assert.equal(modeOf(join(kubeletRoot, 'pods')), '750')
  rmSync(kubeletRoot, { recursive: true })
})
