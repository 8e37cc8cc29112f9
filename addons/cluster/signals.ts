/** Aborts on TERM or INT; a second signal ends the process at once. */
export function processSignal(): AbortSignal {
  const controller = new AbortController()
  let count = 0
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      count += 1
      if (count > 1) process.exit(1)
      controller.abort(new Error(`received ${name}`))
    })
  }
  return controller.signal
}
