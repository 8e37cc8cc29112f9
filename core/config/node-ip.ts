import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'

/** IPv4 address of an interface; undefined when it has none or is not there. */
export function interfaceIp(name: string): string | undefined {
  return networkInterfaces()[name]?.find((item) => item.family === 'IPv4')?.address
}

/** IPv4 address of the interface with the default route, else the first that is not loopback; undefined when there is none. */
export function detectNodeIp(): string | undefined {
  const interfaces = networkInterfaces()
  const addressOf = (name: string): string | undefined =>
    interfaces[name]?.find((item) => item.family === 'IPv4' && !item.internal)?.address
  const preferred = defaultRouteInterface()
  const names = preferred === undefined ? Object.keys(interfaces) : [preferred, ...Object.keys(interfaces)]
  for (const name of names) {
    const found = addressOf(name)
    if (found !== undefined) return found
  }
  return undefined
}

/** Interface of the route to 0.0.0.0/0 with the lowest metric. */
function defaultRouteInterface(): string | undefined {
  try {
    const routes = readFileSync('/proc/net/route', 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.split('\t'))
    const defaults = routes.filter((columns) => columns[1] === '00000000' && columns[7] === '00000000')
    return defaults.sort((a, b) => Number(a[6]) - Number(b[6]))[0]?.[0]
  } catch {
    // not Linux: the first address serves
    return undefined
  }
}
