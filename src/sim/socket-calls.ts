/**
 * The system calls on sockets of a process. An address is a port of TCP or UDP, or the
 * name of a Unix socket.
 */
import { EINVAL, ENOTSOCK, KqueueError } from '../errors.js'
import type { Address, SocketKind } from './addresses.js'
import { DatagramSocket } from './datagram.js'
import { byteCount, FileCalls, toBytes } from './file-calls.js'
import { type MessageOptions, Socket } from './socket.js'
import { StreamSocket } from './stream.js'

/** Connections that wait unless `listen` says otherwise: kern.ipc.soacceptqueue. */
const BACKLOG = 128

export interface ConnectOptions {
  /** A socket that there is already; otherwise a new one is made. */
  socket?: number
  /** Only begins: EVFILT_WRITE tells when the connection stands, or was refused. EINPROGRESS. */
  started?: boolean
}

export abstract class SocketCalls extends FileCalls {
  /**
   * socketpair(2): two Unix sockets that are connected.
   * @throws KqueueError EMFILE, EINVAL no such type
   */
  socketpair(type: 'stream' | 'dgram' = 'stream'): [number, number] {
    this.enter('socketpair')
    if (type !== 'stream' && type !== 'dgram') {
      throw new KqueueError(EINVAL, 'socketpair', {
        reason: `a type is 'stream' or 'dgram', not ${String(type)}`,
      })
    }
    const [one, other] = type === 'stream' ? this.#streams() : this.#datagrams()
    return this.installBoth(one, other, 'socketpair')
  }

  #streams(): [Socket, Socket] {
    const pair: [StreamSocket, StreamSocket] = [
      new StreamSocket(this.kernel, 'unix'),
      new StreamSocket(this.kernel, 'unix'),
    ]
    pair[0].join(pair[1])
    return pair
  }

  #datagrams(): [Socket, Socket] {
    const { addresses } = this.kernel
    const pair: [DatagramSocket, DatagramSocket] = [
      new DatagramSocket('unix-dgram', addresses),
      new DatagramSocket('unix-dgram', addresses),
    ]
    pair[0].join(pair[1])
    return pair
  }

  /** socket(2): one that is not connected. @throws KqueueError EMFILE, EINVAL no such kind */
  socket(kind: SocketKind): number {
    this.enter('socket')
    return this.descriptors.install(this.#make(kind), 'socket')
  }

  #make(kind: SocketKind): Socket {
    switch (kind) {
      case 'tcp':
      case 'unix':
        return new StreamSocket(this.kernel, kind)
      case 'udp':
      case 'unix-dgram':
        return new DatagramSocket(kind, this.kernel.addresses)
      default:
        throw new KqueueError(EINVAL, 'socket', {
          reason: `a kind is 'tcp', 'udp', 'unix' or 'unix-dgram', not ${String(kind)}`,
        })
    }
  }

  /** bind(2): any free address by default. @throws KqueueError EBADF, ENOTSOCK, EINVAL, EADDRINUSE */
  bind(fd: number, address?: Address): void {
    this.#socket(fd, 'bind').bind(address)
  }

  /** Where a socket is bound: getsockname(2). @throws KqueueError EBADF, ENOTSOCK */
  getsockname(fd: number): Address | undefined {
    return this.#socket(fd, 'getsockname').address
  }

  /**
   * A socket that listens at an address: a port, or the name of a Unix socket; a free
   * port by default. listen(2).
   * @param backlog the most connections that wait; more are refused
   * @throws KqueueError EMFILE, EADDRINUSE, EINVAL
   */
  listen(address: Address = 0, backlog = BACKLOG): number {
    this.enter('listen')
    const socket = new StreamSocket(this.kernel, streamKind(address))
    const fd = this.descriptors.install(socket, 'listen')
    try {
      socket.bind(address)
      socket.listen(byteCount(backlog, 'listen'))
    } catch (error) {
      this.descriptors.close(fd)
      throw error
    }
    return fd
  }

  /**
   * A socket that is connected to an address. connect(2).
   * @throws KqueueError ECONNREFUSED; EMFILE; for a socket that there is EBADF, ENOTSOCK,
   *   EISCONN, EALREADY, EINVAL
   */
  connect(address: Address, { socket, started = false }: ConnectOptions = {}): number {
    if (socket !== undefined) {
      connectSocket(this.#socket(socket, 'connect'), address, started)
      return socket
    }
    this.enter('connect')
    const made = new StreamSocket(this.kernel, streamKind(address))
    const fd = this.descriptors.install(made, 'connect')
    try {
      connectSocket(made, address, started)
    } catch (error) {
      this.descriptors.close(fd)
      throw error
    }
    return fd
  }

  /**
   * accept(2): a descriptor for the first connection that waits.
   * @throws KqueueError EBADF, ENOTSOCK, EMFILE; EINVAL it does not listen; EAGAIN none waits
   */
  accept(fd: number): number {
    const accepted = this.#socket(fd, 'accept').accept()
    return this.descriptors.install(accepted, 'accept')
  }

  /** shutdown(2). @throws KqueueError EBADF, ENOTSOCK, ENOTCONN, EINVAL */
  shutdown(fd: number, how: 'read' | 'write' | 'both'): void {
    const socket = this.#socket(fd, 'shutdown')
    if (how !== 'read' && how !== 'write' && how !== 'both') {
      throw new KqueueError(EINVAL, 'shutdown', {
        reason: `what is shut is 'read', 'write' or 'both', not ${String(how)}`,
      })
    }
    socket.shutdown(how)
  }

  /** send(2): as `write`; with `oob` the last byte is out of band. @throws KqueueError ENOTSOCK, ENOTSUP */
  send(fd: number, data: Uint8Array | string, options: MessageOptions = {}): number {
    const socket = this.#socket(fd, 'send')
    const bytes = toBytes(data)
    return this.writing(() => socket.send(bytes, options))
  }

  /** recv(2): as `read`; with `oob` the out-of-band byte. @throws KqueueError ENOTSOCK, ENOTSUP, EINVAL */
  recv(fd: number, n: number, options: MessageOptions = {}): Uint8Array {
    return this.#socket(fd, 'recv').receive(byteCount(n, 'recv'), options)
  }

  #socket(fd: number, syscall: string): Socket {
    const file = this.file(fd, syscall)
    if (file instanceof Socket) return file
    throw new KqueueError(ENOTSOCK, syscall, { reason: `${fd} is not a socket` })
  }
}

function streamKind(address: Address): 'tcp' | 'unix' {
  return typeof address === 'string' ? 'unix' : 'tcp'
}

function connectSocket(socket: Socket, address: Address, started: boolean): void {
  if (socket instanceof StreamSocket && !started) socket.connectNow(address)
  else socket.connect(address)
}
