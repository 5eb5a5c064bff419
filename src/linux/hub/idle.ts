/**
 * Whether nothing has happened since the thread's epoll instance was looked at, without a
 * system call, for programs that look again and again: io_uring(7) polls the instance, and the
 * tail of its completion queue is read in shared memory; see native/engines/idle/idle.c.
 *
 * It is begun after many looks in a row that found nothing, ends with the first thing that
 * happens, and is done without where there is no io_uring.
 */
import type { Native } from './native.js'

/** So many looks in a row find nothing before the ring is armed. */
const PATIENCE = 256
/** Each so manyth look is a real one all the same. */
const SELDOM = 64

export class Idle {
  /** Undefined before it is open, null where it cannot be had. */
  #tail: Int32Array | null | undefined
  #armed = false
  /** Where the tail is as long as nothing has happened. */
  #at = 0
  #looks = 0

  constructor(readonly native: Native) {}

  /** Whether nothing can have happened since the last look. Hot path. */
  holds(): boolean {
    if (!this.#armed) return false
    if (Atomics.load(this.#tail!, 0) !== this.#at) {
      this.#armed = false
      this.#looks = 0
      return false
    }
    return ++this.#looks % SELDOM !== 0
  }

  /** A look into this epoll instance has found nothing, or something. Hot path. */
  looked(epfd: number, found: boolean): void {
    if (found) this.#looks = 0
    else if (!this.#armed && ++this.#looks >= PATIENCE) this.#arm(epfd)
  }

  #arm(epfd: number): void {
    this.#looks = 0
    if (this.#tail === undefined) this.#tail = this.#open()
    if (this.#tail === null) {
      // Not in this process.
      this.#looks = Number.NEGATIVE_INFINITY
      return
    }
    // Before, since it may be over already when it is known to have begun.
    const at = Atomics.load(this.#tail, 0)
    const armed = this.native.idleArm(epfd)
    if (armed < 0) {
      this.close()
      this.#tail = null
      return
    }
    this.#armed = armed === 1
    this.#at = at
  }

  #open(): Int32Array | null {
    const tail = this.native.idleOpen()
    return typeof tail === 'number' ? null : tail
  }

  /** Nobody looks any more. */
  close(): void {
    if (this.#tail) {
      this.native.idleClose()
      this.#tail = undefined
    }
    this.#armed = false
    this.#looks = 0
  }

  /** Another epoll instance is looked into from now on. */
  renew(): void {
    if (this.#armed) this.native.idleDisarm()
    this.#armed = false
    this.#looks = 0
  }
}
