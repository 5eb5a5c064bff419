/**
 * The descriptors of a process (`struct filedesc`): open files by number, each with
 * the flags of its descriptor. The lowest free number is given out first. An open
 * file lives as long as a descriptor of some process refers to it.
 */

import { isCopied } from '../core/copyin.js'
import { orUndo } from '../core/failure.js'
import { copyKnotes } from '../core/fork.js'
import type { FileTable, Process } from '../core/kernel.js'
import { EBADF, EMFILE, fail } from '../errors.js'
import type { SimFile } from './file.js'
import { type QueueKernel, type QueueOwner, SimQueue } from './queue.js'

/** `struct filedescent`. */
interface Descriptor {
  readonly file: SimFile
  /** Closed by exec: FD_CLOEXEC. */
  cloexec: boolean
  /** Left out by fork: FD_CLOFORK. */
  clofork: boolean
}

/** Whose descriptors these are. */
interface Owner extends Process, QueueOwner {
  readonly kernel: QueueKernel & { readonly sysctl: { readonly maxfilesperproc: number } }
}

export class Descriptors implements FileTable {
  readonly #table: (Descriptor | undefined)[] = []
  /** The queues among the open files: fd_kqlist. */
  readonly queues = new Set<SimQueue>()
  /** The copies that the process was forked with. */
  readonly inherited = new Map<number, SimQueue>()

  constructor(readonly process: Owner) {}

  fget(fd: number): SimFile | null {
    return this.#table[fd]?.file ?? null
  }

  /**
   * The descriptor of this number.
   * @throws KqueueError EBADF there is none
   */
  get(fd: number, syscall: string): Descriptor {
    const descriptor = this.#table[fd]
    if (descriptor === undefined) fail(EBADF, syscall, `${String(fd)} is not an open descriptor`)
    return descriptor
  }

  /** The numbers in use, in order. */
  numbers(): number[] {
    return [...this.#table.keys()].filter((fd) => this.#table[fd] !== undefined)
  }

  get #limit(): number {
    return this.process.kernel.sysctl.maxfilesperproc
  }

  /**
   * Puts a file behind the lowest free number: the number. falloc(9).
   * @throws KqueueError EMFILE there is none below sysctl.maxfilesperproc; the file is released
   */
  install(file: SimFile, syscall: string, cloexec = false): number {
    let fd = 0
    while (this.#table[fd] !== undefined) fd++
    if (fd >= this.#limit) {
      file.fhold()
      file.fdrop()
      fail(EMFILE, syscall, `sysctl.maxfilesperproc allows ${this.#limit} descriptors`)
    }
    this.#put(fd, file, cloexec, false)
    return fd
  }

  /** Puts two files behind the lowest free numbers, or none. @throws KqueueError EMFILE */
  installBoth(one: SimFile, other: SimFile, syscall: string): [number, number] {
    const fd = this.install(one, syscall)
    const both = (): [number, number] => [fd, this.install(other, syscall)]
    return orUndo(both, () => this.close(fd))
  }

  /**
   * Puts a file behind the lowest free number if `open` succeeds on it: the number.
   * @throws KqueueError EMFILE; what `open` throws: the file is closed then
   */
  installOpen(file: SimFile, syscall: string, open: () => void): number {
    const fd = this.install(file, syscall)
    orUndo(open, () => this.close(fd))
    return fd
  }

  /**
   * Puts a file behind a number, which is closed first if it is open. dup2(2).
   * @throws KqueueError EBADF the number is not one that a descriptor can have
   */
  replace(fd: number, file: SimFile): void {
    if (!Number.isInteger(fd) || fd < 0 || fd >= this.#limit) {
      fail(EBADF, 'dup2', `a descriptor is from 0 to ${this.#limit - 1}, not ${String(fd)}`)
    }
    file.fhold()
    if (this.#table[fd] !== undefined) this.close(fd, 'dup2')
    this.#put(fd, file, false, false)
    file.fdrop()
  }

  #put(fd: number, file: SimFile, cloexec: boolean, clofork: boolean): void {
    this.#table[fd] = { file, cloexec, clofork }
    file.fhold()
    if (file instanceof SimQueue) this.queues.add(file)
  }

  /**
   * Closes a descriptor: its knotes go first, then the file, if nobody else has it.
   * @throws KqueueError EBADF it is not open
   */
  close(fd: number, syscall = 'close'): void {
    const { file } = this.get(fd, syscall)
    for (const kq of this.queues) kq.closeDescriptor(fd)
    this.#table[fd] = undefined
    file.fdrop()
    if (file.references === 0 && file instanceof SimQueue) this.queues.delete(file)
  }

  /** Closes what is to be closed by exec. fdcloseexec. */
  closeForExec(): void {
    for (const fd of this.numbers()) if (this.#table[fd]?.cloexec) this.close(fd)
  }

  /** Closes all. fdescfree. */
  closeAll(): void {
    for (const fd of this.numbers()) this.close(fd)
  }

  /**
   * Takes over the descriptors of the parent. Queues are not shared: those that are
   * copied on fork become queues of their own under the same numbers, and are filled
   * when all descriptors are there; the others are left out. fdcopy, kqueue_fork.
   */
  copyFrom(parent: Descriptors): void {
    const copies = new Map<SimQueue, SimQueue>()
    for (const fd of parent.numbers()) {
      const { file, cloexec, clofork } = parent.#table[fd]!
      if (clofork) continue
      if (!(file instanceof SimQueue)) this.#put(fd, file, cloexec, clofork)
      else if (isCopied(file.flags)) {
        const copy = copies.get(file) ?? new SimQueue(this.process, file.flags)
        copies.set(file, copy)
        this.#put(fd, copy, cloexec, clofork)
        this.inherited.set(fd, copy)
      }
    }
    for (const [from, to] of copies) copyKnotes(from, to, from.flags)
  }
}
