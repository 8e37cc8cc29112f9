import { Duplex } from 'node:stream'
import {
  CANCEL,
  dataHead,
  type Frame,
  FrameReader,
  goAwayFrame,
  MAX_DATA_BYTES,
  pingFrame,
  REFUSED_STREAM,
  rstFrame,
  SpdyProtocolError,
  synStreamFrame,
} from './frames.ts'
import { HeaderBlocks } from './header-blocks.ts'

/**
 * The client's side of one SPDY/3.1 connection to a runtime. Flow control is the connection's own: peers built on Go's
 * spdystream neither grant nor honour windows, so a stream that nobody reads stops the reading of the socket, and a socket that
 * is full stops the writing of all streams.
 */
export class SpdyClient {
  readonly #socket: Duplex
  readonly #reader = new FrameReader()
  readonly #headers = new HeaderBlocks()
  readonly #streams = new Map<number, SpdyStream>()
  readonly #unread = new Set<SpdyStream>()
  #waiting: (() => void)[] = []
  #nextId = 1
  #goingAway = false
  #failure: Error | undefined

  /** Takes an upgraded socket over; `head`: what came with the answer. */
  constructor(socket: Duplex, head: Buffer) {
    this.#socket = socket
    socket.on('drain', () => this.#release())
    socket.on('error', (err) => this.#fail(err))
    socket.on('end', () => this.#lose())
    socket.on('close', () => this.#lose())
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    if (head.length > 0) this.#take(head)
  }

  /** Why the connection broke; undefined while it is open, and after an orderly end. */
  get failure(): Error | undefined {
    return this.#failure
  }

  /** Number of streams that are open on either side. */
  get openStreams(): number {
    return this.#streams.size
  }

  /** Throws when the connection is closing. */
  open(headers: Readonly<Record<string, string>>): Duplex {
    if (this.#goingAway || this.#socket.destroyed) throw new Error('the connection to the container runtime is closed')
    const id = this.#nextId
    this.#nextId += 2
    const stream = new SpdyStream({
      send: (bytes, fin, sent) => this.#send(id, bytes, { fin, sent }),
      wanted: () => this.#resume(stream),
      closed: (clean) => this.#forget(id, stream, clean),
    })
    this.#streams.set(id, stream)
    this.#socket.write(synStreamFrame(id, this.#headers.write(headers)))
    return stream
  }

  /** Says goodbye; streams that are still open end. */
  close(): void {
    if (this.#socket.destroyed) return
    if (this.#socket.writable) this.#socket.end(goAwayFrame(0))
    this.#lose()
    this.#socket.destroy()
  }

  #send(id: number, bytes: Buffer, { fin, sent }: { readonly fin: boolean; readonly sent: () => void }): void {
    if (!this.#socket.writable) {
      sent()
      return
    }
    this.#socket.cork()
    for (let at = 0; at < bytes.length; at += MAX_DATA_BYTES) {
      const piece = bytes.subarray(at, at + MAX_DATA_BYTES)
      this.#socket.write(dataHead(id, piece.length, false))
      this.#socket.write(piece)
    }
    if (fin) this.#socket.write(dataHead(id, 0, true))
    this.#socket.uncork()
    if (this.#socket.writableNeedDrain) this.#waiting.push(sent)
    else sent()
  }

  #release(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const sent of waiting) sent()
  }

  #take(chunk: Buffer): void {
    try {
      for (const frame of this.#reader.read(chunk)) this.#handle(frame)
    } catch (err) {
      if (!(err instanceof SpdyProtocolError)) throw err
      this.#fail(err)
      this.#socket.destroy()
    }
  }

  #handle(frame: Frame): void {
    switch (frame.kind) {
      case 'ping':
        // Odd ones would be answers to ours, and there are none.
        if (frame.id % 2 === 0) this.#socket.write(pingFrame(frame.id))
        return
      case 'goAway':
        this.#goingAway = true
        return
      case 'synStream':
        this.#socket.write(rstFrame(frame.stream, REFUSED_STREAM))
        return
      case 'rst':
        this.#streams.get(frame.stream)?.reset()
        return
      case 'synReply':
      case 'headers':
        if (frame.fin) this.#streams.get(frame.stream)?.deliver(undefined)
        return
      case 'data':
        this.#deliver(frame.stream, frame.bytes, frame.fin)
    }
  }

  /** Data for a stream that is closed or was never opened is thrown away. */
  #deliver(id: number, bytes: Buffer, fin: boolean): void {
    const stream = this.#streams.get(id)
    if (stream === undefined) return
    if (bytes.length > 0 && !stream.deliver(bytes)) {
      this.#unread.add(stream)
      this.#socket.pause()
    }
    if (fin) stream.deliver(undefined)
  }

  #resume(stream: SpdyStream): void {
    if (this.#unread.delete(stream) && this.#unread.size === 0) this.#socket.resume()
  }

  #forget(id: number, stream: SpdyStream, clean: boolean): void {
    this.#streams.delete(id)
    this.#resume(stream)
    if (!clean && this.#socket.writable) this.#socket.write(rstFrame(id, CANCEL))
  }

  #fail(err: Error): void {
    this.#failure ??= err
    this.#lose()
  }

  #lose(): void {
    this.#goingAway = true
    this.#release()
    for (const stream of [...this.#streams.values()]) stream.reset()
  }
}

interface Link {
  send(bytes: Buffer, fin: boolean, sent: () => void): void
  /** The reader has taken what there was. */
  wanted(): void
  /** `clean`: both sides know that the stream is over. */
  closed(clean: boolean): void
}

class SpdyStream extends Duplex {
  readonly #link: Link
  #over = false
  #ended = false

  constructor(link: Link) {
    super({ allowHalfOpen: true, emitClose: true })
    this.#link = link
    // NOTE: a reset shows as the end of reading and as a failed write; nobody has to listen for more.
    this.on('error', () => undefined)
  }

  /** Undefined: the end. False: it is enough for now. */
  deliver(bytes: Buffer | undefined): boolean {
    if (this.#ended || this.destroyed) return true
    if (bytes === undefined) this.#ended = true
    return this.push(bytes ?? null)
  }

  /** The other side wants no more and sends no more. What came before is still read. */
  reset(): void {
    this.#over = true
    this.deliver(undefined)
    if (!this.writableEnded && !this.destroyed) this.end()
  }

  override _read(): void {
    this.#link.wanted()
  }

  override _write(chunk: Buffer, _encoding: string, done: (err?: Error | null) => void): void {
    if (this.#over) done()
    else this.#link.send(chunk, false, () => done())
  }

  override _final(done: (err?: Error | null) => void): void {
    if (this.#over) done()
    else this.#link.send(Buffer.alloc(0), true, () => done())
  }

  override _destroy(err: Error | null, done: (err?: Error | null) => void): void {
    this.#link.closed(this.#over || (this.#ended && this.writableFinished))
    done(err)
  }
}
