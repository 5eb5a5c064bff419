/**
 * A tree of directories that is watched: each directory by a watch of the system's, and what
 * their records mean together. It knows the names that there are, so that each is told of
 * once, and what differs can be told after records were lost.
 *
 *     const tree = new Tree(source, { recursive: true, ... })
 *     for (const _ of tree.begin()); // watches, a directory a step
 *     tree.take()                    // what has happened
 *
 * Paths are looked up while others rename, so what was opened may not be what a record was
 * about. What has no watch, or was opened while directories were renamed, is looked at again
 * when there are no records left; the records that come then tell of what comes after.
 */
import { EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR } from '../../errors.js'
import type { SystemTree, TreeRecord } from '../system.js'
import { Dir, ENTRY_DIRECTORY, ENTRY_RECENT, unpack } from './entries.js'

/** What happened to a path. */
export interface TreeEvent {
  readonly type: 'create' | 'delete' | 'rename' | 'write' | 'attributes'
  /** Below the directory that is watched, with '/' between names; '.' is that directory. */
  readonly path: string
  /** Of a rename, the path before. What is below a directory has moved with it. */
  readonly from?: string
  readonly directory: boolean
}

export interface TreeRules {
  readonly recursive: boolean
  readonly follow: boolean
  readonly encoding: 'utf8' | 'latin1'
  readonly ignore: ((path: string, directory: boolean) => boolean) | undefined
}

/** Directories whose names are kept in maps. */
const LOOSE = 256
/** How often a directory is looked at in one go while others rename it. */
const ROUNDS = 8

/**
 * How to look at a directory: nothing is told of what there is; what differs is told; also in
 * those below that are known; and also what was changed.
 */
type Look = 'first' | 'new' | 'deep' | 'all'

export class Tree {
  readonly root = new Dir(null, '')
  /** The directory was removed, or moved away. */
  ended = false
  readonly #dirs = new Map<number, Dir>()
  /** Without a watch, but perhaps there. */
  readonly #pending = new Set<Dir>()
  /** Watched since there were no records left. */
  readonly #fresh = new Set<Dir>()
  /** Directories were renamed since then. */
  #moved = false
  /** Entries changed places, as the records look. */
  readonly #exchanged = new Set<Dir>()
  readonly #loose = new Set<Dir>()
  #lost = false
  #events: TreeEvent[] = []
  /** Paths whose last event is a write, and attributes. */
  readonly #written = new Set<string>()
  readonly #changed = new Set<string>()
  /** What comes after a name that went, and perhaps comes somewhere else. */
  #held: TreeRecord[] = []

  constructor(
    readonly source: SystemTree,
    readonly rules: TreeRules,
  ) {}

  /** Whether to look again soon, though there may be no records. */
  get holding(): boolean {
    return this.#held.length > 0
  }

  /** Watches what there is. @throws KqueueError, also ENOENT, ENOTDIR and EACCES of the root */
  *begin(): Generator<void> {
    this.source.mark()
    yield* this.#walk(this.root, 'first')
    this.#fresh.clear()
  }

