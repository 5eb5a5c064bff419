/**
 * An epoll instance: which descriptors it holds, and under which generation.
 * Edge-triggered. Reading and writing have one each, so that an edge of one is
 * never taken for an edge of the other.
 *
 * A descriptor that was closed while a duplicate keeps its file alive stays in
 * the instance and cannot be taken out, because no number names it. Such
 * leftovers are counted, and when there are too many `renew` starts afresh.
 */
import { EEXIST } from '../errors.js'
import { EPOLLET, type Native } from './native.js'

/** So many leftovers are borne in any case, */
const LEFTOVERS = 64
/** and besides, one for so many descriptors held. */
const HELD_PER_LEFTOVER = 4

export class PollSet {
  fd: number
  /** Descriptors held: fd -> generation. */
  readonly #held = new Map<number, number>()
  #generation = 0
  #leftovers = 0

  /** @param events what epoll is asked for besides EPOLLET */
  constructor(
    readonly native: Native,
    readonly events: number,
  ) {
    this.fd = native.epollCreate()
  }

  get size(): number {
    return this.#held.size
  }

  /** Adds a descriptor: its generation, or a negative errno. */
  add(fd: number): number {
    const generation = this.#nextGeneration()
    let error = this.#register(fd, generation)
    if (error === -EEXIST) {
      // Closed and opened again as a duplicate of the same file.
      this.native.epollDelete(this.fd, fd)
      error = this.#register(fd, generation)
    }
    if (error < 0) return error
    this.#held.set(fd, generation)
    return generation
  }

  remove(fd: number): void {
    this.#held.delete(fd)
    if (this.native.epollDelete(this.fd, fd) < 0) this.#leftovers++
  }

  /** Whether `fd` still is the file that was added under `generation`. */
  holds(fd: number, generation: number): boolean {
    const error = this.#register(fd, generation)
    if (error === 0) this.native.epollDelete(this.fd, fd)
    return error === -EEXIST
  }

  /** epoll reported a descriptor that is not held. */
  reportedLeftover(): void {
    this.#leftovers++
  }

  get crowded(): boolean {
    return this.#leftovers > LEFTOVERS + this.#held.size / HELD_PER_LEFTOVER
  }

  /**
   * A new instance with what is held, without leftovers; answers the old one's
   * number, for the caller to close. What is ready is reported once more: an
   * EV_CLEAR event can come again, none is lost.
   */
  renew(): number {
    const old = this.fd
    this.fd = this.native.epollCreate()
    for (const [fd, generation] of this.#held) this.#register(fd, generation)
    this.#leftovers = 0
    return old
  }

  #register(fd: number, generation: number): number {
    return this.native.epollAdd(this.fd, fd, this.events + EPOLLET, generation)
  }

  #nextGeneration(): number {
    this.#generation = this.#generation === 0x7fffffff ? 1 : this.#generation + 1
    return this.#generation
  }
}
