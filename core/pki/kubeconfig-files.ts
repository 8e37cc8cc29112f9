import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type WriteFileOptions, writeFileAtomic } from '../runtime/atomic-file.ts'
import { readOptional } from '../runtime/missing-file.ts'
import type { Identity } from './authority.ts'
import { kubeconfigText } from './kubeconfig.ts'

/** Kubeconfigs below `server/cred` and the leaf each one names. Source: K3s, files under the data directory. */
const CRED_FILES = {
  'admin.kubeconfig': 'client-admin',
  'supervisor.kubeconfig': 'client-supervisor',
  'controller.kubeconfig': 'client-controller',
  'scheduler.kubeconfig': 'client-scheduler',
  'api-server.kubeconfig': 'client-kube-apiserver',
  'cloud-controller.kubeconfig': 'client-k3ts-cloud-controller',
} as const

/** Writes the kubeconfigs of the server's own parts; they name files, so renewals need no change. */
export async function writeCredKubeconfigs(dataDir: string, server: string): Promise<void> {
  const tls = join(dataDir, 'server', 'tls')
  await Promise.all(
    Object.entries(CRED_FILES).map(async ([file, leaf]) => {
      const [certificate, key] = [join(tls, `${leaf}.crt`), join(tls, `${leaf}.key`)]
      const text = kubeconfigText({ server, credentials: { kind: 'files', authority: join(tls, 'server-ca.crt'), certificate, key } })
      await writeIfChanged(join(dataDir, 'server', 'cred', file), text)
    }),
  )
}

export interface AdminKubeconfigOptions {
  readonly path: string
  readonly server: string
  readonly contextName: string
  readonly authorityPem: string
  readonly identity: Identity
  readonly file: WriteFileOptions
}

/** Writes the kubeconfig users take: everything inside, so it is written again when its certificate is renewed. */
export async function writeAdminKubeconfig(options: AdminKubeconfigOptions): Promise<void> {
  const { path, server, contextName, authorityPem, identity, file } = options
  // NOTE: the file's own mode decides who may read it, not the folder's.
  await mkdir(dirname(path), { recursive: true, mode: 0o755 })
  await writeFileAtomic(path, kubeconfigText({ server, contextName, credentials: { kind: 'inline', authorityPem, identity } }), file)
}

async function writeIfChanged(path: string, text: string): Promise<void> {
  if ((await readOptional(path)) !== text) await writeFileAtomic(path, text)
}
