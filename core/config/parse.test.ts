import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { folderForEachTest } from '../../tests/helpers/temporary-folder.ts'
import { ConfigError, parseConfig } from './parse.ts'

const folder = folderForEachTest('config')

function parse(flags: Readonly<Record<string, string[]>> = {}, env: Readonly<Record<string, string>> = {}) {
  const all = { config: [join(folder.path, 'config.yaml')], 'node-ip': ['192.0.2.9'], ...flags }
  if (!('noFile' in flags)) writeFileSync(join(folder.path, 'config.yaml'), '', { flag: 'a' })
  return parseConfig({ command: 'server', flags: new Map(Object.entries(all)), env })
}

describe('configuration', () => {
  it('has the defaults of K3s', () => {
    const { config } = parse()
    assert.equal(config.clusterCidr, '10.42.0.0/16')
    assert.equal(config.clusterDns, '10.43.0.10')
    assert.equal(config.httpsPort, 6443)
    assert.equal(config.kubeconfig.mode, 0o600)
    assert.equal(config.advertiseAddress, '192.0.2.9')
    assert.equal(config.defaultLocalStoragePath, '/var/lib/rancher/k3ts/storage')
    assert.ok(Object.isFrozen(config.agent))
  })

  it('lets flags win over environment over file', () => {
    writeFileSync(join(folder.path, 'config.yaml'), 'data-dir: /file\nnode-name: from-file\nwrite-kubeconfig-mode: "0644"\n')
    const { config } = parse({ 'data-dir': ['/flag'] }, { K3TS_DATA_DIR: '/env', K3S_NODE_NAME: 'from-env' })
    assert.equal(config.dataDir, '/flag')
    assert.equal(config.agent.nodeName, 'from-env')
    assert.equal(config.kubeconfig.mode, 0o644)
  })

  it('prefers K3TS_ over K3S_ variables', () => {
    assert.equal(parse({}, { K3TS_NODE_NAME: 'a', K3S_NODE_NAME: 'b' }).config.agent.nodeName, 'a')
  })

  it('replaces lists by later files and appends with key+', () => {
    writeFileSync(join(folder.path, 'config.yaml'), 'disable: [traefik]\ntls-san: [a]\n')
    mkdirSync(join(folder.path, 'config.yaml.d'))
    writeFileSync(join(folder.path, 'config.yaml.d/10.yaml'), 'disable+: [servicelb]\ntls-san: [b]\n')
    const { config } = parse()
    assert.deepEqual(config.disable, ['traefik', 'servicelb'])
    assert.deepEqual(config.tlsSans, ['b'])
  })

  it('takes comma lists and replaces the list of the file by that of the command line', () => {
    writeFileSync(join(folder.path, 'config.yaml'), 'disable: [coredns]\n')
    assert.deepEqual(parse({ disable: ['traefik,servicelb', 'ccm'] }).config.disable, ['traefik', 'servicelb', 'ccm'])
  })

  it('keeps secrets out of the record', () => {
    const { config, secrets } = parse({ token: ['hunter2'] })
    assert.equal(secrets.token, 'hunter2')
    assert.ok(!JSON.stringify(config).includes('hunter2'))
  })

  it('refuses keys that nobody knows, and keys that K3s knows and this version does not', () => {
    writeFileSync(join(folder.path, 'config.yaml'), 'nonsense: 1\n')
    assert.throws(() => parse(), /config\.yaml: unknown key "nonsense"; `k3ts server --help` lists/)
    writeFileSync(join(folder.path, 'config.yaml'), 'cluster-init: true\n')
    assert.throws(() => parse(), /"cluster-init" is not supported/)
    writeFileSync(join(folder.path, 'config.yaml'), 'secrets-encryption: true\n')
    assert.throws(() => parse(), /"secrets-encryption" is not supported/)
  })

  it('takes flags of K3s that have nothing to act on with a warning', () => {
    const file = join(folder.path, 'config.yaml')
    writeFileSync(file, 'etcd-expose-metrics: true\nkube-proxy-arg: [metrics-bind-address=0.0.0.0]\n')
    assert.deepEqual(parse({ 'disable-apiserver-lb': [''] }).warnings, [
      '--disable-apiserver-lb has no effect: there is one API server',
      `${file}: "etcd-expose-metrics" has no effect: there is no etcd`,
      '--kube-proxy-arg: "metrics-bind-address" has no effect in k3ts',
    ])
  })

  it('takes the address of an interface that is named', () => {
    const file = join(folder.path, 'config.yaml')
    const named = (iface: string) => {
      writeFileSync(file, `flannel-iface: ${iface}\n`)
      return parseConfig({ command: 'server', flags: new Map([['config', [file]]]), env: {} })
    }
    assert.equal(named('lo').config.agent.nodeIp, '127.0.0.1')
    assert.throws(() => named('nosuch0'), /--flannel-iface: this machine has no interface "nosuch0" with an IPv4 address/)
  })

  it('refuses values of the wrong shape by file and key', () => {
    const shapes = [
      ['node-name: {a: b}', /"node-name" takes one value, not a map/],
      ['https-listen-port: [1, 2]', /"https-listen-port" takes one value, not a list/],
      ['disable: {a: b}', /"disable" takes a list of values, not a map/],
      ['disable: [[a]]', /"disable" takes a list of values/],
      ['node-name:', /"node-name" has no value/],
    ] as const
    for (const [text, want] of shapes) {
      writeFileSync(join(folder.path, 'config.yaml'), `${text}\n`)
      assert.throws(() => parse(), want)
    }
  })

  it('refuses networks that do not go together', () => {
    assert.throws(() => parse({ 'cluster-cidr': ['10.43.128.0/17'] }), /--cluster-cidr 10\.43\.128\.0\/17 and --service-cidr .* overlap/)
    assert.throws(() => parse({ 'cluster-dns': ['1.2.3.4'] }), /--cluster-dns: 1\.2\.3\.4 is not in --service-cidr 10\.43\.0\.0\/16/)
  })

  it('reads the token from a file and says what is wrong with it', () => {
    const file = join(folder.path, 'token')
    writeFileSync(file, ' hunter2\n')
    assert.equal(parse({ 'token-file': [file] }).secrets.token, 'hunter2')
    writeFileSync(file, '\n')
    assert.throws(() => parse({ 'token-file': [file] }), /--token-file: .*token holds no token/)
    assert.throws(() => parse({ 'token-file': ['/absent'] }), /--token-file: cannot read \/absent/)
    assert.throws(() => parse({ token: ['a b'] }), /--token: a token has no spaces/)
  })

  it('reports all problems together', () => {
    const problems = ((): readonly string[] => {
      try {
        parse({ 'https-listen-port': ['70000'], 'cluster-cidr': ['nope'], 'bind-address': ['x'], 'component-images': ['y'] })
      } catch (err) {
        if (err instanceof ConfigError) return err.problems
      }
      return []
    })()
    assert.equal(problems.length, 4)
    assert.match(problems.join('\n'), /--cluster-cidr: "nope" is not a network/)
  })

  it('says which line of a broken file is wrong', () => {
    writeFileSync(join(folder.path, 'config.yaml'), 'a: [1\nb: 2\n')
    assert.throws(() => parse(), /config\.yaml: /)
  })

  it('refuses an explicit file that does not exist', () => {
    assert.throws(() => parse({ config: [join(folder.path, 'absent.yaml')], noFile: [] }), /cannot read the configuration file/)
  })
})
