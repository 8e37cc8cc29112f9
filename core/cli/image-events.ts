import { ADDON_NAMESPACE, addons } from '../../controllers/manifests/types.ts'
import type { Client } from '../client/client.ts'
import type { EventRecorder } from '../client/recorder.ts'
import { ignoreNotFound } from '../meta/status-error.ts'
import type { ServerConfig } from '../config/config.ts'
import type { ImageChoice } from './image-record.ts'
import { manifestsWith } from './staging.ts'

const REASON = 'ComponentImage'

/** Such as `coredns runs from rancher/…:1.12.3: registry-1.docker.io has it`. */
function choiceText({ name, image, reason, isKept }: ImageChoice): string {
  return `${name} runs from ${image}: ${reason}${isKept === true ? ' (chosen at an earlier start and kept)' : ''}`
}

/** One event for each component: about the Addon that brings it, or about the node for what belongs to no manifest. */
export async function tellChoices(
  choices: readonly ImageChoice[],
  { client, recorder, config }: { readonly client: Client; readonly recorder: EventRecorder; readonly config: ServerConfig },
  signal: AbortSignal,
): Promise<void> {
  for (const choice of choices) {
    const files = manifestsWith(choice.name, config)
    for (const file of files) {
      const addon = await ignoreNotFound(client.get(addons, { namespace: ADDON_NAMESPACE, name: addonName(file) }, signal))
      if (addon !== undefined) recorder.event(addon, 'Normal', REASON, choiceText(choice))
    }
    if (files.length > 0 || config.disableAgent) continue
    const { nodeName } = config.agent
    // The node may not be registered yet; its events name it by its name, as those of the kubelet do.
    recorder.event({ apiVersion: 'v1', kind: 'Node', name: nodeName, uid: nodeName }, 'Normal', REASON, choiceText(choice))
  }
}

/** Packaged files lie in one folder and have plain names. */
const addonName = (file: string): string => file.replace(/\..*$/, '')
