import assert from 'node:assert/strict'
import { type BinaryLike, createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Attach, Exec, KubeConfig, PortForward, type V1Status } from '@kubernetes/client-node'
import { WebSocket } from 'ws'
import { embeddedImage } from '../../addons/image/entry-points.ts'
import { productVersion } from '../../core/cli/version.ts'
import { type Cluster, clusterMissing, freePort, startCluster, until } from '../helpers/cluster.ts'

const IMAGE = embeddedImage('busybox', productVersion())
const pods = `apiVersion: v1
kind: Pod
metadata: {name: box, labels: {app: box}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: main
      image: ${IMAGE}
      command: [sh, -c, "mkdir -p /www && echo hello >/www/index.html && exec httpd -f -p 8080 -h /www"]
      ports: [{name: web, containerPort: 8080}]
    - name: done
      image: ${IMAGE}
      command: ["true"]
  restartPolicy: Never
---
apiVersion: v1
kind: Pod
metadata: {name: shell}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: main, image: ${IMAGE}, command: [sh], stdin: true, tty: true}]
---
apiVersion: v1
kind: Service
metadata: {name: box}
spec: {selector: {app: box}, ports: [{name: http, port: 80, targetPort: web}]}
`

const sum = (bytes: BinaryLike): string => createHash('sha256').update(bytes).digest('hex')
const SPDY = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false', KUBECTL_PORT_FORWARD_WEBSOCKETS: 'false' }
/** Connections that the kubelet's port has open. */
const kubeletConnections = (): number =>
  ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((path) =>
    readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => / [0-9A-F]+:280A [0-9A-F]+:[0-9A-F]{4} 01 /.test(line)),
  ).length

const allClosed = (): Promise<void> =>
  until('the end of all connections', async () => {
    await Promise.resolve()
    assert.equal(kubeletConnections(), 0)
  })

