/**
 * When pipes are read, as inotify(7) tells: a writer has no other way to hear of it
 * while the pipe is not full. One inotify instance a thread, made on first use and kept,
 * because Linux takes up to 16 ms to close one. Where it cannot be had, who waits looks by
 * the clock; see `empty.ts`.
 */
import type { Drain } from './empty.js'
import { IN_ACCESS, IN_IGNORED, IN_Q_OVERFLOW } from './inotify.js'
import type { LinuxKernel } from './kernel.js'

/** struct inotify_event: wd, mask, cookie, len; no names come from pipes. */
const RECORD = 16

export class PipeReads {
  /** The inotify descriptor, -1 until a pipe is watched. */
  #fd = -1
  /** Whether it is listened to. */
  #listening = false
  /** By watch descriptor, of which each pipe has one. */
  readonly #watched = new Map<number, Set<Drain>>()
  readonly #buffer = new Uint8Array(RECORD * 256)
  readonly #words = new Int32Array(this.#buffer.buffer)
  #reading = false

  constructor(readonly kernel: LinuxKernel) {}

  /** Looks at a pipe whenever it is read: whether that can be had. */
  add(drain: Drain): boolean {
    if (!this.#listen()) return false
    const { native } = this.kernel
    const wd = native.inotifyAdd(this.#fd, drain.side.descriptor.fd, IN_ACCESS, false)
    if (wd < 0) {
      this.#restIfIdle()
      return false
    }
    const drains = this.#watched.get(wd)
    if (drains === undefined) this.#watched.set(wd, new Set([drain]))
    else drains.add(drain)
    return true
  }

  remove(drain: Drain): void {
    for (const [wd, drains] of this.#watched) {
      if (!drains.delete(drain) || drains.size > 0) continue
      this.#watched.delete(wd)
      this.kernel.native.inotifyRemove(this.#fd, wd)
    }
    this.#restIfIdle()
  }

  #listen(): boolean {
    if (this.#listening) return true
    const { kernel } = this
    if (this.#fd === -1) this.#fd = Math.max(-1, kernel.native.inotifyCreate())
    if (this.#fd === -1) return false
    if (kernel.adopt(this.#fd, () => this.#read()) !== 0) {
      // Nothing was watched with it, so that this takes no time.
      kernel.native.close(this.#fd)
      this.#fd = -1
      return false
    }
    this.#listening = true
    return true
  }

  #restIfIdle(): void {
    if (!this.#listening || this.#watched.size > 0) return
    this.#listening = false
    this.kernel.disown(this.#fd)
  }

  #read(): void {
    if (this.#reading) return
    this.#reading = true
    try {
      while (this.#listening) {
        const length = this.kernel.native.inotifyRead(this.#fd, this.#buffer)
        if (length <= 0) return
        for (let at = 0; at < length; at += RECORD) {
          this.#record(this.#words[at / 4]!, this.#words[at / 4 + 1]!)
        }
      }
    } finally {
      this.#reading = false
    }
  }

  #record(wd: number, mask: number): void {
    if (mask & IN_Q_OVERFLOW) {
      for (const drains of this.#watched.values()) for (const drain of drains) drain.look()
      return
    }
    for (const drain of this.#watched.get(wd) ?? []) drain.look()
    if (mask & IN_IGNORED) this.#watched.delete(wd)
  }
}
