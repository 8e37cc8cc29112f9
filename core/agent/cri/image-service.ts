import type { GrpcChannel } from './channel.ts'
import { type ImageMessage, toImage } from './convert.ts'
import { grpcMethod } from './messages.ts'
import type { FilesystemUse, ImageSpec, RegistryAuth, RuntimeImage, SandboxConfig } from './types.ts'

/** The image half of CRI. Every method rejects with CriError. */
export interface ImageService {
  listImages(signal: AbortSignal): Promise<readonly RuntimeImage[]>
  /** Undefined when the image is not on this node. */
  imageStatus(spec: ImageSpec, signal: AbortSignal): Promise<RuntimeImage | undefined>
  /** Returns the reference under which containers are created. Takes as long as the registry needs. */
  pullImage(request: PullImage, signal: AbortSignal): Promise<string>
  removeImage(spec: ImageSpec, signal: AbortSignal): Promise<void>
  imageFilesystems(signal: AbortSignal): Promise<readonly FilesystemUse[]>
}

export interface PullImage {
  readonly image: ImageSpec
  readonly auth?: RegistryAuth | undefined
  readonly sandboxConfig?: SandboxConfig | undefined
}

const REQUEST_TIMEOUT_MS = 120_000

interface FilesystemMessage {
  readonly fsId?: { readonly mountpoint: string }
  readonly usedBytes?: { readonly value: number }
  readonly inodesUsed?: { readonly value: number }
}

export function createImageService(channel: GrpcChannel): ImageService {
  const call = <T>(name: string, request: object, signal: AbortSignal, timeoutMs = REQUEST_TIMEOUT_MS): Promise<T> =>
    channel.unary<T>(grpcMethod('runtime.v1.ImageService', name), request, { signal, timeoutMs })
  return {
    listImages: async (signal) => (await call<{ images: ImageMessage[] }>('ListImages', {}, signal)).images.map(toImage),
    imageStatus: async (image, signal) => {
      const answer = await call<{ image?: ImageMessage }>('ImageStatus', { image }, signal)
      return answer.image === undefined || answer.image.id === '' ? undefined : toImage(answer.image)
    },
    pullImage: async (request, signal) => (await call<{ imageRef: string }>('PullImage', request, signal, 0)).imageRef,
    removeImage: async (image, signal) => {
      await call<unknown>('RemoveImage', { image }, signal)
    },
    imageFilesystems: async (signal) =>
      (await call<{ imageFilesystems: FilesystemMessage[] }>('ImageFsInfo', {}, signal)).imageFilesystems.map((use) => ({
        mountpoint: use.fsId?.mountpoint ?? '',
        usedBytes: use.usedBytes?.value ?? 0,
        inodesUsed: use.inodesUsed?.value ?? 0,
      })),
  }
}
