/**
 * Stream sockets: connections over TCP or between Unix sockets, and those who listen
 * for them (tcp_usrreq.c, uipc_usrreq.c). A connection is made in a callout, so who
 * begins one sees it stand, or be refused, a moment later.
 *
 * Closing tells the peer as the real ones do: a Unix peer can neither send nor receive
 * any more; a TCP peer comes to its end of file, or is reset when what it sent was not
 * read, or when it goes on sending.
 */
import { Callout } from '../core/callout.js'
import type { Kernel } from '../core/kernel.js'
import {
  EAGAIN,
  EALREADY,
  ECONNREFUSED,
  ECONNRESET,
  EINVAL,
  EISCONN,
  ENOTCONN,
  EPIPE,
  fail,
  KqueueError,
} from '../errors.js'
import type { Address, Addresses } from './addresses.js'
import { Bytes } from './bytes.js'
import { type MessageOptions, SEND_LOWAT, SOCKET_BUFFER, Socket } from './socket.js'

/** What streams need of the kernel. */
export interface StreamKernel extends Kernel {
  readonly addresses: Addresses
}

export class StreamSocket extends Socket {
  /** What the peer has sent. */
  readonly #received = new Bytes()
  #peer: StreamSocket | null = null
  /** Connected now, or it was. */
  #connected = false
  /** Connections that wait to be accepted; null: it does not listen. */
  #queue: StreamSocket[] | null = null
  #backlog = 0
  /** The out-of-band byte; null when there is none, or it has been read. */
  #urgentByte: number | null = null
  /** Bytes before the place of the out-of-band byte, -1 when reading is past it. */
  #mark = -1
  readonly #connecting: Callout
  #destination: Address | undefined

  constructor(
    readonly kernel: StreamKernel,
    override readonly kind: 'tcp' | 'unix',
  ) {
    super(kind, kernel.addresses)
    this.#connecting = new Callout(() => this.#establish())
  }

  /** Makes two sockets a connection. socketpair(2). */
  join(peer: StreamSocket): void {
    this.#peer = peer
    peer.#peer = this
    this.#connected = peer.#connected = true
  }

  // What the filters ask

  get incoming(): number {
    return this.#queue === null ? this.#received.length : this.#queue.length
  }

  get pending(): boolean {
    return this.incoming > 0
  }

  get space(): number {
    return this.#peer === null ? SOCKET_BUFFER : SOCKET_BUFFER - this.#peer.#received.length
  }

  get drained(): boolean {
    return this.#peer === null || this.#peer.#received.length === 0
  }

  get ready(): boolean {
    return this.#connected
  }

  get lowat(): number {
    return SEND_LOWAT
  }

  override get listening(): boolean {
    return this.#queue !== null
  }

  override get urgent(): boolean {
    return this.#mark >= 0
  }

  // Connecting

