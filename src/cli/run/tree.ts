/**
 * The files that `kq run` watches, each by EVFILT_VNODE of a descriptor of its own.
 *
 *     const tree = new Tree(queue, paths, filter, changes)
 *     tree.take(await queue.wait())
 *
 * A directory tells of names that come and go, and only a file of what is written into it;
 * so both are watched. A file that has lost its name (an editor has put another in its
 * place) makes its name a suspect, and names are looked at after what is watched under
 * them has been asked to tell: nothing falls in between.
 *
 * The directories above the paths are watched as well, for the next name on the way. So a
 * path is found again however much of it was replaced.
 */
import { closeSync } from 'node:fs'
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_RECEIPT,
  EV_SET,
  EVFILT_VNODE,
  type Kevent,
  type Kqueue,
  NOTE_ATTRIB,
  NOTE_DELETE,
  NOTE_RENAME,
  NOTE_WRITE,
} from '../../index.js'
import { type Bytes, textOf } from '../bytes.js'
import { reasonOf } from '../errors.js'
import type { Changes, Happened } from './changes.js'
import type { Filter } from './filter.js'
import { unwatchable } from './limits.js'
import { type Place, placesOf } from './places.js'
import {
  Branch,
  Bystander,
  type Entry,
  Leaf,
  openRoot,
  type Status,
  statusOfDescriptor,
  Watched,
} from './watched.js'

/** A name does not stand for the file any more. */
const LOST = NOTE_DELETE | NOTE_RENAME
const NOTES_OF_DIRECTORY = NOTE_WRITE | LOST
const NOTES_OF_FILE = NOTE_WRITE | NOTE_ATTRIB | LOST

/** What is left out with a line, instead of ending the watching. */
const REFUSED = new Set(['EACCES', 'EPERM', 'ENOTSUP', 'ENAMETOOLONG'])

export class Tree {
  readonly #queue: Kqueue
  readonly #paths: readonly Bytes[]
  readonly #filter: Filter
  readonly #changes: Changes
  readonly #root: Branch
  /** Directories to look through. */
  readonly #dirty = new Set<Branch>()
  /** A link on the way to a path is not what it was. */
  #stale = false
  #refused: string[] = []

  /**
   * @param paths absolute
   * @throws SourceError
   */
  constructor(queue: Kqueue, paths: readonly Bytes[], filter: Filter, changes: Changes) {
    this.#queue = queue
    this.#paths = paths
    this.#filter = filter
    this.#changes = changes
    this.#root = openRoot()
    try {
      this.#root.deaf = !this.#watch(this.#root, NOTES_OF_DIRECTORY)
      this.#assign(this.#root, placesOf(paths))
      this.#settle()
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** Takes what the queue has to tell of the files. @throws SourceError */
  take(events: readonly Kevent[]): void {
    for (const { udata, fflags } of events) {
      if (udata instanceof Watched && udata.open) this.#happened(udata, fflags)
    }
    this.#settle()
  }

  /** Lines on what could not be watched since the last time. */
  refused(): string[] {
    return this.#refused.splice(0)
  }

  /** How many count. */
  size(): { files: number; directories: number } {
    const size = { files: 0, directories: 0 }
    const count = (branch: Branch): void => {
      if (branch.whole) size.directories++
      for (const entry of branch.entries.values()) {
        if (entry instanceof Branch) count(entry)
        else if (entry instanceof Leaf && entry.counts) size.files++
      }
    }
    count(this.#root)
    return size
  }

  /** Closes its descriptors, when the queue is not to be asked any more. */
  close(): void {
    closeAll(this.#root)
  }

  #happened(watched: Watched, notes: number): void {
    const { parent } = watched
    if (notes & LOST && parent !== null) {
      parent.suspects.add(watched.name)
      this.#dirty.add(parent)
    }
    if (watched instanceof Branch) {
      if (notes & NOTE_WRITE) this.#dirty.add(watched)
    } else if ((notes & LOST) === 0) {
      this.#compare(watched, statusOfDescriptor(watched.fd), (notes & NOTE_WRITE) !== 0)
    }
  }

  /** Attributes come with a write, and also with what nobody means by a change. */
  #compare(entry: Entry, status: Status, written: boolean): void {
    const changed = written || status.attributes !== entry.status.attributes
    entry.status = status
    if (changed) this.#tell(entry, 'changed')
  }

  #tell(entry: Entry, happened: Happened): void {
    if (entry instanceof Leaf && entry.counts) {
      this.#changes.note(textOf(entry.path), happened)
    } else if (entry instanceof Branch && entry.whole && this.#filter.countsAll) {
      if (happened !== 'changed') this.#changes.note(textOf(entry.path), happened, true)
    }
  }

  /** Looks through all directories that may hold other names, and those found in them. */
  #settle(): void {
    do {
      for (const branch of this.#dirty) {
        this.#dirty.delete(branch)
        if (branch.open) this.#scan(branch)
      }
      if (this.#stale) {
        this.#stale = false
        this.#assign(this.#root, placesOf(this.#paths))
      }
    } while (this.#dirty.size > 0)
  }

  #assign(branch: Branch, place: Place | null): void {
    const { parent, name } = branch
    branch.place = place
    branch.whole = place?.target === true || (parent !== null && this.#finds(parent, name))
    this.#dirty.add(branch)
    for (const [name, entry] of branch.entries) {
      if (entry instanceof Branch) this.#assign(entry, place?.children.get(name) ?? null)
    }
  }

  /** Whether a name counts because of the directory that it is in. */
  #finds(branch: Branch, name: Bytes): boolean {
    return branch.whole && this.#filter.enters(textOf(branch.pathOf(name)), textOf(name))
  }

