/** What the generated containerd configuration depends on. */
export interface ContainerdOptions {
  /** Major and minor release: 1.6 and 1.7 read configuration version 2, 2.x reads version 3. */
  readonly release: { readonly major: number; readonly minor: number }
  readonly root: string
  readonly state: string
  readonly socket: string
  readonly pauseImage: string
  readonly snapshotter: string
  readonly systemdCgroup: boolean
  readonly selinux: boolean
  /** False where the machine withholds the right to lower the OOM score. */
  readonly canLowerOomScore: boolean
  readonly defaultRuntime: string
  /** Other OCI runtimes found on this machine: name to program path. */
  readonly runtimes: Readonly<Record<string, string>>
  readonly cniBinDirs: readonly string[]
  readonly cniConfDir: string
  readonly registryConfigDir: string
  readonly registryAuth: readonly RegistryAuthEntry[]
}

export interface RegistryAuthEntry {
  readonly host: string
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly auth?: string | undefined
  readonly identityToken?: string | undefined
}

const HEADER = '# Written by k3ts at each start. To change it, put a config.toml.tmpl (config-v3.toml.tmpl for containerd 2) beside it.\n'

type TomlValue = string | number | boolean | readonly string[]
interface Table {
  readonly path: readonly string[]
  readonly values: Readonly<Record<string, TomlValue | undefined>>
}

/** The whole of containerd's config.toml. Pure: same options, same text. */
export function containerdConfig(options: ContainerdOptions): string {
  const version = options.release.major >= 2 ? 3 : 2
  const top = { version, root: options.root, state: options.state, oom_score: options.canLowerOomScore ? -999 : undefined }
  const tables = [{ path: ['grpc'], values: { address: options.socket } }, ...(version === 3 ? tablesV3(options) : tablesV2(options))]
  return HEADER + [{ path: [], values: top }, ...tables].map(renderTable).join('\n')
}

const STREAMING = { stream_server_address: '127.0.0.1', stream_server_port: '0' }
const NETWORK = { enable_unprivileged_ports: true, enable_unprivileged_icmp: true }

function tablesV2(options: ContainerdOptions): readonly Table[] {
  const cri = ['plugins', 'io.containerd.grpc.v1.cri']
  return [
    {
      path: cri,
      values: {
        ...STREAMING,
        ...NETWORK,
        enable_selinux: options.selinux,
        restrict_oom_score_adj: !options.canLowerOomScore,
        sandbox_image: options.pauseImage,
        tolerate_missing_hugetlb_controller: true,
        disable_hugetlb_controller: true,
      },
    },
    {
      path: [...cri, 'containerd'],
      values: { snapshotter: options.snapshotter, disable_snapshot_annotations: true, default_runtime_name: options.defaultRuntime },
    },
    ...runtimeTables([...cri, 'containerd', 'runtimes'], options),
    { path: [...cri, 'cni'], values: { bin_dir: options.cniBinDirs[0] ?? '/opt/cni/bin', conf_dir: options.cniConfDir } },
    ...registryTables([...cri, 'registry'], options),
  ]
}

function tablesV3(options: ContainerdOptions): readonly Table[] {
  const runtime = ['plugins', 'io.containerd.cri.v1.runtime']
  const images = ['plugins', 'io.containerd.cri.v1.images']
  const manyBinDirs = options.release.major > 2 || options.release.minor >= 1
  const bin = manyBinDirs ? { bin_dirs: options.cniBinDirs } : { bin_dir: options.cniBinDirs[0] ?? '/opt/cni/bin' }
  return [
    { path: ['plugins', 'io.containerd.grpc.v1.cri'], values: STREAMING },
    { path: runtime, values: { ...NETWORK, enable_selinux: options.selinux, restrict_oom_score_adj: !options.canLowerOomScore } },
    { path: [...runtime, 'containerd'], values: { default_runtime_name: options.defaultRuntime } },
    ...runtimeTables([...runtime, 'containerd', 'runtimes'], options),
    { path: [...runtime, 'cni'], values: { ...bin, conf_dir: options.cniConfDir } },
    { path: images, values: { snapshotter: options.snapshotter, disable_snapshot_annotations: true } },
    { path: [...images, 'pinned_images'], values: { sandbox: options.pauseImage } },
    ...registryTables([...images, 'registry'], options),
  ]
}

function runtimeTables(path: readonly string[], options: ContainerdOptions): readonly Table[] {
  const programs = { runc: undefined, ...options.runtimes }
  return Object.entries(programs).flatMap(([name, program]) => [
    { path: [...path, name], values: { runtime_type: 'io.containerd.runc.v2' } },
    { path: [...path, name, 'options'], values: { SystemdCgroup: options.systemdCgroup, BinaryName: program } },
  ])
}

function registryTables(path: readonly string[], options: ContainerdOptions): readonly Table[] {
  const auth = options.registryAuth.map((entry) => ({
    path: [...path, 'configs', entry.host, 'auth'],
    values: { username: entry.username, password: entry.password, auth: entry.auth, identitytoken: entry.identityToken },
  }))
  return [{ path, values: { config_path: options.registryConfigDir } }, ...auth]
}

function renderTable({ path, values }: Table): string {
  const head = path.length === 0 ? '' : `[${path.map(renderKey).join('.')}]\n`
  const lines = Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [`${renderKey(key)} = ${renderValue(value)}\n`],
  )
  return head + lines.join('')
}

const renderKey = (key: string): string => (/^[A-Za-z0-9_-]+$/.test(key) ? key : tomlString(key))

function renderValue(value: TomlValue): string {
  if (typeof value === 'string') return tomlString(value)
  if (typeof value === 'object') return `[${value.map(tomlString).join(', ')}]`
  return String(value)
}

/** TOML's basic string; JSON's escapes are a subset of TOML's. */
export const tomlString = (text: string): string => JSON.stringify(text).replaceAll('\u007f', '\\u007f')
