/**
 * Datagram sockets: UDP, which loses what there is no room for, and Unix sockets,
 * which make the sender wait (udp_usrreq.c, uipc_usrreq.c). A datagram is read as a
 * whole; what does not fit is cut off.
 */
import { EAGAIN, ECONNREFUSED, EDESTADDRREQ, EMSGSIZE, fail } from '../errors.js'
import type { Address, Addresses } from './addresses.js'
import { SOCKET_BUFFER, Socket } from './socket.js'

/** The longest datagram: net.inet.udp.maxdgram. */
const LONGEST = 9216

export class DatagramSocket extends Socket {
  readonly #received: Uint8Array[] = []
  #bytes = 0
  /** The peer of a pair. */
  #peer: DatagramSocket | null = null
  #destination: Address | undefined
  #closed = false

  constructor(
    override readonly kind: 'udp' | 'unix-dgram',
    addresses: Addresses,
  ) {
    super(kind, addresses)
  }

  /** Makes two sockets a pair. socketpair(2). */
  join(peer: DatagramSocket): void {
    this.#peer = peer
    peer.#peer = this
  }

  /** Bytes of all datagrams. */
  get incoming(): number {
    return this.#bytes
  }

  /** A datagram may be empty. */
  get pending(): boolean {
    return this.#received.length > 0
  }

  get space(): number {
    const to = this.kind === 'udp' ? null : this.#recipient
    return to === null ? SOCKET_BUFFER : Math.max(0, SOCKET_BUFFER - to.#bytes)
  }

  get drained(): boolean {
    const to = this.kind === 'udp' ? null : this.#recipient
    return to === null || to.#received.length === 0
  }

  get ready(): boolean {
    return true
  }

  get lowat(): number {
    return this.kind === 'udp' ? 1 : LONGEST
  }

  get #recipient(): DatagramSocket | null {
    if (this.#destination === undefined) return this.#peer
    const found = this.addresses.find(this.kind, this.#destination)
    return found instanceof DatagramSocket ? found : null
  }

  /** Where datagrams go from now on. */
  override connect(address: Address): void {
    this.#destination = address
    this.writeList.note(0)
  }

  override read(n: number): Uint8Array {
    this.throwError('read')
    const datagram = this.#received.shift()
    if (datagram === undefined) {
      if (this.cannotReceive) return new Uint8Array(0)
      fail(EAGAIN, 'read', 'nothing has come yet')
    }
    this.#bytes -= datagram.length
    this.#peer?.writeList.note(0)
    return datagram.subarray(0, n)
  }

  override write(bytes: Uint8Array): number {
    this.throwError('write')
    if (bytes.length > LONGEST) fail(EMSGSIZE, 'write', `a datagram has at most ${LONGEST} bytes`)
    const to = this.#recipient
    if (to === null || to.#closed) return this.#writeToNobody(bytes)
    if (to.#bytes + bytes.length > SOCKET_BUFFER) {
      if (this.kind === 'udp') return bytes.length
      fail(EAGAIN, 'write', 'the peer has no room')
    }
    to.#received.push(bytes.slice())
    to.#bytes += bytes.length
    to.readList.note(0)
    return bytes.length
  }

  #writeToNobody(bytes: Uint8Array): number {
    if (this.#destination === undefined && this.kind === 'udp') {
      fail(EDESTADDRREQ, 'write', 'connect says where to')
    }
    if (this.kind === 'udp') return bytes.length
    fail(ECONNREFUSED, 'write', 'nobody is there')
  }

  override release(): void {
    super.release()
    this.#closed = true
    this.#received.length = 0
    this.#bytes = 0
    this.#peer?.writeList.note(0)
  }
}
