import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { startContainerd } from '../../core/agent/containerd/containerd.ts'
import { createImageService, openGrpcChannel } from '../../core/agent/cri/index.ts'
import { createImageFolder } from '../../core/agent/images/image-folder.ts'
import { imagesDir } from '../../core/agent/paths.ts'
import { silentLogger } from '../../core/observability/log.ts'
import { systemClock } from '../../core/runtime/clock.ts'
import { testSettings } from '../helpers/agent.ts'
import { eventually } from '../helpers/eventually.ts'
import { testImageArchive } from '../helpers/images.ts'
import { createNodeSandbox, runtimeMissing } from '../helpers/node-sandbox.ts'

describe('the image folder', { skip: runtimeMissing() ?? false }, () => {
  it('imports archives of every supported kind once, pins them, and follows the folder', async () => {
    await using sandbox = createNodeSandbox()
    const { paths, signal } = sandbox
    const settings = testSettings(sandbox)
    const containerd = await startContainerd({ settings, paths, log: silentLogger, clock: systemClock, systemdCgroup: false }, signal)
    const channel = openGrpcChannel({ path: containerd.socket })
    signal.addEventListener('abort', () => channel.close())
    const images = createImageService(channel)
    const dir = imagesDir(paths)
    mkdirSync(dir, { recursive: true })
    writeFileSync(join(dir, 'a.tar'), testImageArchive('docker.io/k3ts/a:1'))
    writeFileSync(join(dir, 'b.tar.gz'), gzipSync(testImageArchive('docker.io/k3ts/b:1')))
    writeFileSync(join(dir, 'c.tar.zst'), zstdCompressSync(testImageArchive('docker.io/k3ts/c:1')))
    writeFileSync(join(dir, '0-broken.tar'), 'not an archive')

    const store = { socket: containerd.socket, snapshotter: 'overlayfs' }
    const folder = createImageFolder({ dir, store, images, clock: systemClock, log: silentLogger })
    await folder.importAll(signal)
    // CRI of containerd 1.6 does not tell; the label is what newer ones and garbage collection read.
    const list = execFileSync('ctr', ['-a', containerd.socket, '-n', 'k8s.io', 'images', 'ls']).toString()
    for (const name of ['a', 'b', 'c']) {
      assert.notEqual(await images.imageStatus({ image: `k3ts/${name}:1` }, signal), undefined, name)
      assert.match(list, new RegExp(`docker.io/k3ts/${name}:1.*io.cri-containerd.pinned=pinned`))
    }
    const cache = readFileSync(join(dir, '.cache.json'), 'utf8')
    assert.deepEqual(Object.keys(JSON.parse(cache) as object), ['a.tar', 'b.tar.gz', 'c.tar.zst'])

    await images.removeImage({ image: 'docker.io/k3ts/a:1' }, signal)
    await folder.importAll(signal)
    assert.notEqual(await images.imageStatus({ image: 'k3ts/a:1' }, signal), undefined, 'imported again after it was removed')

    const abort = new AbortController()
    const following = folder.follow(abort.signal)
    writeFileSync(join(dir, 'd.tar'), testImageArchive('docker.io/k3ts/d:1'))
    await eventually(async () => {
      assert.notEqual(await images.imageStatus({ image: 'k3ts/d:1' }, signal), undefined)
    }, 15_000)
    abort.abort(new Error('enough'))
    await following
  })
})
