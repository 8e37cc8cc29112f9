import type { Clock } from '../../runtime/clock.ts'
import { createImageService, openGrpcChannel } from '../cri/index.ts'

const POLL_MS = 50

/**
 * Which of the images the runtime behind the socket holds. Waits up to `limitMs` for a runtime that is still starting; undefined
 * when it does not answer by then.
 */
export async function presentImages(
  images: readonly string[],
  { socket, limitMs, clock }: { readonly socket: string; readonly limitMs: number; readonly clock: Clock },
  signal: AbortSignal,
): Promise<ReadonlySet<string> | undefined> {
  const channel = openGrpcChannel({ path: socket })
  const service = createImageService(channel)
  const deadlineMs = clock.now() + limitMs
  try {
    for (;;) {
      try {
        const statuses = await Promise.all(images.map((image) => service.imageStatus({ image }, signal)))
        return new Set(images.filter((_, index) => statuses[index] !== undefined))
      } catch {
        signal.throwIfAborted()
        if (clock.now() >= deadlineMs) return undefined
      }
      await clock.sleep(POLL_MS, signal)
    }
  } finally {
    channel.close()
  }
}
