/**
 * Pipes and fifos (pipe(2), sys_pipe.c): bytes that go one way, from the files that
 * write it to the files that read it. What happens at one end is noted at the other.
 *
 * A pipe without writers is at its end; a fifo as well, once it had one, until the
 * next one opens it. Of a pipe without a name nobody can open an end again: who watches it
 * for writing hears once, and for the last time, that the other end is gone.
 */
import type { FilterOps } from '../core/filter.js'
import { Knlist } from '../core/knlist.js'
import type { Knote } from '../core/knote.js'
import { EAGAIN, EBADF, EINVAL, EPIPE, fail, KqueueError, refuse } from '../errors.js'
import { EV_EOF, EV_ONESHOT, EVFILT_EMPTY, EVFILT_READ, EVFILT_WRITE } from '../event.js'
import { Bytes } from './bytes.js'
import { SimFile } from './file.js'
import { enough, filterOn } from './file-filter.js'

/** Bytes that a pipe holds. */
export const PIPE_SIZE = 65536
/** Up to so many bytes are written at once or not at all: limits.h of FreeBSD. */
export const PIPE_BUF = 512

export class Pipe {
  readonly bytes = new Bytes()
  /** The knotes of those who want to read, and all those of a reading end. */
  readonly readList = new Knlist()
  /** The knotes of those who want to write, or to see it empty, and all those of a writing end. */
  readonly writeList = new Knlist()
  /** Open files that read it, and that write it. */
  readers = 0
  writers = 0
  /** It had a writer; before the first one there is no end. */
  #written = false

  /** @param reopens an end that is gone can be opened again, as of a fifo or a terminal */
  constructor(readonly reopens = false) {}

  get space(): number {
    return PIPE_SIZE - this.bytes.length
  }

  /** Nobody writes it any more. */
  get ended(): boolean {
    return this.#written && this.writers === 0
  }

  /**
   * Opens an end of it, or both.
   * @param access at least one of the two
   */
  open(access: { read: boolean; write: boolean }): PipeFile {
    const file = new PipeFile(this, access.read, access.write)
    if (access.read && ++this.readers === 1) this.writeList.note(0)
    if (access.write) {
      this.#written = true
      if (++this.writers === 1) this.readList.note(0)
    }
    return file
  }

  read(n: number): Uint8Array {
    if (this.bytes.length === 0 && n > 0) {
      if (this.writers === 0) return new Uint8Array(0)
      fail(EAGAIN, 'read', 'the pipe is empty')
    }
    const bytes = this.bytes.shift(n)
    if (bytes.length > 0) this.writeList.note(0)
    return bytes
  }

  write(bytes: Uint8Array): number {
    if (this.readers === 0) fail(EPIPE, 'write', 'nobody reads this pipe')
    const { space } = this
    if (bytes.length === 0) return 0
    if (space === 0 || (bytes.length <= PIPE_BUF && space < bytes.length)) {
      // Who reads is told all the same that there is something: pipe_write.
      this.readList.note(0)
      fail(EAGAIN, 'write', 'the pipe is full')
    }
    const part = bytes.subarray(0, space)
    this.bytes.push(part)
    this.readList.note(0)
    return part.length
  }

  /** A file of it is closed. What is left unread is gone with the last one. */
  close(file: PipeFile): void {
    if (file.readable && --this.readers === 0) this.writeList.note(0)
    if (file.writable && --this.writers === 0) this.readList.note(0)
    if (this.readers > 0 || this.writers > 0) return
    this.bytes.clear()
    this.#written = false
  }
}

/** An open end of a pipe, or both ends of a fifo. */
export class PipeFile extends SimFile {
  constructor(
    readonly pipe: Pipe,
    readonly readable: boolean,
    readonly writable: boolean,
  ) {
    super()
  }

  override read(n: number): Uint8Array {
    if (!this.readable) throw notOpenFor('read', 'reading')
    return this.pipe.read(n)
  }

  override write(bytes: Uint8Array): number {
    if (!this.writable) throw notOpenFor('write', 'writing')
    return this.pipe.write(bytes)
  }

