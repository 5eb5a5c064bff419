/**
 * Where sockets are bound: numbers are ports of TCP and UDP on the one interface that
 * there is, strings are names of Unix sockets.
 */
import { EADDRINUSE, EADDRNOTAVAIL, EINVAL, fail } from '../errors.js'

export type Address = number | string

/** What a socket talks: stream or datagrams, on this machine or over a network. */
export type SocketKind = 'tcp' | 'udp' | 'unix' | 'unix-dgram'

/** The first port that is given out, and the last: net.inet.ip.portrange. */
const FIRST_PORT = 10_000
const LAST_PORT = 65_535

/** A socket as its address has it. */
export interface Bound {
  readonly kind: SocketKind
}

export class Addresses {
  readonly #bound = new Map<string, Bound>()
  #lastPort = FIRST_PORT - 1
  #lastName = 0

  /** The socket that is bound to an address. */
  find(kind: SocketKind, address: Address): Bound | undefined {
    return this.#bound.get(key(kind, address))
  }

  /**
   * Binds a socket. Port 0, or no address, is any that is free. bind(2).
   * @throws KqueueError EINVAL no address for such a socket; EADDRINUSE; EADDRNOTAVAIL
   *   no port is free
   */
  bind(socket: Bound, address: Address | undefined): Address {
    const { kind } = socket
    const wanted = address === undefined || address === 0 ? this.#any(kind) : address
    validate(kind, wanted)
    if (this.find(kind, wanted) !== undefined) {
      fail(EADDRINUSE, 'bind', `${kind} ${wanted} is in use`)
    }
    this.#bound.set(key(kind, wanted), socket)
    return wanted
  }

  release(kind: SocketKind, address: Address): void {
    this.#bound.delete(key(kind, address))
  }

  #any(kind: SocketKind): Address {
    if (kind !== 'tcp' && kind !== 'udp') return `unnamed ${++this.#lastName}`
    for (let tried = FIRST_PORT; tried <= LAST_PORT; tried++) {
      this.#lastPort = this.#lastPort === LAST_PORT ? FIRST_PORT : this.#lastPort + 1
      if (this.find(kind, this.#lastPort) === undefined) return this.#lastPort
    }
    fail(EADDRNOTAVAIL, 'bind', 'no port is free')
  }
}

/** @throws KqueueError EINVAL */
function validate(kind: SocketKind, address: Address): void {
  const network = kind === 'tcp' || kind === 'udp'
  const valid = network
    ? Number.isInteger(address) && Number(address) >= 1 && Number(address) <= LAST_PORT
    : typeof address === 'string' && address !== ''
  if (valid) return
  const reason = network
    ? `a port is from 0 to ${LAST_PORT}, not ${String(address)}`
    : `a Unix socket's name is a string that is not empty, not ${String(address)}`
  fail(EINVAL, 'bind', reason)
}

function key(kind: SocketKind, address: Address): string {
  return `${kind} ${address}`
}
