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

  it('warns about unknown keys and refuses keys that K3s knows and this version does not', () => {
    writeFileSync(join(folder.path, 'config.yaml'), 'nonsense: 1\n')
    assert.match(parse().warnings[0] ?? '', /unknown key "nonsense"/)
    writeFileSync(join(folder.path, 'config.yaml'), 'cluster-init: true\n')
    assert.throws(() => parse(), /"cluster-init" is not supported/)
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