describe('sessions with containers', { skip: clusterMissing() ?? false }, () => {
  let cluster: Cluster
  let config: KubeConfig
  before(async () => {
    cluster = await startCluster()
    config = new KubeConfig()
    config.loadFromFile(cluster.kubeconfig)
    await until('the service account', () => cluster.kubectl('get serviceaccount default'))
    await cluster.kubectl('apply -f -', { input: pods })
    await cluster.kubectl('wait --for=condition=Ready pod/shell --timeout=60s')
    await until('the web server', () => cluster.kubectl('exec box -c main -- cat /www/index.html'))
  })
  after(async () => {
    await cluster[Symbol.asyncDispose]()
  })

  interface Ran {
    readonly out: Buffer
    readonly err: string
    readonly status: V1Status
    readonly protocol: string
  }
  async function exec(command: readonly string[], input?: Readable, tty = false): Promise<Ran> {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    const texts = Promise.all([buffer(stdout), buffer(stderr)])
    let protocol = ''
    const status = await new Promise<V1Status>((resolve, reject) => {
      new Exec(config).exec('default', 'box', 'main', [...command], stdout, stderr, input ?? null, tty, resolve).then((socket) => {
        protocol = socket.protocol
        socket.onerror = () => reject(new Error('the connection broke'))
      }, reject)
    })
    const [out, err] = await texts
    return { out, err: err.toString(), status, protocol }
  }

  /** A session as a browser has it: a WebSocket with subprotocols, and nothing else to say who asks. */
  function browser(path: string, ...protocols: readonly string[]): WebSocket {
    const { server } = config.getCurrentCluster() ?? { server: '' }
    const { ca, ...own } = credentials()
    return new WebSocket(`${server.replace('https', 'wss')}/api/v1/namespaces/default/pods/${path}`, [...protocols], {
      ca,
      ...(protocols.some((name) => name.includes('bearer')) ? {} : own),
    })
  }
  function credentials(): { ca: Buffer; cert: Buffer; key: Buffer } {
    const decoded = (text: string | undefined): Buffer => Buffer.from(text ?? '', 'base64')
    const user = config.getCurrentUser()
    return { ca: decoded(config.getCurrentCluster()?.caData), cert: decoded(user?.certData), key: decoded(user?.keyData) }
  }

  it('keep output and error apart and tell the exit code', async () => {
    const { out, err, status, protocol } = await exec(['sh', '-c', 'echo out; echo err >&2; exit 7'])
    assert.deepEqual([protocol, out.toString(), err], ['v5.channel.k8s.io', 'out\n', 'err\n'])
    assert.deepEqual(
      [status.status, status.reason, status.details?.causes],
      ['Failure', 'NonZeroExitCode', [{ reason: 'ExitCode', message: '7' }]],
    )
    assert.equal((await exec(['true'])).status.status, 'Success')
  })

  it('end the input and go on with the output', async () => {
    const input = randomBytes(5_000_000)
    const { out } = await exec(['cat'], Readable.from([input.subarray(0, 3), input.subarray(3)]))
    assert.equal(sum(out), sum(input))
  })

  for (const [title, env] of [
    ['WebSocket', {}],
    ['SPDY', SPDY],
  ] as const) {
    it(`say what failed, in ${title}`, async () => {
      const failed = async (...args: readonly string[]): Promise<string> => {
        const { code, stderr } = await cluster.tryKubectl(['exec', 'box', ...args], { env })
        return `${code} ${stderr}`
      }
      assert.match(await failed('-c', 'main', '--', 'sh', '-c', 'exit 9'), /^9 command terminated with exit code 9/)
      assert.match(
        await failed('-c', 'main', '--', 'nosuch'),
        /^1 error: Internal error occurred: .*exec: "nosuch": executable file not found in \$PATH/,
      )
      assert.match(await failed('-c', 'done', '--', 'ls'), /^1 error: .*unable to upgrade connection: container not found \("done"\)/)
      assert.match(await failed('-c', 'other', '--', 'ls'), /^1 Error from server \(BadRequest\): container other is not valid for pod box/)
    })

    it(`carry files and input, in ${title}`, async () => {
      const [there, back] = [join(cluster.dataDir, 'there'), join(cluster.dataDir, 'back')]
      const content = randomBytes(20_000_000)
      writeFileSync(there, content)
      await cluster.kubectl(['cp', there, 'box:/www/file', '-c', 'main'], { env })
      await cluster.kubectl(['cp', 'box:/www/file', back, '-c', 'main'], { env })
      assert.equal(sum(readFileSync(back)), sum(content))
      assert.equal(await cluster.kubectl(['exec', '-i', 'box', '-c', 'main', '--', 'wc', '-c'], { env, input: 'four' }), '4\n')
    })

    it(`forward ports, in ${title}`, async () => {
      const [web, closed] = [await freePort(), await freePort()]
      const child = cluster.spawnKubectl(['port-forward', 'svc/box', `${web}:http`], env)
      const refusing = cluster.spawnKubectl(['port-forward', 'pod/box', `${closed}:9`], env)
      let words = ''
      refusing.stderr?.on('data', (text: Buffer) => (words += text.toString()))
      try {
        const get = async (path = '/'): Promise<Buffer> => Buffer.from(await (await fetch(`http://127.0.0.1:${web}${path}`)).arrayBuffer())
        await until('the forwarded port', get)
        assert.deepEqual(new Set((await Promise.all(Array.from({ length: 30 }, () => get()))).map(String)), new Set(['hello\n']))
        const file = await cluster.kubectl('exec box -c main -- sha256sum /www/file')
        assert.equal(sum(await get('/file')), file.split(' ')[0])
        await until('the refusal', async () => {
          await assert.rejects(fetch(`http://127.0.0.1:${closed}/`))
          assert.match(words, /forwarding \d+ -> 9: .*connection refused/)
        })
      } finally {
        child.kill()
        refusing.kill()
      }
    })
  }

  it('forward a port in the channels of a WebSocket', async () => {
    const forward = new PortForward(config)
    const server = createServer((socket) => void forward.portForward('default', 'box', [8080], socket, null, socket))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const socket = connect((server.address() as { port: number }).port, '127.0.0.1')
    socket.write('GET / HTTP/1.0\r\n\r\n')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    assert.match(answer.toString(), /^HTTP\/1\.[01] 200 OK/)
    socket.destroy()
    server.close()
  })

  it('serve browsers: a token among the subprotocols, channels in base64', async () => {
    await cluster.kubectl('create clusterrolebinding sessions --clusterrole=cluster-admin --serviceaccount=default:default')
    const token = (await cluster.kubectl('create token default')).trim()
    const bearer = `base64url.bearer.authorization.k8s.io.${Buffer.from(token).toString('base64url')}`
    const socket = browser('box/exec?container=main&stdout=true&command=echo&command=hi', bearer, 'base64.channel.k8s.io')
    const messages: string[] = []
    socket.on('message', (data: Buffer) => messages.push(data.toString()))
    const [code] = (await once(socket, 'close')) as [number]
    assert.equal(socket.protocol, 'base64.channel.k8s.io')
    assert.deepEqual([code, messages], [1000, ['1', `1${Buffer.from('hi\n').toString('base64')}`]])
    assert.ok(!cluster.output().includes(token.slice(0, 40)) && !cluster.output().includes(bearer.slice(-40)))
  })

  it('are open to clients of the kubelet itself', async () => {
    const file = (name: string): Buffer => readFileSync(join(cluster.dataDir, 'server/tls', name))
    const own = { cert: file('client-kube-apiserver.crt'), key: file('client-kube-apiserver.key'), rejectUnauthorized: false }
    const ask = (container: string, ...protocols: readonly string[]): WebSocket =>
      new WebSocket(`wss://127.0.0.1:10250/exec/default/box/${container}?output=1&command=echo&command=hi`, [...protocols], own)
    for (const protocol of ['v5.channel.k8s.io', 'v4.channel.k8s.io', 'channel.k8s.io']) {
      const socket = ask('main', protocol)
      let text = ''
      socket.on('message', (data: Buffer) => (text += data.toString()))
      await once(socket, 'close')
      assert.match(text, protocol.startsWith('v') ? /hi\n\u0003\{"metadata":\{\},"status":"Success"\}$/ : /hi\n$/)
    }
    const [refusal] = (await once(ask('done', 'v4.channel.k8s.io'), 'error')) as [Error]
    assert.match(refusal.message, /Unexpected server response: 500/)
    const [unknown] = (await once(ask('main', 'chat'), 'error')) as [Error]
    assert.match(unknown.message, /Unexpected server response: 403/)
  })

  it('stop a process that writes while nobody reads, and end with their client', async () => {
    const socket = browser('box/exec?container=main&stdout=true&command=sh&command=-c&command=exec+yes+stalled', 'v5.channel.k8s.io')
    await once(socket, 'message')
    socket.pause()
    const written = async (): Promise<number> => {
      const io = await cluster.kubectl(['exec', 'box', '-c', 'main', '--', 'sh', '-c', 'cat /proc/$(pidof yes)/io'])
      return Number(/wchar: (\d+)/.exec(io)?.[1])
    }
    await delay(1000)
    const first = await written()
    await delay(500)
    const second = await written()
    assert.ok(second - first < 1_000_000 && second < 64_000_000, `${first}, then ${second} bytes for a reader that reads nothing`)
    socket.terminate()
    await allClosed()
  })

  it('give a slow reader all output', async () => {
    const socket = browser(
      'box/exec?container=main&stdout=true&command=head&command=-c&command=9000000&command=/dev/zero',
      'v5.channel.k8s.io',
    )
    await once(socket, 'open')
    socket.pause()
    await delay(1500)
    let [bytes, status] = [0, '']
    socket.on('message', (data: Buffer) => {
      if (data[0] === 1) bytes += data.length - 1
      else status += data.subarray(1).toString()
    })
    socket.resume()
    await once(socket, 'close')
    assert.deepEqual([bytes, (JSON.parse(status) as V1Status).status], [9_000_000, 'Success'])
  })

  it('leave nothing behind', async () => {
    for (let i = 0; i < 60; i += 1) assert.equal((await exec(['echo', String(i)])).out.toString(), `${i}\n`)
    await allClosed()
  })

  it('attach to a terminal, change its size and leave it running', async () => {
    const input = new PassThrough()
    const output = Object.assign(new PassThrough(), { rows: 33, columns: 111 })
    let seen = ''
    output.on('data', (part: Buffer) => (seen += part.toString()))
    const socket = await new Attach(config).attach('default', 'shell', 'main', output, null, input, true)
    output.emit('resize')
    input.write('stty size; echo pid $$\n')
    await until('the answer of the shell', async () => {
      await Promise.resolve()
      assert.match(seen, /33 111\r\npid 1\r\n/)
    })
    socket.close()
    assert.equal(
      await cluster.kubectl('get pod shell -o jsonpath={.status.containerStatuses[0].restartCount}/{.status.phase}'),
      '0/Running',
    )
  })

  it('run a pod for one command, with its input', async () => {
    const args = [
      'run',
      'once',
      '--rm',
      '-i',
      '--quiet',
      '--restart=Never',
      `--image=${IMAGE}`,
      '--',
      'sh',
      '-c',
      'read line; echo "got $line"',
    ]
    assert.match(await cluster.kubectl(args, { input: 'words\n' }), /got words/)
    assert.match((await cluster.tryKubectl('get pod once')).stderr, /not found/)
  })

  it('debug a pod with a container of its own', async () => {
    await cluster.kubectl(['debug', 'box', `--image=${IMAGE}`, '-c', 'tool', '--target=main', '--profile=general', '--', 'sleep', '600'])
    await until('the ephemeral container', async () => assert.match(await cluster.kubectl('exec box -c tool -- ps'), /httpd/))
  })

  it('do not hold the server up when it stops', async () => {
    const children = [{}, SPDY].map((env) => cluster.spawnKubectl('exec box -c main -- sleep 60', env))
    children.push(cluster.spawnKubectl(['port-forward', 'box', `${await freePort()}:8080`]))
    await until('three sessions', async () => {
      await Promise.resolve()
      assert.equal(kubeletConnections(), 3)
    })
    const ends = children.map((child) => once(child, 'exit'))
    const { code, tookMs } = await cluster.stop()
    assert.equal(code, 0)
    assert.ok(tookMs < 4000, `stopping took ${tookMs} ms`)
    await Promise.all(ends)
  })
})
