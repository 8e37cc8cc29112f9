import { spawn } from 'node:child_process'

/** Runs a script as one transaction: all of it or nothing. Rejects with nft's own words. */
export type NftRunner = (script: string) => Promise<void>

/** `command` may carry a prefix, such as `ip netns exec NAME nft`. */
export function nftRunner(command: readonly string[] = ['nft']): NftRunner {
  const [program = 'nft', ...prefix] = command
  return (script) =>
    new Promise((resolve, reject) => {
      const child = spawn(program, [...prefix, '-f', '-'], { stdio: ['pipe', 'ignore', 'pipe'] })
      let problem = ''
      child.stderr.setEncoding('utf8').on('data', (text: string) => (problem += text))
      child.on('error', (err) => reject(new Error(`cannot run nft: ${err.message}; install the package nftables`)))
      child.on('close', (code) => {
        if (code === 0) resolve()
        else reject(new Error(`nft refused the rules: ${problem.trim().slice(0, 2_000)}`))
      })
      child.stdin.on('error', () => undefined)
      child.stdin.end(script)
    })
}