  override listen(backlog: number): void {
    if (this.#connected || this.#connecting.scheduled) fail(EINVAL, 'listen', 'it is connected')
    if (this.address === undefined) this.bind(undefined)
    this.#queue ??= []
    this.#backlog = Math.max(1, backlog)
  }

  override accept(): Socket {
    if (this.#queue === null) return super.accept()
    const accepted = this.#queue.shift()
    if (accepted === undefined) fail(EAGAIN, 'accept', 'no connection waits')
    return accepted
  }

  /** @throws KqueueError EISCONN, EALREADY; EINVAL it listens */
  override connect(address: Address): void {
    if (this.#queue !== null) fail(EINVAL, 'connect', 'it listens')
    if (this.#connected) throw new KqueueError(EISCONN, 'connect')
    if (this.#connecting.scheduled) throw new KqueueError(EALREADY, 'connect')
    this.#destination = address
    this.kernel.schedule(this.#connecting, this.kernel.uptime())
  }

  /**
   * Connects at once.
   * @throws KqueueError ECONNREFUSED nobody listens there, or too many wait
   */
  connectNow(address: Address): void {
    this.connect(address)
    this.kernel.callouts.cancel(this.#connecting)
    this.#establish()
    this.throwError('connect')
  }

  #establish(): void {
    const listener = this.addresses.find(this.kind, this.#destination!)
    const accepts = listener instanceof StreamSocket && listener.#accepts
    if (!accepts) {
      this.#fail(ECONNREFUSED)
      return
    }
    const server = new StreamSocket(this.kernel, this.kind)
    this.join(server)
    listener.#queue?.push(server)
    listener.readList.note(0)
    this.writeList.note(0)
  }

  get #accepts(): boolean {
    return this.#queue !== null && this.#queue.length < this.#backlog
  }

  /** The connection is no more, or was never made. soisdisconnected. */
  #fail(errno: number): void {
    this.error = errno
    this.#peer = null
    this.#disconnected()
  }

  #disconnected(): void {
    this.cannotReceive = true
    this.cannotSend = true
    this.readList.note(0)
    this.writeList.note(0)
  }

  // Sending and receiving

  override read(n: number): Uint8Array {
    if (this.#received.length === 0 || n === 0) return this.#readNothing(n)
    // Reading stops where the out-of-band byte was.
    const bytes = this.#received.shift(this.#mark > 0 ? Math.min(n, this.#mark) : n)
    if (this.#mark === 0) this.#passMark()
    else if (this.#mark > 0) this.#mark -= bytes.length
    this.#peer?.writeList.note(0)
    return bytes
  }

  #readNothing(n: number): Uint8Array {
    this.throwError('read')
    if (this.cannotReceive || n === 0) return new Uint8Array(0)
    if (!this.#connected) throw new KqueueError(ENOTCONN, 'read')
    fail(EAGAIN, 'read', 'nothing has come yet')
  }

  override write(bytes: Uint8Array): number {
    if (this.cannotSend && this.error === 0) throw new KqueueError(EPIPE, 'write')
    this.throwError('write')
    if (!this.#connected) throw new KqueueError(ENOTCONN, 'write')
    const peer = this.#peer
    if (peer === null) return this.#writeToNobody(bytes)
    if (bytes.length > 0 && this.space === 0) fail(EAGAIN, 'write', 'the peer has no room')
    const part = bytes.subarray(0, this.space)
    if (peer.cannotReceive) return part.length
    peer.#received.push(part)
    if (part.length > 0) peer.readList.note(0)
    return part.length
  }

  /** The peer of TCP is closed: it answers with a reset. */
  #writeToNobody(bytes: Uint8Array): number {
    this.#fail(ECONNRESET)
    return bytes.length
  }

  /** Only the last byte is out of band; one that was not read is lost when the next comes. */
  override send(bytes: Uint8Array, { oob = false }: MessageOptions): number {
    if (!oob) return this.write(bytes)
    if (this.kind !== 'tcp') return super.send(bytes, { oob })
    const urgent = bytes.at(-1)
    if (urgent === undefined) return 0
    const before = bytes.subarray(0, -1)
    const written = this.write(before)
    if (written < before.length) return written
    if (this.#peer !== null) this.#peer.#takeUrgent(urgent)
    return bytes.length
  }

  #takeUrgent(byte: number): void {
    this.#urgentByte = byte
    this.#mark = this.#received.length
    this.readList.note(0)
  }

  /** @throws KqueueError EINVAL there is no out-of-band byte */
  override receive(n: number, { oob = false }: MessageOptions): Uint8Array {
    if (!oob) return this.read(n)
    if (this.kind !== 'tcp') return super.receive(n, { oob })
    if (this.#urgentByte === null) fail(EINVAL, 'recv', 'there is no out-of-band data')
    const bytes = Uint8Array.of(this.#urgentByte)
    this.#passMark()
    return bytes
  }

  #passMark(): void {
    this.#mark = -1
    this.#urgentByte = null
  }

  // Ending

  override shutdown(how: 'read' | 'write' | 'both'): void {
    if (!this.#connected) super.shutdown(how)
    if (how !== 'write') this.#stopReceiving()
    if (how !== 'read') this.#stopSending()
  }

  #stopReceiving(): void {
    this.cannotReceive = true
    this.#received.clear()
    this.#passMark()
    this.readList.note(0)
    const peer = this.#peer
    if (peer === null) return
    // Only a Unix socket learns that nobody listens to it.
    if (this.kind === 'unix') peer.cannotSend = true
    peer.writeList.note(0)
  }

  #stopSending(): void {
    this.cannotSend = true
    this.writeList.note(0)
    if (this.#peer === null) return
    this.#peer.cannotReceive = true
    this.#peer.readList.note(0)
  }

  override release(): void {
    super.release()
    this.kernel.callouts.cancel(this.#connecting)
    for (const waiting of this.#queue ?? []) waiting.#reset()
    this.#queue = null
    const peer = this.#peer
    if (peer === null) return
    if (this.kind === 'tcp' && this.#received.length > 0) this.#reset()
    else this.#close(peer)
  }

  #close(peer: StreamSocket): void {
    this.#peer = null
    peer.#peer = null
    if (this.kind === 'unix') {
      peer.#disconnected()
    } else {
      peer.cannotReceive = true
      peer.readList.note(0)
      peer.writeList.note(0)
    }
  }

  /** Ends the connection with an error for the peer. */
  #reset(): void {
    const peer = this.#peer
    this.#peer = null
    if (peer !== null) peer.#fail(ECONNRESET)
  }
}
