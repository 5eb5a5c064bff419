/**
 * Whether a path leads to something, as test(1) -e sees it, and when that changes.
 *
 *     const path = new PathWatch('a/b/c', { queue, ident: 1, udata })
 *     path.found               // what it leads to; undefined when there is nothing
 *     path.look()              // when there was an event with `udata`, which may change that
 *
 * The path is walked as the kernel does, a name at a time from the directory before, which is
 * open and watched before the name is looked at: nothing falls in between. Links are followed, and
 * what is on the way to their targets is watched, too.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync } from 'node:fs'
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_RECEIPT,
  EV_SET,
  EVFILT_FS,
  EVFILT_VNODE,
  NOTE_DELETE,
  NOTE_LINK,
  NOTE_RENAME,
  NOTE_WRITE,
  VQ_MOUNT,
  VQ_UNMOUNT,
} from '../index.js'
import { type Bytes, bytesOf, pathOf } from './bytes.js'
import type { Registration } from './condition.js'
import { O_PATH } from './descriptor.js'
import { Refusal } from './errors.js'

/** What path_resolution(7) follows at most. */
const MOST_LINKS = 40
const NAME_MAX = 255
const PATH_MAX = 4096
/** What a path leads to does not stand there any more. */
const LOST = NOTE_DELETE | NOTE_RENAME
/** The next name leads nowhere. */
const MISSING = new Set(['ENOENT', 'ENOTDIR'])
/** Who may not watch, or a file system that does not tell. */
const DEAF = new Set(['EACCES', 'EPERM', 'ENOTSUP', 'EINVAL'])

/** A name, and the step in which it is looked up. */
interface Place {
  readonly step: Step
  readonly name: Bytes
}

/** Something on the way. */
interface Step {
  readonly fd: number
  readonly dev: bigint
  readonly ino: bigint
  readonly isDirectory: boolean
  readonly isLink: boolean
  /** Where it was found. */
  readonly from?: Place
  /** Why nothing is told of it. */
  deaf?: unknown
}

/** What a path leads to; another object when that is another file. */
export interface Found {
  readonly isDirectory: boolean
}

export class PathWatch {
  readonly #on: Registration
  readonly #path: Bytes
  #steps: Step[] = []
  /** The name that is not there, and where. */
  #missing: Place | undefined
  /** The step that is the file itself. */
  #end: Step | undefined
  #found: Found | undefined

  /** @throws Error with errno */
  constructor(path: string, on: Registration) {
    this.#on = on
    this.#path = bytesOf(path)
    if (this.#path.length >= PATH_MAX || names(this.#path).some((name) => name.length > NAME_MAX)) {
      throw new Refusal('ENAMETOOLONG', 'file name too long')
    }
    try {
      this.#watchMounts()
      this.#walk()
    } catch (error) {
      this.close()
      throw error
    }
  }

  get found(): Found | undefined {
    return this.#found
  }

  /** Takes in what has happened. @throws Error with errno */
  look(): void {
    if (!this.#holds()) this.#walk()
  }

  /**
   * Makes sure that a change will be told.
   * @throws why it will not be
   */
  assertTold(): void {
    const [first] = this.#steps
    if (this.#end === undefined && fstatSync(first!.fd).nlink === 0) {
      throw new Refusal('ENOENT', 'the current directory is removed, and nothing is made in it')
    }
    const last = this.#end ?? this.#missing!.step
    // A name is told of by its directory, and what is there by itself.
    const tellers = this.#end || !last.isDirectory ? [last, last.from?.step] : [last]
    if (tellers.every((step) => step?.deaf !== undefined)) throw last.deaf
  }

  /** Does not take away what concerns no descriptor, as that goes with the queue. */
  close(): void {
    const steps = this.#steps
    this.#unwatch()
    for (const { fd } of steps) closeSync(fd)
  }

  #watchMounts(): void {
    try {
      const { queue, ident, udata } = this.#on
      queue.kevent([EV_SET(ident, EVFILT_FS, EV_ADD | EV_CLEAR, VQ_MOUNT | VQ_UNMOUNT, 0, udata)])
    } catch {
      // Where /proc is not mounted.
    }
  }