  /** What has happened. @param late what is held has been held for long enough */
  take(late: boolean): TreeEvent[] {
    let records = [...this.#held, ...this.source.read()]
    this.#held = []
    for (let round = 0; !this.ended; round++) {
      this.#handle(records, late)
      if (this.#held.length > 0 || !this.#settle() || round === ROUNDS) break
      records = this.source.read()
    }
    for (const dir of this.#loose) {
      if (this.#loose.size <= LOOSE) break
      dir.entries.pack()
      this.#loose.delete(dir)
    }
    const events = this.#events
    this.#events = []
    this.#written.clear()
    this.#changed.clear()
    return events
  }

  // What is there

  /** Looks at a directory, and those below that are not known. */
  *#walk(from: Dir, look: Look): Generator<void> {
    const left = [from]
    for (let dir = left.pop(); dir !== undefined; dir = left.pop()) {
      for (const next of this.#look(dir, look)) left.push(next)
      yield
    }
  }

  #walkNow(from: Dir, look: Look): void {
    for (const _ of this.#walk(from, look));
  }

  /** Watches a directory, and takes in its names: those below that are to be looked at. */
  #look(dir: Dir, look: Look): Dir[] {
    const text = this.#attach(dir, look === 'all')
    if (text === null) return []
    return look === 'first' ? this.#learn(dir, text) : this.#compare(dir, text, look)
  }

  /** Watches a directory: its names, or null when that cannot be. */
  #attach(dir: Dir, compare: boolean): string | null {
    const { follow } = this.rules
    const answer = this.source.list(dir.path, { follow, compare })
    if (typeof answer === 'number') {
      this.#refused(dir, answer)
      return null
    }
    const { watch, names } = answer
    const other = this.#dirs.get(watch)
    if (other !== undefined && other !== dir) {
      // One directory at two places: by a link, or a mount. Else it was renamed.
      if (this.source.identify(other.path, follow) === watch) return null
      other.watch = -1
      this.#pending.add(other)
    }
    if (dir.watch !== watch) this.#unwatch(dir)
    dir.watch = watch
    this.#dirs.set(watch, dir)
    this.#pending.delete(dir)
    this.#fresh.add(dir)
    return names
  }

  #refused(dir: Dir, errno: number): void {
    const gone = [ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG].includes(errno)
    if (dir === this.root || !(gone || errno === EACCES)) throw this.source.failure(errno)
    // Who may not read it is told when its attributes change.
    if (gone) this.#pending.add(dir)
  }

