/**
 * When pipes are read and fifos opened, as inotify(7) tells: a writer has no other way to
 * hear that something was read while the pipe is not full, or that there is a reader again.
 * One inotify instance a thread, made on first use and kept,
 * because Linux takes up to 16 ms to close one. Where it cannot be had, who waits for a pipe
 * to be empty looks by the clock; see `empty.ts`.
 */
import { attempt } from '../../core/failure.js'
import type { Hub } from '../hub/hub.js'
import { IN_ACCESS, IN_IGNORED, IN_OPEN, IN_Q_OVERFLOW } from '../hub/inotify.js'

/** Who wants to know. */
export interface PipeWatch {
  /** A descriptor of the pipe. */
  readonly fd: number
  /** It was read, or opened. */
  look(): void
}

/** struct inotify_event: wd, mask, cookie, len; no names come from pipes. */
const RECORD = 16

export class PipeReads {
  /** The inotify descriptor, -1 until a pipe is watched. */
  #fd = -1
  /** Whether it is listened to. */
  #listening = false
  /** By watch descriptor, of which each pipe has one. */
  readonly #watched = new Map<number, Set<PipeWatch>>()
  readonly #buffer = new Uint8Array(RECORD * 256)
  readonly #words = new Int32Array(this.#buffer.buffer)
  #reading = false
  /** It was handed over, and the knotes are still to come. */
  #arriving = false

  constructor(readonly hub: Hub) {}

  /** Looks at a pipe whenever it is read or opened: whether that can be had. */
  add(watch: PipeWatch): boolean {
    if (!this.#listen()) return false
    const { native } = this.hub
    const wd = native.inotifyAdd(this.#fd, watch.fd, IN_ACCESS | IN_OPEN, false)
    if (wd < 0) {
      this.#restIfIdle()
      return false
    }
    const watches = this.#watched.get(wd)
    if (watches === undefined) this.#watched.set(wd, new Set([watch]))
    else watches.add(watch)
    return true
  }

  remove(watch: PipeWatch): void {
    for (const [wd, watches] of this.#watched) {
      if (!watches.delete(watch) || watches.size > 0) continue
      this.#watched.delete(wd)
      this.hub.native.inotifyRemove(this.#fd, wd)
    }
    this.#restIfIdle()
  }

  // From one process to another

  /**
   * An inotify instance for another process, which watches those pipes that it has, too; -1
   * when none of them is watched, or a negative errno.
   */
  handOver(has: (fd: number) => boolean): number {
    const { native } = this.hub
    let inotify = -1
    for (const watches of this.#watched.values()) {
      const fds = [...watches].map(({ fd }) => fd)
      const fd = fds.find(has)
      if (fd === undefined) continue
      if (inotify === -1) inotify = native.inotifyCreate()
      if (inotify < 0) return inotify
      const wd = native.inotifyAdd(inotify, fd, IN_ACCESS | IN_OPEN, false)
      if (wd >= 0) continue
      native.close(inotify)
      return wd
    }
    return inotify
  }

  /** It was handed over. */
  takeOver(fd: number): void {
    this.#fd = fd
    this.#arriving = true
  }

  /** The knotes are there. */
  takenOver(): void {
    if (!this.#arriving) return
    this.#arriving = false
    if (this.#listening) return
    this.hub.native.close(this.#fd)
    this.#fd = -1
  }

  /** Whether the reads since an image that is being restored are told. */
  get handed(): boolean {
    return this.#arriving
  }

  #listen(): boolean {
    if (this.#listening) return true
    const { hub } = this
    if (this.#fd === -1) this.#fd = Math.max(-1, hub.native.inotifyCreate())
    if (this.#fd === -1) return false
    const ready = (): void => this.#read()
    if (attempt(() => hub.adopt(this.#fd, ready)) === null) {
      // Nothing was watched with it, so that this takes no time.
      hub.native.close(this.#fd)
      this.#fd = -1
      this.#arriving = false
      return false
    }
    this.#listening = true
    return true
  }

  #restIfIdle(): void {
    if (!this.#listening || this.#watched.size > 0) return
    this.#listening = false
    this.hub.disown(this.#fd)
  }

  #read(): void {
    if (this.#reading) return
    this.#reading = true
    try {
      while (this.#listening) {
        const length = this.hub.native.inotifyRead(this.#fd, this.#buffer)
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
      for (const watches of this.#watched.values()) for (const watch of watches) watch.look()
      return
    }
    for (const watch of this.#watched.get(wd) ?? []) watch.look()
    if (mask & IN_IGNORED) this.#watched.delete(wd)
  }
}