  override release(): void {
    this.pipe.close(this)
  }

  /**
   * The wrong end of a fifo can be watched, and reports nothing; that of a pipe tells when
   * the other end is gone, since a pipe of FreeBSD goes both ways. Watching for writing is
   * refused with EPIPE when the other end is gone already. pipe_kqfilter.
   */
  kqfilter(kn: Knote): number {
    const ops = this.#filterFor(kn)
    if ((ops === writeFilter || ops === emptyFilter) && this.pipe.readers === 0) {
      refuse(EPIPE, 'nobody reads this pipe')
    }
    if (ops === writeAtReaderFilter && this.pipe.writers === 0) {
      refuse(EPIPE, 'nobody writes this pipe')
    }
    return this.#watch(kn, ops)
  }

  override rewatch(kn: Knote): number {
    return this.#watch(kn, this.#filterFor(kn))
  }

  #watch(kn: Knote, ops: FilterOps): number {
    kn.hook = this.pipe
    kn.ops = ops
    return ops.attach(kn)
  }

  #filterFor({ filter }: Knote): FilterOps {
    if (filter === EVFILT_READ) {
      if (this.readable) return readFilter
      return this.pipe.reopens ? neverFilter : readAtWriterFilter
    }
    if (filter === EVFILT_EMPTY) return this.writable ? emptyFilter : neverFilter
    if (filter !== EVFILT_WRITE) refuse(EINVAL, `a pipe has no filter ${filter}`)
    if (this.writable) return writeFilter
    return this.pipe.reopens ? neverFilter : writeAtReaderFilter
  }
}

function notOpenFor(syscall: string, use: string): KqueueError {
  return new KqueueError(EBADF, syscall, { reason: `this end of the pipe is not open for ${use}` })
}

/** `kn.hook`: the pipe, which is not all of its file where there is one each way. */
function pipeOf(kn: Knote): Pipe {
  return kn.hook as Pipe
}

/** A filter whose knotes are on one of the pipe's lists. */
const filterOf = (list: 'readList' | 'writeList', event: FilterOps['event']): FilterOps =>
  filterOn((kn) => pipeOf(kn)[list], event)

function reportEnd(kn: Knote, ended: boolean): void {
  if (ended) kn.flags |= EV_EOF
  else kn.flags &= ~EV_EOF
}

/** Whether the other end is gone; for good, the event is the last one: knlist_clear of its list. */
function reportLoss(kn: Knote, gone: boolean): void {
  reportEnd(kn, gone)
  if (gone && !pipeOf(kn).reopens) kn.flags |= EV_ONESHOT
}

/** `data` is the number of bytes. filt_piperead. */
const readFilter = filterOf('readList', (kn) => {
  const { bytes, ended } = pipeOf(kn)
  kn.data = bytes.length
  reportEnd(kn, ended)
  return ended || enough(kn, 1)
})

/** `data` is the room; ready when PIPE_BUF bytes fit. filt_pipewrite. */
const writeFilter = filterOf('writeList', (kn) => {
  const pipe = pipeOf(kn)
  const ended = pipe.readers === 0
  kn.data = ended ? 0 : pipe.space
  reportLoss(kn, ended)
  return ended || enough(kn, PIPE_BUF)
})

/** All that was written has been read. */
const emptyFilter = filterOf('writeList', (kn) => {
  const { bytes, readers } = pipeOf(kn)
  reportEnd(kn, readers === 0)
  return readers === 0 || bytes.length === 0
})

/** The writing end read: nothing comes, and it is at its end when nobody reads. */
const readAtWriterFilter = filterOf('writeList', (kn) => {
  const ended = pipeOf(kn).readers === 0
  kn.data = 0
  reportEnd(kn, ended)
  return ended
})

/** The reading end written: there is no room, and its end is that nobody writes. */
const writeAtReaderFilter = filterOf('readList', (kn) => {
  const { ended } = pipeOf(kn)
  kn.data = 0
  reportLoss(kn, ended)
  return ended
})

/** filt_pipenotsup. */
const neverFilter = filterOf('readList', () => false)
