/** One line of a container log as the runtime writes it: `<RFC 3339 nanoseconds> stdout|stderr F|P <text>`. Source: CRI logging format. */
export interface LogLine {
  readonly time: string
  readonly stream: 'stdout' | 'stderr'
  /** A part of a longer line: the rest follows in the next record, without a line break between. */
  readonly partial: boolean
  readonly text: Buffer
}

const SPACE = 0x20

/** Undefined for a line that is no log record. `line` comes without its line break. */
export function parseLogLine(line: Buffer): LogLine | undefined {
  const first = line.indexOf(SPACE)
  const second = line.indexOf(SPACE, first + 1)
  const third = line.indexOf(SPACE, second + 1)
  if (first <= 0 || second < 0) return undefined
  const stream = line.toString('latin1', first + 1, second)
  if (stream !== 'stdout' && stream !== 'stderr') return undefined
  const tag = line.toString('latin1', second + 1, third < 0 ? line.length : third)
  return {
    time: line.toString('latin1', 0, first),
    stream,
    partial: tag.split(':')[0] === 'P',
    text: third < 0 ? Buffer.alloc(0) : line.subarray(third + 1),
  }
}

export interface LogOptions {
  readonly follow: boolean
  /** Undefined: from the beginning. */
  readonly tailLines: number | undefined
  /** Records before this moment (milliseconds) are left out. */
  readonly sinceMs: number | undefined
  readonly timestamps: boolean
  readonly limitBytes: number | undefined
  readonly stream: 'All' | 'Stdout' | 'Stderr'
}

/** The bytes a client gets for a record; nothing for one it did not ask for. */
export function renderLine(line: LogLine, options: LogOptions): Buffer | undefined {
  if (options.stream !== 'All' && options.stream.toLowerCase() !== line.stream) return undefined
  if (options.sinceMs !== undefined && Date.parse(line.time) < options.sinceMs) return undefined
  const parts = [
    options.timestamps ? Buffer.from(`${line.time} `) : Buffer.alloc(0),
    line.text,
    line.partial && !options.timestamps ? Buffer.alloc(0) : Buffer.from('\n'),
  ]
  return Buffer.concat(parts)
}
