import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { startContainerd } from '../../core/agent/containerd/containerd.ts'
import { containerdEvents, createImageService, createRuntimeService, CriError, openGrpcChannel } from '../../core/agent/cri/index.ts'
import { containerdEtc, containerdRoot, containerdSocket, containerdState } from '../../core/agent/paths.ts'
import { silentLogger } from '../../core/observability/log.ts'
import { systemClock } from '../../core/runtime/clock.ts'
import { pauseImageArchive, TEST_IMAGE, TEST_PAUSE_IMAGE, testImageArchive } from '../helpers/images.ts'
import { createNodeSandbox, runtimeMissing } from '../helpers/node-sandbox.ts'
import { testSettings } from '../helpers/agent.ts'

describe('k3ts own containerd', { skip: runtimeMissing() ?? false }, () => {
  it('starts, survives its starter, is adopted, and restarts for a new configuration', async () => {
    await using sandbox = createNodeSandbox()
    const { paths } = sandbox
    const settings = testSettings(sandbox)
    const deps = { settings, paths, log: silentLogger, clock: systemClock, systemdCgroup: false }

    const first = new AbortController()
    const running = await startContainerd(deps, first.signal)
    assert.equal(running.isNew, true)
    const pid = Number(readFileSync(join(containerdState(paths), 'containerd.pid'), 'utf8').split('\n')[0])
    first.abort(new Error('k3ts stops'))
    await running.done
    assert.ok(existsSync(`/proc/${pid}`), 'containerd goes on without k3ts')

    const second = new AbortController()
    const adopted = await startContainerd(deps, second.signal)
    assert.equal(adopted.isNew, false)
    second.abort(new Error('k3ts stops'))
    await adopted.done

    mkdirSync(containerdEtc(paths), { recursive: true })
    writeFileSync(join(containerdEtc(paths), 'config.toml.tmpl'), '{{ template "base" . }}\n[debug]\n  level = "info"\n')
    const restarted = await startContainerd(deps, sandbox.signal)
    assert.equal(restarted.isNew, true)
    assert.ok(!existsSync(`/proc/${pid}`), 'the old one is gone')
    assert.match(readFileSync(join(containerdEtc(paths), 'config.toml'), 'utf8'), /\[debug\]/)

    const newPid = Number(readFileSync(join(containerdState(paths), 'containerd.pid'), 'utf8').split('\n')[0])
    process.kill(newPid, 'SIGKILL')
    const channel = openGrpcChannel({ path: containerdSocket(paths) })
    sandbox.signal.addEventListener('abort', () => channel.close())
    const runtime = createRuntimeService(channel)
    const version = await retry(() => runtime.version(sandbox.signal))
    assert.equal(version.runtimeName, 'containerd')
    assert.ok(existsSync(join(containerdRoot(paths), 'containerd.log')))
  })

  it('runs a container through the typed CRI client and hears of its end', async () => {
    await using sandbox = createNodeSandbox()
    const { paths, signal } = sandbox
    const deps = { settings: testSettings(sandbox), paths, log: silentLogger, clock: systemClock, systemdCgroup: false }
    const containerd = await startContainerd(deps, signal)
    importArchive(paths, sandbox.dir, testImageArchive())
    importArchive(paths, sandbox.dir, pauseImageArchive())
    const channel = openGrpcChannel({ path: containerd.socket })
    signal.addEventListener('abort', () => channel.close())
    const runtime = createRuntimeService(channel)
    const images = createImageService(channel)
    assert.deepEqual((await images.imageStatus({ image: TEST_PAUSE_IMAGE }, signal))?.tags, [TEST_PAUSE_IMAGE])
    assert.equal(await images.imageStatus({ image: 'docker.io/k3ts/none:1' }, signal), undefined)
    assert.equal(await runtime.cgroupDriver(signal), undefined)

    const events = containerdEvents(channel, signal)[Symbol.asyncIterator]()
    const firstEvent = events.next()
    firstEvent.catch(() => undefined)
    const labels = { 'io.kubernetes.pod.uid': 'u1' }
    const namespaceOptions = { network: 'NODE', pid: 'CONTAINER', ipc: 'POD' } as const
    const sandboxConfig = {
      metadata: { name: 'p', uid: 'u1', namespace: 'default', attempt: 0 },
      hostname: '',
      logDirectory: join(sandbox.dir, 'log'),
      labels,
      annotations: {},
      linux: { cgroupParent: `${paths.cgroupRoot}/podu1`, securityContext: { namespaceOptions } },
    }
    const sandboxId = await runtime.runPodSandbox(sandboxConfig, '', signal)
    assert.equal((await runtime.podSandboxStatus(sandboxId, signal)).isHostNetwork, true)
    const securityContext = {
      privileged: false,
      namespaceOptions,
      readonlyRootfs: false,
      noNewPrivs: false,
      maskedPaths: [],
      readonlyPaths: [],
    }
    const id = await runtime.createContainer(
      {
        sandboxId,
        sandboxConfig,
        config: {
          metadata: { name: 'c', attempt: 0 },
          image: { image: TEST_IMAGE },
          command: ['sh', '-c', 'echo hi; sleep 1000 & wait; exit 3'],
          envs: [{ key: 'A', value: Buffer.from('ä') }],
          mounts: [],
          labels,
          annotations: {},
          logPath: 'c/0.log',
          stdin: false,
          stdinOnce: false,
          tty: false,
          linux: { resources: { memoryLimitInBytes: 64 << 20 }, securityContext },
        },
      },
      signal,
    )
    await runtime.startContainer(id, signal)
    const started = await firstEvent
    assert.equal(started.done === true ? undefined : started.value.containerId, sandboxId)
    assert.equal((await runtime.execSync(id, ['sh', '-c', 'echo $A'], 5, signal)).stdout.toString(), 'ä\n')
    const failed = await runtime.execSync(id, ['sh', '-c', 'echo no >&2; exit 7'], 5, signal)
    assert.deepEqual([failed.exitCode, failed.stderr.toString()], [7, 'no\n'])
    await assert.rejects(runtime.execSync(id, ['sleep', '30'], 1, signal), (err: CriError) => err.code === 'DeadlineExceeded')
    await runtime.stopContainer(id, 0, signal)
    for (;;) {
      const next = await events.next()
      assert.notEqual(next.done, true)
      if (next.done !== true && next.value.containerId === id && next.value.kind === 'exit') break
    }
    const status = await retry(async () => {
      const now = await runtime.containerStatus(id, signal)
      assert.equal(now.phase, 'exited')
      return now
    })
    assert.equal(status.exitCode, 137)
    await assert.rejects(
      runtime.containerStatus('nonexistent', signal),
      (err) => err instanceof CriError && err.code === 'NotFound' && err.call === 'ContainerStatus',
    )
    await runtime.stopPodSandbox(sandboxId, signal)
    await runtime.removePodSandbox(sandboxId, signal)
    assert.deepEqual(await runtime.listPodSandboxes({ labels }, signal), [])
  })
})

function importArchive(paths: Parameters<typeof containerdSocket>[0], dir: string, archive: Buffer): void {
  const file = join(dir, 'image.tar')
  writeFileSync(file, archive)
  execFileSync('ctr', ['-a', containerdSocket(paths), '-n', 'k8s.io', 'images', 'import', file])
}

async function retry<T>(attempt: () => Promise<T>): Promise<T> {
  for (let round = 0; ; round += 1) {
    try {
      return await attempt()
    } catch (err) {
      if (round > 100) throw err
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}