  /** Whether each name still leads where it did. */
  #holds(): boolean {
    for (const { from, dev, ino } of this.#steps) {
      if (from === undefined) continue
      const now = statusOf(from)
      if (now === undefined || now.dev !== dev || now.ino !== ino) return false
    }
    return this.#missing === undefined || statusOf(this.#missing) === undefined
  }

  #walk(): void {
    const before = this.#steps
    const end = this.#end
    this.#unwatch()
    try {
      while (!this.#tryWalk()) this.close()
      // What was there is open still, so that its number is no other's.
      const isSame = end?.dev === this.#end?.dev && end?.ino === this.#end?.ino
      if (!isSame) this.#found = this.#end && { isDirectory: this.#end.isDirectory }
    } finally {
      for (const { fd } of before) closeSync(fd)
    }
  }

  /** false when somebody has changed what was looked at meanwhile. */
  #tryWalk(): boolean {
    let step = this.#begin(this.#path)
    const left = names(this.#path).reverse()
    for (let links = 0; left.length > 0; ) {
      const name = left.pop()!
      const next = step.isDirectory ? this.#enter(step, name) : undefined
      if (next === undefined) {
        this.#missing = { step, name }
        return true
      }
      if (!next.isLink) {
        step = next
        continue
      }
      const target = targetOf(step, name)
      if (target === undefined) {
        if (this.#holds()) throw new Refusal('EACCES', 'a link may not be read')
        return false
      }
      if (++links > MOST_LINKS) {
        this.#missing = { step, name }
        return true
      }
      if (target.startsWith('/')) step = this.#begin(target)
      left.push(...names(target).reverse())
    }
    this.#end = step
    return true
  }

  /** Where a path begins. */
  #begin(path: Bytes): Step {
    return this.#add(openSync(path.startsWith('/') ? '/' : '.', O_PATH | constants.O_DIRECTORY))
  }

  /** undefined when there is nothing of that name. */
  #enter(step: Step, name: Bytes): Step | undefined {
    // The links of procfs lead to files that have no other name.
    const follow = codeOf(step.deaf) === 'ENOTSUP'
    try {
      const fd = openSync(at(step, name), follow ? O_PATH : O_PATH | constants.O_NOFOLLOW)
      return this.#add(fd, { step, name })
    } catch (error) {
      if (MISSING.has(codeOf(error))) return undefined
      throw error
    }
  }

  #add(fd: number, from?: Place): Step {
    const stats = fstatSync(fd, { bigint: true })
    const { dev, ino } = stats
    const step: Step = {
      fd,
      dev,
      ino,
      isDirectory: stats.isDirectory(),
      isLink: stats.isSymbolicLink(),
      ...(from && { from }),
    }
    this.#steps.push(step)
    const notes = step.isDirectory ? NOTE_WRITE | LOST : NOTE_LINK | LOST
    try {
      const { queue, udata } = this.#on
      queue.kevent([EV_SET(fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, notes, 0, udata)])
    } catch (error) {
      if (!DEAF.has(codeOf(error))) throw error
      step.deaf = error
    }
    return step
  }

  #unwatch(): void {
    const changes = this.#steps.map(({ fd }) => EV_SET(fd, EVFILT_VNODE, EV_DELETE | EV_RECEIPT))
    this.#on.queue.kevent(changes, changes.length, 0)
    this.#steps = []
    this.#missing = undefined
    this.#end = undefined
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException | undefined)?.code ?? ''
}

/** The names of a path; one that ends in a slash ends in a directory. */
function names(path: Bytes): Bytes[] {
  const all = path.split('/').filter((name) => name !== '')
  return path.endsWith('/') ? [...all, '.'] : all
}

function at({ fd }: Step, name: Bytes): string | Buffer {
  return pathOf(`/proc/self/fd/${fd}/${name}`)
}

/** undefined when it is no link any more. */
function targetOf(step: Step, name: Bytes): Bytes | undefined {
  try {
    return readlinkSync(at(step, name), 'latin1')
  } catch {
    return undefined
  }
}

/** undefined when there is nothing there. */
function statusOf({ step, name }: Place) {
  try {
    return lstatSync(at(step, name), { bigint: true })
  } catch (error) {
    if (MISSING.has(codeOf(error))) return undefined
    throw error
  }
}
