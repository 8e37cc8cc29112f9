/* eslint-disable @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-assignment -- answers of every kind are looked into */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { startTestApiServer, type TestApiServer } from '../helpers/api-server.ts'
import { eventually } from '../helpers/eventually.ts'
import { type Output, type Tools, tools } from '../helpers/kubectl.ts'

const CRD = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    names: { plural: 'widgets', kind: 'Widget', shortNames: ['wd'] },
    scope: 'Namespaced',
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: { type: 'object', properties: { size: { type: 'integer', minimum: 1, description: 'How large it is.' } } },
            },
          },
        },
      },
    ],
  },
}

/** The tools that users have, against a server on a port, with nothing turned off. */
describe('the real kubectl and helm', () => {
  let server: TestApiServer
  let run: Tools
  before(async () => {
    server = await startTestApiServer()
    run = await tools(server.kubeconfig, server.folder)
    await ok('create', 'serviceaccount', 'default')
  })
  after(async () => server[Symbol.asyncDispose]())

  const kubectl = (...args: string[]): Promise<Output> => run.kubectl(args)
  const ok = async (...args: string[]): Promise<string> => checked(await kubectl(...args), args)
  const apply = async (object: object, ...args: string[]): Promise<string> =>
    checked(await run.kubectl(['apply', '-f', '-', ...args], { input: JSON.stringify(object) }), args)

  it('discover what there is', async () => {
    assert.match(await ok('version'), /Server Version: v1\.35\./)
    const resources = await ok('api-resources', '--no-headers')
    assert.ok(resources.split('\n').length > 55)
    assert.match(resources, /^deployments\s+deploy\s+apps\/v1\s+true\s+Deployment$/m)
    assert.match(await ok('api-versions'), /^autoscaling\/v2$/m)
    assert.match(await ok('explain', 'pod.spec.containers.image'), /FIELD: image <string>/)
    assert.match(await ok('explain', 'deploy', '--recursive'), /maxSurge\t<IntOrString>/)
    const explained = await ok('explain', 'deployment.spec.strategy')
    assert.match(
      explained,
      /^DESCRIPTION:\n\s+How pods of an old template give way to those of the new one\.\n\s+DeploymentStrategy describes/m,
    )
    for (const type of ['deployment', 'deployment.spec', 'deployment.spec.strategy', 'pod.spec.containers', 'service', 'node.status'])
      assert.doesNotMatch(await ok('explain', type), /<no description>/, type)
  })

  it('hear of what is on its way out, at every request', async () => {
    const warning = 'Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice'
    assert.equal((await kubectl('get', 'endpoints', '-A')).stderr.trim().split('\n')[0], warning)
    assert.match((await kubectl('get', 'componentstatuses')).stderr, /^Warning: v1 ComponentStatus is deprecated in v1\.19\+$/m)
    assert.equal((await kubectl('get', 'services', '-A')).stderr, '')
  })

  it('see flow schemas in the order in which they are matched, each with its priority level', async () => {
    await ok('wait', '--for=condition=Dangling=false', 'flowschema', '--all', '--timeout=10s')
    const rows = (await ok('get', 'flowschemas', '--no-headers')).trim().split('\n')
    assert.deepEqual(rows.map((row) => row.split(/\s+/)[0]).slice(0, 3), ['exempt', 'probes', 'system-leader-election'])
    assert.match(rows.at(-1) ?? '', /^catch-all .* False$/)
  })

  it('create, change, show and delete', async () => {
    assert.match(await ok('create', 'deployment', 'web', '--image=nginx:1', '--replicas=2'), /deployment\.apps\/web created/)
    assert.match(await ok('get', 'deploy', 'web'), /^NAME\s+READY\s+UP-TO-DATE\s+AVAILABLE\s+AGE\nweb\s+0\/2\s+0\s+0\s+\d+s\n$/)
    await ok('scale', 'deployment', 'web', '--replicas=4')
    await ok('set', 'image', 'deployment/web', 'nginx=nginx:2')
    await ok('label', 'deployment', 'web', 'tier=front')
    await ok('annotate', 'deployment', 'web', 'note=it is here')
    await ok('patch', 'deployment', 'web', '--type=json', '-p', '[{"op":"add","path":"/spec/minReadySeconds","value":3}]')
    assert.match(await ok('expose', 'deployment', 'web', '--port=80', '--type=NodePort'), /service\/web exposed/)
    const object = JSON.parse(await ok('get', 'deployment', 'web', '-o', 'json'))
    assert.deepEqual(
      [object.spec.replicas, object.spec.minReadySeconds, object.metadata.labels.tier, object.metadata.generation],
      [4, 3, 'front', 5],
    )
    assert.match(await ok('describe', 'deployment', 'web'), /Image:\s+nginx:2/)
    assert.match(await ok('get', 'deployment', 'web', '-o', 'yaml'), /^apiVersion: apps\/v1\nkind: Deployment\n/)
    assert.match(await ok('get', 'all', '-l', 'tier=front', '-o', 'name'), /^deployment\.apps\/web$/m)
    assert.match(await ok('delete', 'deployment,service', 'web'), /deployment\.apps "web" deleted/)
  })

  it('apply, and apply again', async () => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', labels: { app: 'p' } },
      spec: { containers: [{ name: 'c', image: 'busybox', env: [{ name: 'A', value: '1' }] }] },
    }
    assert.match(await apply(pod), /pod\/p created/)
    assert.match(await apply(pod), /pod\/p unchanged/)
    const changed = { ...pod, metadata: { ...pod.metadata, labels: { app: 'q' } } }
    const diff = await run.kubectl(['diff', '-f', '-'], { input: JSON.stringify(changed) })
    assert.equal(diff.code, 1, diff.stderr)
    assert.match(diff.stdout, /^\+ {4}app: q$/m)
    assert.match(await apply(changed), /pod\/p configured/)
    assert.match(await apply(changed, '--server-side', '--force-conflicts'), /pod\/p serverside-applied/)
    assert.match(await apply(changed, '--dry-run=server'), /pod\/p (unchanged|configured) \(server dry run\)/)
    const strict = await run.kubectl(['apply', '-f', '-'], { input: JSON.stringify({ ...pod, spec: { ...pod.spec, nope: 1 } }) })
    assert.match(strict.stderr, /strict decoding error: unknown field "spec\.nope"/)
    const immutable = await run.kubectl(['apply', '-f', '-'], {
      input: JSON.stringify({ ...changed, spec: { containers: [{ name: 'c', image: 'busybox', env: [] }] } }),
    })
    assert.match(immutable.stderr, /The Pod "p" is invalid: spec: Forbidden: pod updates may not change fields other than/)
    const edited = await run.kubectl(['edit', 'pod', 'p'], { env: { EDITOR: 'sed -i s/app:/edited:/' } })
    assert.match(edited.stdout, /pod\/p edited/, edited.stderr)
    await ok('delete', 'pod', 'p', '--wait=true')
  })

  it('watch', async () => {
    const lines: string[] = []
    const child = spawn(
      join(new URL('../../node_modules/.cache/k3ts-tools/', import.meta.url).pathname, 'kubectl'),
      ['get', 'cm', '-w', '-l', 'seen=yes', '--no-headers'],
      {
        env: { KUBECONFIG: server.kubeconfig, HOME: server.folder },
      },
    )
    child.stdout.setEncoding('utf8').on('data', (text: string) => lines.push(...text.split('\n').filter((line) => line !== '')))
    try {
      await apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'w', labels: { seen: 'yes' } } })
      await eventually(() => assert.equal(lines.length, 1))
      await ok('patch', 'cm', 'w', '-p', '{"data":{"a":"b"}}')
      await eventually(() => assert.match(lines.at(-1) ?? '', /^w\s+1\s/))
      await ok('delete', 'cm', 'w')
      await eventually(() => assert.equal(lines.length, 3))
    } finally {
      child.kill()
    }
  })

  it('watch over a WebSocket, as browsers do', async () => {
    const { certificatePem: cert, keyPem: key } = server.pki.leafs.get('client-admin')
    const ca = server.pki.authorities['server-ca'].certificatePem
    const url = `wss://127.0.0.1:${server.port}/api/v1/namespaces/default/configmaps?watch=true&labelSelector=web%3Dsocket`
    const socket = new WebSocket(url, { cert, key, ca })
    const events: string[] = []
    socket.on('message', (data: Buffer) => events.push((JSON.parse(data.toString()) as { type: string }).type))
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    await apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'ws', labels: { web: 'socket' } } })
    await ok('delete', 'cm', 'ws')
    await eventually(() => assert.deepEqual(events, ['ADDED', 'DELETED']))
    socket.close()
    await new Promise((resolve) => socket.once('close', resolve))
  })

  it('show the health of the parts', async () => {
    assert.match(await ok('get', 'componentstatuses'), /^etcd-0\s+Healthy\s+ok/m)
    assert.match(await ok('get', '--raw', '/readyz?verbose'), /\[\+\]etcd ok/)
    assert.match(await ok('get', '--raw', '/metrics'), /^apiserver_request_total\{.*resource="configmaps".*\} \d+$/m)
  })

  it('ask who they are and what they may do', async () => {
    assert.match(await ok('auth', 'whoami'), /Username\s+system:admin\n(.*\n)*.*credential-id\s+\[X509SHA256=[0-9a-f]{64}\]/)
    assert.equal(await ok('auth', 'can-i', 'delete', 'nodes'), 'yes\n')
    const refused = await kubectl('get', 'pods', '--as=jane')
    assert.match(
      refused.stderr,
      /^Error from server \(Forbidden\): pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default"/,
    )
    assert.match(await ok('create', 'token', 'default'), /^ey/)
  })

  it('use custom kinds', async () => {
    await apply(CRD)
    await ok('wait', '--for=condition=Established', 'crd/widgets.example.com', '--timeout=10s')
    const widget = { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'w1' }, spec: { size: 3 } }
    assert.match(await apply(widget), /widget\.example\.com\/w1 created/)
    assert.match(await ok('get', 'wd'), /^NAME\s+SIZE\nw1\s+3\n$/)
    assert.match(await ok('explain', 'widget.spec.size'), /How large it is\./)
    assert.match(
      (await kubectl('patch', 'widget', 'w1', '--type=merge', '-p', '{"spec":{"size":0}}')).stderr,
      /should be greater than or equal to 1/,
    )
    assert.match(await apply({ ...widget, spec: { size: 5 } }), /configured/)
    assert.match(await apply({ ...widget, spec: { size: 6 } }, '--server-side', '--force-conflicts'), /serverside-applied/)
    await ok('delete', 'crd', 'widgets.example.com')
    assert.notEqual((await kubectl('get', 'widgets')).code, 0)
  })

  it('page through many objects', async () => {
    const items = Array.from({ length: 60 }, (_, i) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: `many-${i}`, labels: { many: 'yes' } },
    }))
    await apply({ apiVersion: 'v1', kind: 'List', items }, '--server-side')
    const shown = await ok('get', 'cm', '-l', 'many=yes', '--chunk-size=7', '-o', 'name')
    assert.equal(shown.trim().split('\n').length, 60)
    await ok('delete', 'cm', '-l', 'many=yes', '--wait=false')
    assert.equal(await ok('get', 'cm', '-l', 'many=yes', '-o', 'name'), '')
  })

  it('delete namespaces that are finalized', async () => {
    await ok('create', 'namespace', 'short-lived')
    await ok('delete', 'namespace', 'short-lived', '--wait=false')
    const refused = await kubectl('create', 'cm', 'late', '-n', 'short-lived')
    assert.match(refused.stderr, /because it is being terminated/)
    const object = JSON.parse(await ok('get', 'ns', 'short-lived', '-o', 'json'))
    await writeFile(join(server.folder, 'ns.json'), JSON.stringify({ ...object, spec: { finalizers: [] } }))
    await ok('replace', '--raw', '/api/v1/namespaces/short-lived/finalize', '-f', join(server.folder, 'ns.json'))
    assert.match((await kubectl('get', 'ns', 'short-lived')).stderr, /NotFound/)
  })

  it('install, upgrade and remove a chart', async () => {
    const chart = join(server.folder, 'chart')
    await mkdir(join(chart, 'templates'), { recursive: true })
    await writeFile(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: demo\nversion: 0.1.0\n')
    await writeFile(join(chart, 'values.yaml'), 'text: one\n')
    const template =
      'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-demo\ndata:\n  text: {{ .Values.text | quote }}\n'
    await writeFile(join(chart, 'templates', 'map.yaml'), template)
    const helm = async (...args: string[]): Promise<string> => checked(await run.helm(args), args)
    assert.match(await helm('install', 'r1', chart), /STATUS: deployed/)
    assert.match(await helm('list'), /^r1\s+default\s+1\s/m)
    assert.match(await helm('upgrade', 'r1', chart, '--set', 'text=two'), /REVISION: 2/)
    assert.equal(await ok('get', 'cm', 'r1-demo', '-o', 'jsonpath={.data.text}'), 'two')
    assert.match(await helm('rollback', 'r1', '1'), /success/)
    assert.equal(await ok('get', 'cm', 'r1-demo', '-o', 'jsonpath={.data.text}'), 'one')
    assert.match(await helm('uninstall', 'r1'), /uninstalled/)
    assert.match((await kubectl('get', 'cm', 'r1-demo')).stderr, /NotFound/)
  })
})

function checked({ code, stdout, stderr }: Output, args: readonly string[]): string {
  assert.equal(code, 0, `${args.join(' ')}: ${stderr}`)
  return stdout
}
