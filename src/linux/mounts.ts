/**
 * EVFILT_FS on Linux: what is mounted, as /proc/self/mountinfo tells it.
 * proc_pid_mountinfo(5).
 *
 * Linux says that the table has changed, not how, so it is compared with what it was.
 * Two descriptors a thread while there are knotes: one in the thread's epoll, which
 * wakes; and a witness of which nobody else knows, which tells a change from a second
 * notice of the same one, and is read. See native/calls/mounts.c.
 */
import { readFileSync, readSync } from 'node:fs'
import type { MountInfo } from '../api/system.js'
import { attempt, orUndo } from '../core/failure.js'
import type { FilterOps } from '../core/filter.js'
import { fsFilter } from '../core/filters/fs.js'
import { text } from '../core/image-check.js'
import { Knlist } from '../core/knlist.js'
import type { Knote } from '../core/knote.js'
import { EIO } from '../errors.js'
import { VQ_MOUNT, VQ_UNMOUNT } from '../event.js'
import { MOUNTINFO } from './hub/facility.js'
import type { Hub } from './hub/hub.js'
import { KNOWS_ONLY_ITS_OWN } from './hub/runtime.js'

/** Bytes read at once. */
const CHUNK = 65536
/** How often the table is read again because it was changed meanwhile. */
const ROUNDS = 8

/** What tells another process of mounts from now on. */
export interface HandedMounts {
  readonly fd: number
  readonly witness: number
  /** The table now. */
  readonly text: string
  /** It has changed since, which the witness has told. */
  readonly changed: boolean
}

export class MountTable {
  /** The knotes of EVFILT_FS. */
  readonly events = new Knlist()
  readonly filter: FilterOps
  /** The descriptor in the thread's epoll, -1 while there are no knotes. */
  #fd = -1
  #witness = -1
  /** The table as it was last read. */
  #text = ''
  /** It has changed since. */
  #changed = false
  /** It was handed over, and the knotes are still to come. */
  #arriving = false

  constructor(readonly hub: Hub) {
    const ops = fsFilter(this.events, {
      mark: () => this.#table,
      since: (mark) => difference(text(mark, 'state'), this.#text),
    })
    const watch = (attach: () => number): number => {
      this.#open()
      // What has happened until now is not for the new knote.
      this.drain()
      return attach()
    }
    this.filter = {
      ...ops,
      attach: (kn) => watch(() => ops.attach(kn)),
      detach: (kn) => this.#detach(kn),
      restore: (kn, state, origin) => {
        const handed = origin.handed && this.#arriving
        return watch(() => ops.restore!(kn, state, { ...origin, handed }))
      },
    }
  }

  /** The table now. */
  get #table(): string {
    this.drain()
    return this.#text
  }

  #detach(kn: Knote): void {
    this.events.remove(kn)
    if (this.events.empty && !this.#arriving) this.#close()
  }

  #open(): void {
    if (this.#fd !== -1) return
    const { hub } = this
    const made: number[] = []
    const make = (): number => {
      made.push(MOUNTINFO.check(hub.native.mountsOpen()))
      return made.at(-1)!
    }
    orUndo(
      () => {
        const fd = make()
        const witness = make()
        this.#text = readAll(witness)
        hub.adopt(fd, () => this.drain())
        this.#fd = fd
        this.#witness = witness
      },
      () => {
        for (const fd of made) hub.native.close(fd)
      },
    )
    this.#changed = false
  }

