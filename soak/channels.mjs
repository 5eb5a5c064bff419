// The channels that bytes go through: pipes, fifos and sockets of all kinds, each with a
// writing and a reading end that do not block. The main thread opens them, for workers too:
// what a worker opens by bare system calls nobody would close when it is terminated.
import { join } from 'node:path'
import * as posix from '../build/test/native/posix.js'

const {
  AF_INET,
  AF_UNIX,
  IPPROTO_TCP,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  TCP_NODELAY,
} = posix.constants

/**
 * @typedef {object} Channel
 * @property {string} kind
 * @property {number} reader
 * @property {number} writer
 * @property {boolean} datagrams
 * @property {number} position of the next byte that is written
 */

/** @param {string} path of a fifo to make @returns {[number, number]} */
function fifo(path) {
  posix.mkfifo(path)
  const reader = posix.open(path, O_RDONLY | O_NONBLOCK)
  return [reader, posix.open(path, O_WRONLY | O_NONBLOCK)]
}

/** @returns {[number, number]} */
function tcp() {
  const listener = posix.socket(AF_INET, SOCK_STREAM)
  posix.bindInet(listener, '127.0.0.1', 0)
  posix.listen(listener)
  const writer = posix.socket(AF_INET, SOCK_STREAM)
  posix.connectInet(writer, '127.0.0.1', posix.getsocknamePort(listener))
  const reader = posix.accept(listener, SOCK_NONBLOCK)
  posix.close(listener)
  const flags = posix.fcntl(writer, posix.constants.F_GETFL)
  posix.fcntl(writer, posix.constants.F_SETFL, flags | O_NONBLOCK)
  posix.setsockopt(writer, IPPROTO_TCP, TCP_NODELAY, 1)
  return [reader, writer]
}

/** @returns {[number, number]} */
function udp() {
  const reader = posix.socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK)
  posix.bindInet(reader, '127.0.0.1', 0)
  const writer = posix.socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK)
  posix.connectInet(writer, '127.0.0.1', posix.getsocknamePort(reader))
  return [reader, writer]
}

/** @type {Record<string, (directory: string) => [number, number]>} */
const KINDS = {
  pipe: () => posix.pipe2(O_NONBLOCK),
  fifo: (directory) => fifo(join(directory, 'fifo')),
  tcp,
  'unix stream': () => posix.socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK),
  'unix datagrams': () => posix.socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK),
  udp,
}

/** One channel of each kind. @param {string} directory where the fifo is made @returns {Channel[]} */
export function openChannels(directory) {
  return Object.entries(KINDS).map(([kind, open]) => {
    const [reader, writer] = open(directory)
    return { kind, reader, writer, datagrams: /datagrams|udp/.test(kind), position: 0 }
  })
}

/** @param {Channel[]} channels */
export function closeChannels(channels) {
  for (const { reader, writer } of channels) {
    posix.close(reader)
    posix.close(writer)
  }
}

/** Bytes that repeat after a prime number of them, so that none can stand for its neighbour. */
const PERIOD = 251
const PATTERN = Buffer.from(Array.from({ length: 2 ** 18 }, (_, i) => (i % PERIOD) ^ 0x5a))

/** What stands at a position of the endless text that is written. */
export const textAt = (/** @type {number} */ position, /** @type {number} */ length) =>
  PATTERN.subarray(position % PERIOD, (position % PERIOD) + length)

/** The result of a call that does not block, or null when it would. @template T @param {() => T} call */
export function unlessBlocked(call) {
  try {
    return call()
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EAGAIN') throw error
    return null
  }
}