  #unwatch(dir: Dir): void {
    if (dir.watch === -1) return
    if (this.#dirs.get(dir.watch) === dir) {
      this.#dirs.delete(dir.watch)
      this.source.unwatch(dir.watch)
    }
    dir.watch = -1
  }

  /** The names of a directory of which nothing is told. */
  #learn(dir: Dir, text: string): Dir[] {
    const { ignore, recursive } = this.rules
    if (ignore === undefined) {
      dir.entries.reset(text)
    } else {
      for (const [name, kind] of unpack(text)) {
        const directory = (kind & ENTRY_DIRECTORY) !== 0
        if (!this.#ignored(dir, name, directory)) dir.entries.set(name, directory)
      }
      dir.entries.pack()
    }
    if (!recursive) return []
    const found: Dir[] = []
    const kept = ignore !== undefined
    for (const name of this.#directories(text)) {
      if (!kept || dir.entries.get(name) !== undefined) found.push(this.#child(dir, name))
    }
    if (kept) dir.entries.pack()
    return found
  }

  *#directories(text: string): Generator<string> {
    for (let at = 0; at < text.length; ) {
      const end = at + 2 + text.charCodeAt(at + 1)
      if (text.charCodeAt(at) & ENTRY_DIRECTORY) yield text.slice(at + 2, end)
      at = end
    }
  }

  #child(dir: Dir, name: string): Dir {
    const child = new Dir(dir, name)
    dir.adopt(child)
    return child
  }

  /** Tells how a directory differs from what is known of it. */
  #compare(dir: Dir, text: string, look: Look): Dir[] {
    const found = new Map<string, number>()
    for (const [name, kind] of unpack(text)) {
      if (!this.#ignored(dir, name, (kind & ENTRY_DIRECTORY) !== 0)) found.set(name, kind)
    }
    this.#touch(dir)
    const next: Dir[] = []
    for (const [name, directory] of dir.entries.all()) {
      const kind = found.get(name)
      if (kind === undefined || ((kind & ENTRY_DIRECTORY) !== 0) !== directory) {
        this.#remove(dir, name)
      } else if (look === 'all' && kind & ENTRY_RECENT) {
        this.#tell('write', dir, name, false)
        this.#tell('attributes', dir, name, false)
      }
    }
    for (const [name, kind] of found) {
      const known = dir.entries.get(name) !== undefined
      const child = known ? dir.child(name) : this.#add(dir, name, (kind & ENTRY_DIRECTORY) !== 0)
      if (child !== undefined && (!known || look !== 'new')) next.push(child)
    }
    return next
  }

  #touch(dir: Dir): void {
    this.#loose.delete(dir)
    this.#loose.add(dir)
  }

  /** No record is left: looks again at what is not sure. Whether there was something. */
  #settle(): boolean {
    if (this.#lost) {
      this.#lost = false
      this.source.rescan()
      this.#walkNow(this.root, 'all')
      this.#moved = true
      return true
    }
    const { size } = this.#pending
    let again = this.#moved || this.#exchanged.size > 0
    for (const dir of [...this.#pending]) {
      if (this.#pending.delete(dir)) this.#walkNow(dir, 'deep')
    }
    for (const dir of this.#exchanged) this.#walkNow(dir, 'new')
    this.#exchanged.clear()
    if (this.#moved) this.#verify()
    this.#moved = false
    again ||= this.#pending.size < size
    if (!again) this.#fresh.clear()
    return again
  }

  /** What was watched by its path while directories were renamed is what is there now. */
  #verify(): void {
    for (const dir of [...this.#fresh]) {
      if (dir.watch === -1) continue
      if (this.source.identify(dir.path, this.rules.follow) === dir.watch) continue
      this.#walkNow(dir, 'deep')
    }
  }

  // What is told

  #text(path: string): string {
    return this.source.text(path, this.rules.encoding)
  }

  #ignored(dir: Dir, name: string, directory: boolean): boolean {
    const { ignore } = this.rules
    return ignore?.(this.#text(dir.below(name)), directory) ?? false
  }

  #add(dir: Dir, name: string, directory: boolean): Dir | undefined {
    dir.entries.set(name, directory)
    this.#tell('create', dir, name, directory)
    return directory && this.rules.recursive ? this.#child(dir, name) : undefined
  }

  /** A name is gone, and with it what is below. */
  #remove(dir: Dir, name: string): void {
    const directory = dir.entries.get(name)
    if (directory === undefined) return
    const child = dir.child(name)
    if (child !== undefined) {
      for (const [below] of child.entries.all()) this.#remove(child, below)
      this.#unwatch(child)
      for (const set of [this.#pending, this.#fresh, this.#loose, this.#exchanged]) {
        set.delete(child)
      }
      dir.drop(name)
    }
    dir.entries.delete(name)
    this.#tell('delete', dir, name, directory)
  }

  #tell(type: TreeEvent['type'], dir: Dir, name: string, directory: boolean): void {
    const path = this.#text(dir.below(name))
    const last = type === 'write' ? this.#written : this.#changed
    if (type === 'write' || type === 'attributes') {
      if (last.has(path)) return
      last.add(path)
    } else {
      this.#written.delete(path)
      this.#changed.delete(path)
    }
    this.#events.push({ type, path, directory })
  }

  // Records

  #handle(records: TreeRecord[], late: boolean): void {
    /** What came somewhere, by what tells which name went for it. */
    const arrivals = new Map<number, TreeRecord>()
    for (const each of records) if (each.what === 'to') arrivals.set(each.cookie, each)
    const paired = new Set<TreeRecord>()
    for (let i = 0; i < records.length && !this.ended; i++) {
      const record = records[i]!
      const to = record.what === 'from' ? arrivals.get(record.cookie) : undefined
      if (to !== undefined) {
        paired.add(to)
        this.#rename(record, to, records[records.indexOf(to, i) + 1])
      } else if (record.what === 'from' && !late && this.#dirs.has(record.watch)) {
        // Linux tells of both names one after the other, not at once.
        this.#held = records.slice(i).filter((each) => !paired.has(each))
        return
      } else if (!paired.has(record)) {
        this.#record(record)
      }
    }
  }

  #record({ watch, what, name, directory }: TreeRecord): void {
    if (what === 'lost') this.#lost = true
    const dir = this.#dirs.get(watch)
    if (dir === undefined) return
    if (what === 'gone') this.#gone(dir)
    else if (name === '') this.#self(dir)
    else this.#entry(dir, what, name, directory)
  }

  /** A directory has no watch any more. */
  #gone(dir: Dir): void {
    this.#dirs.delete(dir.watch)
    dir.watch = -1
    if (dir !== this.root) {
      this.#pending.add(dir)
      return
    }
    this.ended = true
    this.#events.push({ type: 'delete', path: '.', directory: true })
  }

  /** The attributes of a directory; of all but the root the directory above tells. */
  #self(dir: Dir): void {
    if (dir === this.root && !this.#changed.has('.')) {
      this.#changed.add('.')
      this.#events.push({ type: 'attributes', path: '.', directory: true })
    }
  }

  #entry(dir: Dir, what: TreeRecord['what'], name: string, isDirectory: boolean): void {
    const known = dir.entries.get(name)
    const stays = what === 'write' || what === 'attributes'
    if (!stays || !dir.entries.packed) this.#touch(dir)
    switch (what) {
      case 'create':
      case 'to':
        this.#arrive(dir, name, known, isDirectory || this.#leads(dir, name), what)
        break
      case 'delete':
      case 'from':
        this.#remove(dir, name)
        break
      case 'write':
      case 'attributes': {
        if (known === undefined) break
        this.#tell(what, dir, name, known)
        const child = dir.child(name)
        if (child !== undefined && child.watch === -1) this.#pending.add(child)
      }
    }
  }

  /** Whether a name is a link to a directory that is to be followed. */
  #leads(dir: Dir, name: string): boolean {
    const { follow } = this.rules
    return follow && this.source.isDirectory(dir.below(name))
  }

  #arrive(
    dir: Dir,
    name: string,
    known: boolean | undefined,
    directory: boolean,
    what: 'create' | 'to',
  ): void {
    if (this.#ignored(dir, name, directory)) {
      this.#remove(dir, name)
    } else if (known === directory) {
      // Seen when the directory was read, or it has taken the place of another.
      const child = dir.child(name)
      if (child !== undefined && what === 'to') this.#walkNow(child, 'deep')
      else if (what === 'to' && !directory) this.#tell('write', dir, name, false)
    } else {
      this.#remove(dir, name)
      const child = this.#add(dir, name, directory)
      if (child !== undefined) this.#walkNow(child, 'new')
    }
  }

  #rename(from: TreeRecord, to: TreeRecord, next: TreeRecord | undefined): void {
    const source = this.#dirs.get(from.watch)
    const target = this.#dirs.get(to.watch)
    const directory = source?.entries.get(from.name)
    if (source === undefined || directory === undefined) {
      if (target !== undefined) this.#record(to)
      return
    }
    if (target === undefined || this.#ignored(target, to.name, directory)) {
      if (target !== undefined) this.#remove(target, to.name)
      this.#remove(source, from.name)
      return
    }
    const child = source.child(from.name)
    if (child !== undefined && target.isWithin(child)) {
      // What moved had the name before the one that is known by it, which has been found early.
      this.#remove(source, from.name)
      return
    }
    const back = next?.what === 'from' && next.watch === to.watch && next.name === to.name
    if (back) this.#exchanged.add(target)
    this.#move(source, from.name, target, to.name, directory)
  }

  #move(source: Dir, name: string, target: Dir, newName: string, directory: boolean): void {
    this.#touch(source)
    this.#touch(target)
    const child = source.child(name)
    // A directory in whose place it comes is empty; what is known of it is not.
    if (target.entries.get(newName) !== undefined && (directory || target.child(newName))) {
      this.#remove(target, newName)
    }
    const path = this.#text(target.below(newName))
    const from = this.#text(source.below(name))
    source.entries.delete(name)
    source.drop(name)
    target.entries.set(newName, directory)
    this.#written.clear()
    this.#changed.clear()
    this.#events.push({ type: 'rename', path, from, directory })
    if (child === undefined) return
    child.name = newName
    target.adopt(child)
    this.#moved = true
    this.#fresh.add(child)
    // Other names may be ignored now.
    if (this.rules.ignore !== undefined) this.#walkNow(child, 'deep')
  }
}