  #close(): void {
    if (this.#fd === -1) return
    const { hub } = this
    hub.disown(this.#fd)
    hub.native.close(this.#fd)
    hub.native.close(this.#witness)
    this.#fd = this.#witness = -1
    this.#text = ''
  }

  // From one process to another

  /** Two descriptors for another process; or a negative errno. */
  handOver(): HandedMounts | number {
    const { native } = this.hub
    const fd = native.mountsOpen()
    const witness = fd < 0 ? fd : native.mountsOpen()
    if (witness < 0) {
      if (fd >= 0) native.close(fd)
      return witness
    }
    // A change in between is told here, and is not to be told there.
    for (let round = 0; round < ROUNDS; round++) {
      this.drain()
      if (native.mountsChanged(witness) !== 1) break
    }
    return { fd, witness, text: this.#text, changed: false }
  }

  /** They were handed over. */
  takeOver({ fd, witness, text, changed }: HandedMounts): void {
    if (attempt(() => this.hub.adopt(fd, () => this.drain())) === null) {
      this.hub.native.close(fd)
      this.hub.native.close(witness)
      return
    }
    this.#fd = fd
    this.#witness = witness
    this.#text = text
    this.#changed = changed
    this.#arriving = true
  }

  /** The knotes are there: what has happened meanwhile is for them. */
  takenOver(): void {
    if (!this.#arriving) return
    this.#arriving = false
    if (this.events.empty) this.#close()
    else this.drain()
  }

  /** Notes what has been mounted and unmounted since it was drained last. */
  drain(): void {
    if (this.#fd === -1 || this.#arriving) return
    const notes = this.#compare()
    if (notes !== 0) this.events.note(notes)
  }

  /**
   * VQ_* of what has happened. Where the table is as before to the letter, something
   * was mounted and unmounted in between, or mounted again as it was.
   */
  #compare(): number {
    const { native } = this.hub
    const before = this.#text
    let notes = 0
    this.#changed = native.mountsChanged(this.#witness) !== 0 || this.#changed
    if (!this.#changed) return 0
    // One change is told in several steps, each of which counts: read until none came
    // while it was read. If it changes all the time, the descriptor fires again.
    for (let round = 0; this.#changed && round < ROUNDS; round++) {
      const text = attempt(() => readAll(this.#witness))
      // Everything may have happened.
      if (text === null) return VQ_MOUNT | VQ_UNMOUNT
      notes |= difference(this.#text, text)
      this.#text = text
      this.#changed = native.mountsChanged(this.#witness) === 1
    }
    return before === this.#text && notes === 0 ? VQ_MOUNT | VQ_UNMOUNT : notes
  }
}

/** VQ_* of what is in one table and not in the other. */
function difference(before: string, after: string): number {
  if (before === after) return 0
  const had = mountsOf(before)
  const has = mountsOf(after)
  let notes = 0
  for (const mount of has) if (!had.has(mount)) notes |= VQ_MOUNT
  for (const mount of had) if (!has.has(mount)) notes |= VQ_UNMOUNT
  return notes
}

/**
 * The lines of a table without what a remount changes: id, parent, device, root and mount
 * point; after ' - ' the type and the source.
 */
function* linesOf(table: string): IterableIterator<string[]> {
  for (const line of table.split('\n')) {
    const end = line.indexOf(' - ')
    if (end !== -1) yield [...line.split(' ', 5), ...line.slice(end + 3).split(' ', 2)]
  }
}

function mountsOf(table: string): Set<string> {
  return new Set([...linesOf(table)].map((fields) => fields.join(' ')))
}

/** What is mounted now. @throws KqueueError */
export function mountTable(): MountInfo[] {
  const table = readAgain('/proc/self/mountinfo', 'utf8', 'getmntinfo')
  return [...linesOf(table)].map(([id, , , , path, type, source]) => ({
    id: Number(id),
    path: unescaped(path!),
    source: unescaped(source!),
    type: unescaped(type!),
  }))
}

/** Blanks and the like are in octal. */
function unescaped(field: string): string {
  return field.replace(/\\(\d{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)))
}

/** A file of /proc from its start, whose length is not known before. @throws KqueueError */
function readAll(fd: number): string {
  if (KNOWS_ONLY_ITS_OWN) return readAgain(`/proc/self/fd/${fd}`, 'latin1')
  const chunk = Buffer.allocUnsafe(CHUNK)
  let text = ''
  let position = 0
  for (;;) {
    const n = MOUNTINFO.check(read(fd, chunk, position))
    if (n === 0) return text
    text += chunk.toString('latin1', 0, n)
    position += n
  }
}

/** The same of a path, opened anew. @throws KqueueError */
function readAgain(path: string, encoding: 'latin1' | 'utf8', syscall?: string): string {
  try {
    return readFileSync(path, encoding)
  } catch (error) {
    MOUNTINFO.check((error as NodeJS.ErrnoException).errno ?? -EIO, syscall)
    throw error
  }
}

/** pread(2): how many bytes, or a negative errno. */
function read(fd: number, chunk: Buffer, position: number): number {
  try {
    return readSync(fd, chunk, 0, CHUNK, position)
  } catch (error) {
    return (error as NodeJS.ErrnoException).errno ?? -EIO
  }
}
