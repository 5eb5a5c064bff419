/**
 * Sockets: what all kinds of them have in common, and their filters (`struct socket`,
 * uipc_socket.c). Streams are in `stream.ts`, datagrams in `datagram.ts`.
 *
 * A socket keeps what its peer has sent; the room to write is the room that the peer
 * has left. So a write buffer is empty (EVFILT_EMPTY) when the peer has read it all.
 */
import type { FilterOps } from '../core/filter.js'
import { Knlist } from '../core/knlist.js'
import type { Knote } from '../core/knote.js'
import { EINVAL, ENOTCONN, ENOTSUP, fail, KqueueError } from '../errors.js'
import {
  EV_EOF,
  EVFILT_EMPTY,
  EVFILT_EXCEPT,
  EVFILT_READ,
  EVFILT_WRITE,
  NOTE_LOWAT,
  NOTE_OOB,
} from '../event.js'
import type { Address, Addresses, SocketKind } from './addresses.js'
import { SimFile } from './file.js'
import { attachWith, enough, filterOn } from './file-filter.js'

/** Bytes that a socket keeps: kern.ipc.maxsockbuf is more, net.inet.tcp.recvspace this. */
export const SOCKET_BUFFER = 65536
/** Room from which on a stream is writable: so_snd.sb_lowat. */
export const SEND_LOWAT = 2048

/** What recv(2) and send(2) take. */
export interface MessageOptions {
  /** Out of band: MSG_OOB. */
  oob?: boolean
}

export abstract class Socket extends SimFile {
  /** The knotes of those who want to read, and those of EVFILT_EXCEPT. */
  readonly readList = new Knlist()
  /** The knotes of those who want to write, or to see the buffer empty. */
  readonly writeList = new Knlist()
  /** A positive errno that the next call reports: so_error. */
  error = 0
  /** Nothing more comes in: SBS_CANTRCVMORE. */
  cannotReceive = false
  /** Nothing more goes out: SBS_CANTSENDMORE. */
  cannotSend = false
  /** Where it is bound. */
  address: Address | undefined

  constructor(
    readonly kind: SocketKind,
    readonly addresses: Addresses,
  ) {
    super()
  }

  /** What EVFILT_READ says in `data`. */
  abstract readonly incoming: number
  /** Whether there is something to read, however little. */
  abstract readonly pending: boolean
  /** What EVFILT_WRITE says in `data`: bytes. */
  abstract readonly space: number
  /** Whether what was sent has been read. */
  abstract readonly drained: boolean
  /** Whether it can send at all, now. */
  abstract readonly ready: boolean
  /** The room from which on it is writable. */
  abstract readonly lowat: number
  /** It waits for connections, and nothing goes through it. */
  get listening(): boolean {
    return false
  }
  /** There is an out-of-band byte to be read, or has been where reading is now. */
  get urgent(): boolean {
    return false
  }

  /**
   * Binds it; any free address by default. bind(2).
   * @throws KqueueError EINVAL it is bound, or no such address; EADDRINUSE
   */
  bind(address: Address | undefined): void {
    if (this.address !== undefined) fail(EINVAL, 'bind', `it is bound to ${this.address}`)
    this.address = this.addresses.bind(this, address)
  }

  /** Begins to connect to an address: connect(2). */
  abstract connect(address: Address): void

  /** Begins to wait for connections: listen(2). @throws KqueueError ENOTSUP, EINVAL */
  listen(_backlog: number): void {
    fail(ENOTSUP, 'listen', `a socket of ${this.kind} cannot listen`)
  }

  /** The first connection that waits: accept(2). @throws KqueueError EINVAL, EAGAIN */
  accept(): Socket {
    fail(EINVAL, 'accept', 'this socket does not listen')
  }

  /** Ends one direction, or both: shutdown(2). @throws KqueueError ENOTCONN */
  shutdown(_how: 'read' | 'write' | 'both'): void {
    throw new KqueueError(ENOTCONN, 'shutdown')
  }

  send(bytes: Uint8Array, { oob = false }: MessageOptions): number {
    if (!oob) return this.write(bytes)
    fail(ENOTSUP, 'send', `${this.kind} has no out-of-band data`)
  }

  receive(n: number, { oob = false }: MessageOptions): Uint8Array {
    if (!oob) return this.read(n)
    fail(ENOTSUP, 'recv', `${this.kind} has no out-of-band data`)
  }

  /** Throws and forgets the error that is pending. SO_ERROR. */
  protected throwError(syscall: string): void {
    const { error } = this
    if (error === 0) return
    this.error = 0
    throw new KqueueError(error, syscall)
  }

  override release(): void {
    if (this.address !== undefined && this.addresses.find(this.kind, this.address) === this) {
      this.addresses.release(this.kind, this.address)
    }
  }

  /** soo_kqfilter. */
  kqfilter(kn: Knote): number {
    return attachWith(kn, filters.get(kn.filter), 'a socket')
  }
}

function listOf({ file, filter }: Knote): Knlist {
  const { readList, writeList } = file as Socket
  return filter === EVFILT_WRITE || filter === EVFILT_EMPTY ? writeList : readList
}

function filterWith(event: (kn: Knote, socket: Socket) => boolean): FilterOps {
  return filterOn(listOf, (kn) => event(kn, kn.file as Socket))
}

/** The end: with the error, if there is one. */
function end(kn: Knote, socket: Socket): true {
  kn.flags |= EV_EOF
  kn.fflags = socket.error
  return true
}

/** `data`: bytes, or connections that wait. filt_soread, filt_solisten. */
const readFilter = filterWith((kn, socket) => {
  kn.data = socket.incoming
  if (socket.cannotReceive) return end(kn, socket)
  if (socket.error !== 0) return true
  return kn.sfflags & NOTE_LOWAT ? enough(kn, 1) : socket.pending
})

/** `data`: room in bytes. filt_sowrite. */
const writeFilter = filterWith((kn, socket) => {
  if (socket.listening) return false
  kn.data = socket.space
  if (socket.cannotSend) return end(kn, socket)
  if (socket.error !== 0) return true
  if (!socket.ready) return false
  return enough(kn, socket.lowat)
})

/** filt_soempty, which does not mind whether there is a connection. */
const emptyFilter = filterWith((kn, socket) => {
  if (socket.cannotSend) return end(kn, socket)
  return socket.drained
})

/** Out-of-band data, for who asks with NOTE_OOB. OpenBSD's filt_soexcept. */
const exceptFilter = filterWith((kn, socket) => {
  if ((kn.sfflags & NOTE_OOB) === 0 || !socket.urgent) return false
  kn.fflags = NOTE_OOB
  return true
})

const filters = new Map<number, FilterOps>([
  [EVFILT_READ, readFilter],
  [EVFILT_WRITE, writeFilter],
  [EVFILT_EMPTY, emptyFilter],
  [EVFILT_EXCEPT, exceptFilter],
])
