import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ContainerdOptions, containerdConfig } from './config-toml.ts'
import { applyTemplate } from './template.ts'

const options = (release: ContainerdOptions['release']): ContainerdOptions => ({
  release,
  root: '/data/containerd',
  state: '/run/x',
  socket: '/run/x/containerd.sock',
  pauseImage: 'rancher/mirrored-pause:3.10',
  snapshotter: 'overlayfs',
  systemdCgroup: false,
  selinux: false,
  canLowerOomScore: true,
  defaultRuntime: 'runc',
  runtimes: { crun: '/usr/bin/crun' },
  cniBinDirs: ['/opt/cni/bin', '/usr/lib/cni'],
  cniConfDir: '/data/etc/cni/net.d',
  registryConfigDir: '/data/certs.d',
  registryAuth: [{ host: 'r.example:5000', username: 'u', password: 'p"w' }],
})

describe('containerdConfig', () => {
  it('writes version 2 for containerd 1.6', () => {
    const text = containerdConfig(options({ major: 1, minor: 6 }))
    assert.match(text, /^version = 2$/m)
    assert.match(text, /^\[plugins\."io\.containerd\.grpc\.v1\.cri"\]$/m)
    assert.match(text, /^sandbox_image = "rancher\/mirrored-pause:3\.10"$/m)
    assert.match(text, /^bin_dir = "\/opt\/cni\/bin"$/m)
    assert.match(text, /^BinaryName = "\/usr\/bin\/crun"$/m)
    assert.match(text, /^\[plugins\."io\.containerd\.grpc\.v1\.cri"\.registry\.configs\."r\.example:5000"\.auth\]$/m)
    assert.match(text, /^password = "p\\"w"$/m)
  })

  it('writes version 3 for containerd 2.x', () => {
    const text = containerdConfig(options({ major: 2, minor: 1 }))
    assert.match(text, /^version = 3$/m)
    assert.match(text, /^\[plugins\."io\.containerd\.cri\.v1\.images"\.pinned_images\]\nsandbox = "rancher\/mirrored-pause:3\.10"$/m)
    assert.match(text, /^bin_dirs = \["\/opt\/cni\/bin", "\/usr\/lib\/cni"\]$/m)
    assert.doesNotMatch(text, /sandbox_image/)
  })

  it('names one plugin folder for containerd 2.0, which knows no list', () => {
    assert.match(containerdConfig(options({ major: 2, minor: 0 })), /^bin_dir = "\/opt\/cni\/bin"$/m)
  })
})

describe('applyTemplate', () => {
  it('puts the generated text in place of the base action', () => {
    assert.equal(applyTemplate('{{ template "base" . }}\n[debug]\n', 'version = 2 # $&\n'), 'version = 2 # $&\n\n[debug]\n')
  })
  it('lets a template without the base action replace everything', () => {
    assert.equal(applyTemplate('version = 2\n', 'other'), 'version = 2\n')
  })
  it('refuses actions that it does not know', () => {
    assert.throws(() => applyTemplate('{{ .NodeConfig.Foo }}', ''), /\.NodeConfig\.Foo/)
  })
})
