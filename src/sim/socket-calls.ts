/**
 * What the system calls on sockets come to. An address is a port of TCP or UDP, or the
 * name of a Unix socket.
 */
import { EINVAL, ENOTSOCK, fail } from '../errors.js'
import type { Address, SocketKind } from './addresses.js'
import { DatagramSocket } from './datagram.js'
import type { SimFile } from './file.js'
import { Socket } from './socket.js'
import { type StreamKernel, StreamSocket } from './stream.js'

export interface ConnectOptions {
  /** A socket that there is already; otherwise a new one is made. */
  socket?: number
  /** Only begins: EVFILT_WRITE tells when the connection stands, or was refused. EINPROGRESS. */
  started?: boolean
}

/** @throws KqueueError EINVAL no such type */
export function socketPair(kernel: StreamKernel, type: 'stream' | 'dgram'): [Socket, Socket] {
  if (type === 'stream') return pairOf(() => new StreamSocket(kernel, 'unix'))
  if (type === 'dgram') return pairOf(() => new DatagramSocket('unix-dgram', kernel.addresses))
  fail(EINVAL, 'socketpair', `a type is 'stream' or 'dgram', not ${String(type)}`)
}

function pairOf<Kind extends Socket & { join(peer: Kind): void }>(make: () => Kind): [Kind, Kind] {
  const pair: [Kind, Kind] = [make(), make()]
  pair[0].join(pair[1])
  return pair
}

/** @throws KqueueError EINVAL no such kind */
export function makeSocket(kernel: StreamKernel, kind: SocketKind): Socket {
  switch (kind) {
    case 'tcp':
    case 'unix':
      return new StreamSocket(kernel, kind)
    case 'udp':
    case 'unix-dgram':
      return new DatagramSocket(kind, kernel.addresses)
    default:
      fail(EINVAL, 'socket', `a kind is 'tcp', 'udp', 'unix' or 'unix-dgram', not ${String(kind)}`)
  }
}

/** A stream of the kind that addresses like this one are for. */
export function streamFor(kernel: StreamKernel, address: Address): StreamSocket {
  return new StreamSocket(kernel, typeof address === 'string' ? 'unix' : 'tcp')
}

/** @param started only begins */
export function connectSocket(socket: Socket, address: Address, started: boolean): void {
  if (socket instanceof StreamSocket && !started) socket.connectNow(address)
  else socket.connect(address)
}

/** @throws KqueueError EINVAL */
export function shutdownSocket(socket: Socket, how: 'read' | 'write' | 'both'): void {
  if (how !== 'read' && how !== 'write' && how !== 'both') {
    fail(EINVAL, 'shutdown', `what is shut is 'read', 'write' or 'both', not ${String(how)}`)
  }
  socket.shutdown(how)
}

/** @throws KqueueError ENOTSOCK the file is not a socket */
export function asSocket(file: SimFile, fd: number, syscall: string): Socket {
  if (file instanceof Socket) return file
  fail(ENOTSOCK, syscall, `${fd} is not a socket`)
}