  #scan(branch: Branch): void {
    const { entries, suspects, place } = branch
    const names = branch.whole ? this.#names(branch) : [...(place?.children.keys() ?? [])]
    const present = new Set(names)
    for (const [name, entry] of [...entries]) {
      if (!present.has(name) && !place?.children.has(name)) this.#drop(entry)
      else if (suspects.has(name) || !tells(entry)) this.#recheck(branch, entry)
      else if (entry.named !== isNamed(branch, name)) this.#replace(branch, entry)
    }
    suspects.clear()
    for (const name of names) if (!entries.has(name)) this.#enter(branch, name)
    for (const name of place?.children.keys() ?? []) {
      if (!entries.has(name)) this.#miss(branch, name)
    }
  }

  #names(branch: Branch): Bytes[] {
    return this.#attempt(branch.path, branch, () => branch.names()) ?? []
  }

  /** The name of a path is not there. */
  #miss(branch: Branch, name: Bytes): void {
    this.#enter(branch, name)
    if (!branch.deaf || branch.entries.has(name)) return
    const reason = new Error(
      'it is gone, and its directory may not be read, which would tell of another',
    )
    throw unwatchable(branch.pathOf(name), reason)
  }

  /** Whether a name still stands for the same. */
  #recheck(branch: Branch, entry: Entry): void {
    const { name } = entry
    const status = this.#attempt(entry.path, branch, () => branch.statusOf(name))
    if (status === undefined) this.#drop(entry)
    else if (status.identity !== entry.status.identity || entry.named !== isNamed(branch, name)) {
      this.#replace(branch, entry)
    } else this.#compare(entry, status, false)
  }

  #replace(branch: Branch, entry: Entry): void {
    this.#drop(entry)
    this.#enter(branch, entry.name)
  }

  #enter(branch: Branch, name: Bytes): void {
    const place = branch.place?.children.get(name)
    const found = this.#finds(branch, name)
    if (place === undefined && !found) return
    const path = branch.pathOf(name)
    const fd = this.#attempt(path, branch, () => branch.openEntry(name))
    if (fd === undefined) return
    const status = statusOfDescriptor(fd)
    const isLink = status.kind === 'link'
    if (place !== undefined && place.isLink !== isLink) this.#stale = true
    const named = isNamed(branch, name)
    if (status.kind === 'directory') {
      this.#enterDirectory(new Branch(branch, name, named, status, fd))
      return
    }
    const leaf = new Leaf(branch, name, named, status, fd)
    const isListed = found && this.#filter.counts(textOf(name)) && status.kind !== 'other'
    leaf.counts = isListed || (named && status.kind === 'file')
    const isWanted = leaf.counts || (isLink && place !== undefined)
    if (isWanted && this.#watch(leaf, NOTES_OF_FILE)) {
      branch.entries.set(name, leaf)
      this.#tell(leaf, 'appeared')
    } else {
      closeSync(fd)
      branch.entries.set(name, new Bystander(branch, name, named, status))
    }
  }

  #enterDirectory(branch: Branch): void {
    const { parent, name, named, status } = branch
    const place = parent?.place?.children.get(name) ?? null
    branch.deaf = !this.#watch(branch, NOTES_OF_DIRECTORY)
    if (branch.deaf && place === null) {
      closeSync(branch.fd)
      parent?.entries.set(name, new Bystander(parent, name, named, status))
      return
    }
    parent?.entries.set(name, branch)
    this.#assign(branch, place)
    this.#tell(branch, 'appeared')
  }

  /** Leaves out an entry, and what is in it. */
  #drop(entry: Entry): void {
    const { parent, name } = entry
    if (parent?.place?.children.get(name)?.isLink) this.#stale = true
    if (entry instanceof Branch) for (const below of entry.entries.values()) this.#drop(below)
    parent?.entries.delete(name)
    this.#tell(entry, 'vanished')
    if (!(entry instanceof Watched)) return
    entry.open = false
    // A receipt, because no event is to be taken here.
    this.#queue.kevent([EV_SET(entry.fd, EVFILT_VNODE, EV_DELETE | EV_RECEIPT)], 1, 0)
    closeSync(entry.fd)
  }

  /** Whether there will be events of it. @throws SourceError */
  #watch(watched: Watched, notes: number): boolean {
    const change = EV_SET(watched.fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, notes, 0, watched)
    const added = this.#attempt(watched.path, watched, () => {
      this.#queue.kevent([change])
      return true
    })
    return added === true
  }

  /** Does what may be refused: undefined if it is, with a line where that is not expected. */
  #attempt<T>(path: Bytes, within: Entry, act: () => T): T | undefined {
    try {
      return act()
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException
      if (!REFUSED.has(code) || within.named) throw unwatchable(path, error)
      // Directories above the paths may be closed to the user.
      const found = within.parent?.whole || (within instanceof Branch && within.whole)
      if (found) this.#refused.push(`${textOf(path)}: ${reasonOf(error)}`)
      return undefined
    }
  }
}

/** Whether a change of what the name stands for would be told. */
function tells(entry: Entry): boolean {
  return entry instanceof Leaf || (entry instanceof Branch && !entry.deaf)
}

function isNamed(branch: Branch, name: Bytes): boolean {
  return branch.place?.children.get(name)?.target === true
}

function closeAll(branch: Branch): void {
  for (const entry of branch.entries.values()) {
    if (entry instanceof Branch) closeAll(entry)
    else if (entry instanceof Watched) closeSync(entry.fd)
  }
  if (branch.open) closeSync(branch.fd)
}
