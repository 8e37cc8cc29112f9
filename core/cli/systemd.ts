import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Tells systemd that the service is up, when it asked to be told. Node has no datagram sockets, so its own tool sends. */
export async function notifySystemd(socket: string | undefined): Promise<void> {
  if (socket === undefined) return
  await promisify(execFile)('systemd-notify', ['--ready']).catch(() => undefined)
}
