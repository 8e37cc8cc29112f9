import { join } from 'node:path'
import { writeFileAtomic } from '../runtime/atomic-file.ts'
import { readOptional } from '../runtime/missing-file.ts'

/** What one component runs from, and why. */
export interface ImageChoice {
  /** Short name of the component's entry point, such as `coredns`. */
  readonly name: string
  readonly image: string
  readonly isUpstream: boolean
  readonly reason: string
  /** The reason is that of an earlier start, which stays in force. */
  readonly isKept?: boolean
}

interface Recorded {
  readonly basis: string
  readonly choices: readonly ImageChoice[]
}

const recordFile = (dataDir: string): string => join(dataDir, 'server', 'component-images.json')

/** What an earlier start chose on the same basis; nothing when the basis changed, or the file is none of ours. */
export async function readChoices(dataDir: string, basis: string): Promise<ReadonlyMap<string, ImageChoice>> {
  try {
    const recorded = JSON.parse((await readOptional(recordFile(dataDir))) ?? '{}') as Partial<Recorded>
    return new Map(recorded.basis === basis ? (recorded.choices ?? []).map((choice) => [choice.name, choice]) : [])
  } catch {
    return new Map() // damaged: everything is chosen afresh
  }
}

export async function rememberChoices(dataDir: string, basis: string, choices: readonly ImageChoice[]): Promise<void> {
  const text = `${JSON.stringify({ basis, choices: choices.map(recorded) }, null, 2)}\n`
  if ((await readOptional(recordFile(dataDir))) === text) return
  await writeFileAtomic(recordFile(dataDir), text)
}

const recorded = ({ name, image, isUpstream, reason }: ImageChoice): ImageChoice => ({ name, image, isUpstream, reason })
