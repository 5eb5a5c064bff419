/** Pipes and pairs of sockets, what was written to them, and who is to hear of it. */
import { EV_DELETE, EV_SET, EVFILT_READ, EVFILT_WRITE } from 'kqueue'
import * as posix from '../native/posix.js'
import type { Queue, Watch } from './queue.js'

const { AF_UNIX, O_CLOEXEC, O_NONBLOCK, POLLOUT } = posix.constants
const { SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM } = posix.constants

/** An end of a pipe or of a pair of sockets. */
export class End {
  open = true
  /** Written and not yet read. */
  bytes = 0
  peer: End = this
  /** The numbers that it has had. */
  readonly #numbers = new Set<number>()

  constructor(
    public fd: number,
    readonly isSocket: boolean,
    readonly reads: boolean,
    readonly writes: boolean,
  ) {}

  /** Both ends of a new stream. */
  static pair(isSocket: boolean): [End, End] {
    const [a, b] = isSocket
      ? posix.socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)
      : posix.pipe2(O_NONBLOCK | O_CLOEXEC)
    const ends: [End, End] = [
      new End(a, isSocket, true, isSocket),
      new End(b, isSocket, isSocket, true),
    ]
    ends[0].peer = ends[1]
    ends[1].peer = ends[0]
    return ends
  }

  /** Has another number than ever before: under one that it had it would not be told from itself. */
  duplicate(): void {
    this.#numbers.add(this.fd)
    const used: number[] = []
    let fd = posix.dup(this.fd)
    for (; this.#numbers.has(fd); fd = posix.dup(this.fd)) used.push(fd)
    for (const each of used) posix.close(each)
    this.fd = fd
  }

  get alone(): boolean {
    return !this.peer.open
  }

  /** How much room there is the model does not count. */
  get hasRoom(): boolean {
    return this.open && this.writes && (posix.poll(this.fd, POLLOUT) & POLLOUT) !== 0
  }
}

export class Streams {
  readonly ends: End[]

  /**
   * @param kinds whether each is a pair of sockets, or a pipe
   * @param queues who watches them; others may come in their places
   */
  constructor(
    readonly kinds: readonly boolean[],
    readonly queues: readonly Queue[],
  ) {
    this.ends = kinds.flatMap((isSocket) => End.pair(isSocket))
  }

  *#watches(end: End, filter?: number): Iterable<[Queue, Watch]> {
    for (const queue of this.queues) {
      for (const watch of queue.watches) {
        if (watch.end !== end) continue
        if (filter === undefined || watch.filter === filter) yield [queue, watch]
      }
    }
  }

  #happened(end: End, filter?: number): void {
    for (const [, watch] of this.#watches(end, filter)) watch.happened()
  }

  write(end: End, n: number): void {
    if (!end.open || !end.writes || end.alone || !end.hasRoom) return
    for (let left = n; left > 0 && end.hasRoom; ) {
      const written = posix.write(end.fd, new Uint8Array(Math.min(left, 65_536)))
      end.peer.bytes += written
      left -= written
    }
    this.#happened(end.peer, EVFILT_READ)
  }

  read(end: End, n: number): void {
    if (!end.open || !end.reads || end.bytes === 0) return
    const had = end.peer.hasRoom
    try {
      end.bytes -= posix.read(end.fd, n).length
    } catch (error) {
      // Of what was left unread when the other end was closed.
      if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error
    }
    if (!had && end.peer.hasRoom) this.#happened(end.peer, EVFILT_WRITE)
  }

  close(end: End): void {
    if (!end.open) return
    this.#forget(end)
    posix.close(end.fd)
    end.open = false
    this.#happened(end.peer)
  }

  /** Under another number; what is watched under the old one is closed. */
  duplicate(end: End): void {
    if (!end.open) return
    const { fd } = end
    end.duplicate()
    this.#forget(end)
    posix.close(fd)
  }

  #forget(end: End): void {
    for (const [queue, watch] of this.#watches(end)) {
      const { ident, filter } = watch
      if (queue.trusts) queue.kq.kevent([EV_SET(ident, filter, EV_DELETE)])
      queue.watches.delete(watch)
    }
  }

  renew(stream: number): void {
    const at = 2 * stream
    for (const end of this.ends.slice(at, at + 2)) this.close(end)
    this.ends.splice(at, 2, ...End.pair(this.kinds[stream]!))
  }
}
