/**
 * A directory that is watched with what counts below it, by `treeEvents`: one watch a
 * directory, and no descriptor a file.
 *
 *     const area = new Area(base, filter, changes, told)
 *     await area.begin(signal)
 *     ... // changes are noted
 *     area.contents.all()
 */
import { accessSync, constants } from 'node:fs'
import { type TreeEvent, treeEvents } from '../../index.js'
import { type Bytes, pathOf, textOf } from '../bytes.js'
import { reasonOf } from '../errors.js'
import type { Changes, Happened } from './changes.js'
import { Contents, Folder, itemsIn } from './contents.js'
import type { Filter } from './filter.js'
import type { GitIgnore } from './gitignore.js'
import { type Base, below, Scopes, type Verdict } from './scope.js'
import { silentMounts } from './silent.js'
import { statusOf } from './status.js'

/** Who is told of what is no change. */
export interface Told {
  /**
   * What is watched is not what is to be watched any more.
   * @param rules because other things are ignored, which is no change of what is not ignored now
   */
  stale(rules?: boolean): void
  /** Something is left out. */
  refused(path: Bytes, reason: string): void
}

/** Which of the names that are found count. */
export interface Choice {
  readonly filter: Filter
  readonly git: GitIgnore | undefined
}

export class Area {
  readonly contents = new Contents()
  /** Rejects with what ends the watching. */
  over: Promise<void> = Promise.resolve()
  readonly #filter: Filter
  readonly #git: GitIgnore | undefined
  readonly #changes: Changes
  readonly #told: Told
  readonly #silent: ReadonlyMap<Bytes, string>
  /** What counts is the same within a turn of the loop, and may be another in the next. */
  #scopes: Scopes | undefined
  #ready = false

  constructor(
    readonly base: Base,
    { filter, git }: Choice,
    changes: Changes,
    told: Told,
  ) {
    this.#filter = filter
    this.#git = git
    this.#changes = changes
    this.#told = told
    this.#silent = silentMounts(base.path)
  }

  /** Resolves when all that is there is watched. @throws (rejects with) what `treeEvents` does */
  async begin(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const events = treeEvents(pathOf(this.base.path), {
        encoding: 'latin1',
        ignore: (path, directory) => !this.#meet(path, directory),
        ready: () => {
          this.#ready = true
          this.#scopes = undefined
          resolve()
        },
        signal,
      })
      this.over = this.#follow(events)
      this.over.catch(reject)
    })
  }

  async #follow(events: AsyncIterable<TreeEvent>): Promise<void> {
    for await (const event of events) this.#take(event)
    this.#told.stale()
  }

  get #judge(): Scopes {
    if (this.#scopes === undefined) {
      this.#scopes = new Scopes(this.#filter, this.base, this.#git)
      if (this.#ready) setImmediate(() => (this.#scopes = undefined))
    }
    return this.#scopes
  }

  #full(path: Bytes): Bytes {
    return below(this.base.path, path)
  }

  /** Whether to hear of a name that was found. */
  #meet(path: Bytes, directory: boolean): boolean {
    const verdict = this.#judge.judge(path, directory)
    if (!verdict.admitted) return false
    if (directory && this.#silent.size > 0 && this.#silent.has(this.#full(path))) {
      if (verdict.counts) this.#told.refused(this.#full(path), this.#silent.get(this.#full(path))!)
      return false
    }
    // Later there is an event.
    if (!this.#ready) this.#enter(path, directory, verdict)
    return true
  }

  /** Takes in what has a name: whether it counts. */
  #enter(path: Bytes, directory: boolean, { counts, place }: Verdict): boolean {
    if (directory) {
      this.contents.setFolder(path, new Folder(counts))
      this.#assertReadable(path)
      return counts && this.#filter.countsAll
    }
    const status = statusOf(this.#full(path))
    if (place !== undefined && status !== undefined) {
      const isLink = status.kind === 'link'
      if (isLink !== place.isLink) this.#told.stale()
      // What counts is where it leads to, which is found out then.
      if (isLink && place.target) return false
    }
    // A file that is gone already will be told of.
    if (!counts || status?.kind === 'other') return false
    this.contents.setFile(path, status?.mark ?? '')
    return true
  }

  #assertReadable(path: Bytes): void {
    try {
      accessSync(pathOf(this.#full(path)), constants.R_OK)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EACCES') this.#told.refused(this.#full(path), reasonOf(error))
    }
  }

  #note(path: Bytes, happened: Happened, directory = false): void {
    this.#changes.note(textOf(this.#full(path)), happened, directory)
  }

  #take({ type, path, from, directory }: TreeEvent): void {
    // Of the directory itself; of its end the end of the loop tells.
    if (path === '.') return
    if (this.#isLink(path) || (from !== undefined && this.#isLink(from))) this.#told.stale()
    const judge = this.#judge
    if (type !== 'attributes' && (judge.isRules(path) || (from && judge.isRules(from)))) {
      this.#told.stale(true)
    }
    if (type === 'create') this.#appear(path, directory)
    else if (type === 'delete') this.#vanish(path, directory)
    else if (type !== 'rename') this.#change(path, type === 'write')
    else if (directory) this.#moveFolder(from!, path)
    else this.#moveFile(from!, path)
  }

  /** Whether a link on the way to a path was here. */
  #isLink(path: Bytes): boolean {
    return this.#judge.placeOf(path)?.isLink === true
  }

  #appear(path: Bytes, directory: boolean): void {
    const known = this.contents.mark(path) !== undefined
    const verdict = this.#judge.judge(path, directory)
    if (this.#enter(path, directory, verdict))
      this.#note(path, known ? 'changed' : 'appeared', directory)
  }

  #vanish(path: Bytes, directory: boolean): void {
    if (!directory) {
      if (this.contents.deleteFile(path)) this.#note(path, 'vanished')
      return
    }
    const folder = this.contents.deleteFolder(path)
    if (folder !== undefined) this.#leave(path, folder)
  }

  #change(path: Bytes, written: boolean): void {
    const mark = this.contents.mark(path)
    if (mark === undefined) return
    const now = statusOf(this.#full(path))?.mark ?? mark
    if (!written && now === mark) return
    this.contents.setFile(path, now)
    this.#note(path, 'changed')
  }

  #moveFile(from: Bytes, path: Bytes): void {
    if (this.contents.deleteFile(from)) this.#note(from, 'vanished')
    this.#appear(path, false)
  }

  #moveFolder(from: Bytes, path: Bytes): void {
    const folder = this.contents.deleteFolder(from)
    if (folder === undefined) return
    this.#leave(from, folder)
    this.#appear(path, true)
    // What is not to be heard of any more is told of as removed.
    for (const { path: inner, folder: directory } of itemsIn(folder, path)) {
      const isDirectory = directory !== undefined
      if (this.#judge.judge(inner, isDirectory).admitted) this.#appear(inner, isDirectory)
    }
  }

  #leave(path: Bytes, folder: Folder): void {
    if (folder.whole && this.#filter.countsAll) this.#note(path, 'vanished', true)
    for (const { path: inner, mark, folder: directory } of itemsIn(folder, path)) {
      if (mark !== undefined) this.#note(inner, 'vanished')
      else if (directory?.whole && this.#filter.countsAll) this.#note(inner, 'vanished', true)
    }
  }
}
