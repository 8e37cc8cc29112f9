import { lookup, type LookupAddress, type LookupOptions } from 'node:dns'
import { Resolver } from 'node:dns/promises'
import { readFileSync } from 'node:fs'

type Callback = (err: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void

/** Codes with which a name server that is there says no. */
const ANSWERS = new Set(['ENOTFOUND', 'ENODATA', 'ESERVFAIL', 'EREFUSED'])

/**
 * The system's resolver, asked only when a name server answers: asked in vain it holds a thread of this process for half a minute,
 * and the end of the process with it. Names in the file of hosts need no name server.
 */
export function carefulLookup(hostname: string, options: LookupOptions, callback: Callback): void {
  const resolve = (): void => lookup(hostname, options, callback)
  if (isInHostsFile(hostname)) {
    resolve()
    return
  }
  new Resolver({ timeout: 1_000, tries: 2 }).resolve4(hostname).then(resolve, (err: unknown) => {
    if (ANSWERS.has((err as NodeJS.ErrnoException).code ?? '')) resolve()
    else callback(Object.assign(new Error(`no name server answers for ${hostname}`), { code: 'EAI_AGAIN' }), [])
  })
}

function isInHostsFile(hostname: string): boolean {
  try {
    const lines = readFileSync('/etc/hosts', 'utf8').split('\n')
    return lines.some((line) => line.replace(/#.*/, '').split(/\s+/).slice(1).includes(hostname))
  } catch {
    return false // no such file: name servers know all names
  }
}
