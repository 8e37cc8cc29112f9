import { childController } from '../../runtime/abort.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { RegistriesFile } from '../containerd/registries.ts'
import { parseImageName } from '../images/image-name.ts'
import type { RegistryClient } from './ask.ts'
import { type Endpoint, endpointsOf } from './endpoints.ts'

export interface ProbeOptions {
  readonly registries: RegistriesFile
  /** False: a mirrored registry itself is never asked. */
  readonly useDefaultEndpoint: boolean
  /** For all images together. */
  readonly limitMs: number
  readonly clock: Clock
}

/** `host` is who has the image; undefined: nobody, and `problem` says why. */
export type ProbeAnswer = { readonly host: string; readonly problem?: undefined } | { readonly host?: undefined; readonly problem: string }

/** Asks the registries of images whether a pull could work, without pulling; answers within the limit. Rejects only when the signal aborts. */
export async function probeImages(
  images: readonly string[],
  options: ProbeOptions,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ProbeAnswer>> {
  const clients = new Clients(options)
  try {
    const answers = images.map(async (image) => [image, await probe(image, clients, options, signal)] as const)
    return new Map(await Promise.all(answers))
  } finally {
    clients.close()
  }
}

/** One for each registry, shared by the images of it. */
class Clients {
  readonly #options: ProbeOptions
  readonly #open = new Map<string, Promise<readonly RegistryClient[]>>()

  constructor(options: ProbeOptions) {
    this.#options = options
  }

  of(registry: string): Promise<readonly RegistryClient[]> {
    const { registries, useDefaultEndpoint } = this.#options
    const known = this.#open.get(registry) ?? openAll(endpointsOf(registry, registries, useDefaultEndpoint))
    this.#open.set(registry, known)
    return known
  }

  close(): void {
    for (const opening of this.#open.values())
      opening.then(
        (clients) => {
          for (const client of clients) client.close()
        },
        () => undefined,
      )
  }
}

/** The HTTP library is loaded here: most starts ask nobody. */
async function openAll(endpoints: readonly Endpoint[]): Promise<readonly RegistryClient[]> {
  const { openRegistry } = await import('./ask.ts')
  return endpoints.map(openRegistry)
}

async function probe(image: string, clients: Clients, options: ProbeOptions, signal: AbortSignal): Promise<ProbeAnswer> {
  const name = parseImageName(image)
  if (typeof name === 'string') return { problem: `${image}: ${name}` }
  const problems: string[] = []
  try {
    const all = await clients.of(name.registry)
    for (const client of all) {
      const problem = await within(options.limitMs / all.length, { clock: options.clock, parent: signal }, (limited) =>
        client.lacks(name, limited),
      )
      if (problem === undefined) return { host: client.host }
      problems.push(`${client.host} ${problem}`)
    }
  } catch (err) {
    signal.throwIfAborted()
    problems.push((err as Error).message)
  }
  return { problem: problems.join('; ') }
}

/**
 * Each endpoint has its share of the time, so that a mirror that hangs does not hide the others. What is still under way then is
 * left behind, since the HTTP library lets go of a request only after the system's resolver has answered.
 */
async function within(
  limitMs: number,
  { clock, parent }: { readonly clock: Clock; readonly parent: AbortSignal },
  question: (signal: AbortSignal) => ReturnType<RegistryClient['lacks']>,
): Promise<string | undefined> {
  using limit = childController(parent)
  const late = clock.sleep(limitMs, limit.signal).then(
    () => `does not answer within ${limitMs / 1000} s`,
    () => undefined,
  )
  const answer = question(limit.signal)
  answer.catch(() => undefined)
  try {
    const outcome = await Promise.race([answer, late])
    parent.throwIfAborted()
    return outcome
  } finally {
    limit.abort(new Error('no longer of interest'))
  }
}
