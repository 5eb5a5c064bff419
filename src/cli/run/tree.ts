/**
 * What `kq run` watches: as few trees as there can be, with the names that lead to the
 * paths of the user.
 *
 *     const tree = new Tree(given, filter, changes, wake)
 *     await tree.begin()
 *     await tree.settle() // what has happened until now is noted
 *
 * A directory above that was moved, or a link on the way that leads elsewhere, makes other
 * trees of them. Then all is begun again, and what differs from what was known has changed.
 */

import { type Bytes, textOf } from '../bytes.js'
import { Area, type Choice } from './area.js'
import type { Changes, Happened } from './changes.js'
import { unwatchable } from './paths.js'
import { directoriesIn, type Given, type Place, placesOf } from './places.js'
import { below } from './scope.js'
import { isSince, statusOf } from './status.js'
import { basesOf, Way } from './way.js'

/** How often to look again while others move the directories. */
const ROUNDS = 100

/** In place of a mark. */
const DIRECTORY = 'directory'

/** What is watched until other trees are. */
interface Watching {
  readonly areas: readonly Area[]
  readonly way: Way
  readonly end: AbortController
}

export class Tree {
  readonly #given: readonly Given[]
  readonly #choice: Choice
  readonly #changes: Changes
  readonly #wake: () => void
  #watching: Watching | undefined
  #isStale = false
  /** Only because other things are ignored. */
  #isQuiet = false
  /** Resolves when other trees are watched. */
  #work: Promise<void> | undefined
  #failure: unknown
  #isClosed = false
  #refused: string[] = []

  /** @param wake called when something has happened */
  constructor(given: readonly Given[], choice: Choice, changes: Changes, wake: () => void) {
    this.#given = given
    this.#choice = choice
    this.#changes = changes
    this.#wake = wake
  }

  /** Resolves when all is watched. @throws (rejects with) SourceError */
  async begin(): Promise<void> {
    const begun = this.#watch()
    this.#work = begun.then(
      () => {},
      () => {},
    )
    await begun
    this.#work = undefined
    if (this.#isStale) this.#again()
  }

  /**
   * Resolves when all that has happened until now is noted.
   * @throws (rejects with) SourceError what has ended the watching
   */
  async settle(): Promise<void> {
    // Between two of them the kernel has been asked what there is.
    await turn()
    await turn()
    await this.#work
    this.assertWatching()
  }

  /** @throws SourceError what has ended the watching */
  assertWatching(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Lines on what could not be watched since the last time. */
  refused(): string[] {
    return this.#refused.splice(0)
  }

  /** How many count. */
  size(): { files: number; directories: number } {
    const size = { files: 0, directories: 0 }
    for (const { base, contents } of this.#watching?.areas ?? []) {
      if (base.place.target) size.directories++
      const { files, directories } = contents.count()
      size.files += files
      size.directories += directories
    }
    return size
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#stop()
    await this.#work
  }

  /** Answers in which round it was done. */
  async #watch(): Promise<number> {
    for (let round = 1; ; round++) {
      this.#isStale = false
      if (this.#isClosed) return round
      const bases = basesOf(this.#places())
      const told = {
        stale: (rules = false) => this.#again(rules),
        refused: (path: Bytes, reason: string) => {
          this.#refused.push(`${textOf(path)}: ${reason}`)
          this.#wake()
        },
      }
      const areas = bases.map((base) => new Area(base, this.#choice, this.#changes, told))
      const way = new Way(bases, () => told.stale())
      this.#watching = { areas, way, end: new AbortController() }
      if ((await this.#opened(this.#watching, round < ROUNDS)) && way.holds) return round
      await this.#stop()
    }
  }

  /** Of what was asked for, and of what says what git ignores in it. */
  #places(): Place {
    const places = placesOf(this.#given)
    const { git } = this.#choice
    if (git === undefined) return places
    const files = git.filesAbove(directoriesIn(places))
    const rules = Array.from(files, (path) => ({ path, word: textOf(path), rules: true }) as const)
    return placesOf(rules, places)
  }

  /** Whether all could be opened; not when one has just gone. */
  async #opened({ areas, end }: Watching, again: boolean): Promise<boolean> {
    const begun = await Promise.allSettled(areas.map((area) => area.begin(end.signal)))
    for (const [i, result] of begun.entries()) {
      const { over, base } = areas[i]!
      if (result.status === 'rejected') {
        if (end.signal.aborted) return false
        const { code = '' } = result.reason as NodeJS.ErrnoException
        if (again && ['ENOENT', 'ENOTDIR'].includes(code)) return false
        throw unwatchable(base.path, result.reason)
      }
      over.catch((error) => {
        if (!end.signal.aborted) this.#fail(unwatchable(base.path, error))
      })
    }
    return true
  }

  async #stop(): Promise<void> {
    const watching = this.#watching
    this.#watching = undefined
    if (watching === undefined) return
    watching.end.abort()
    watching.way.close()
    await Promise.allSettled(watching.areas.map(({ over }) => over))
  }

  #again(quiet = false): void {
    this.#isQuiet = quiet && (this.#isQuiet || !this.#isStale)
    this.#isStale = true
    if (this.#isClosed || this.#work !== undefined || this.#watching === undefined) return
    this.#work = this.#rewatch()
      .catch((error) => this.#fail(error))
      .finally(() => {
        this.#work = undefined
      })
  }

  async #rewatch(): Promise<void> {
    while (this.#isStale && !this.#isClosed) {
      const quiet = this.#isQuiet
      const before = this.#items()
      const since = Date.now()
      await this.#stop()
      const rounds = await this.#watch()
      this.#compare(before, this.#items(), quiet && rounds === 1 ? since : undefined)
      this.#wake()
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= error
    this.#wake()
  }

  /** The mark of each file that counts, and DIRECTORY. */
  #items(): Map<Bytes, string> {
    const items = new Map<Bytes, string>()
    for (const { base, contents } of this.#watching?.areas ?? []) {
      if (base.place.target) items.set(base.path, DIRECTORY)
      for (const { path, mark, folder } of contents.all()) {
        if (mark !== undefined) items.set(below(base.path, path), mark)
        else if (folder?.whole) items.set(below(base.path, path), DIRECTORY)
      }
    }
    return items
  }

  /** @param since since when names may have come; without, all others have come */
  #compare(before: Map<Bytes, string>, after: Map<Bytes, string>, since?: number): void {
    for (const [path, mark] of after) {
      const old = before.get(path)
      if (old === undefined && since !== undefined && !isSince(path, since)) continue
      if (old === undefined) this.#note(path, mark, 'appeared')
      else if (old !== mark) this.#note(path, mark, 'changed')
    }
    for (const [path, mark] of before) {
      if (after.has(path) || (since !== undefined && statusOf(path) !== undefined)) continue
      this.#note(path, mark, 'vanished')
    }
  }

  #note(path: Bytes, mark: string, happened: Happened): void {
    const isDirectory = mark === DIRECTORY
    if (isDirectory && !this.#choice.filter.countsAll) return
    this.#changes.note(textOf(path), happened, isDirectory)
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
