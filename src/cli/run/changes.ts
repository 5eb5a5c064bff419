/**
 * What has changed since the last run, and when that is enough to run again.
 *
 *     changes.note('/project/new.ts', APPEARED)
 *     if (changes.due(performance.now()) === 0) run(changes.take())
 *
 * What comes and goes within one burst, as the temporary files of editors do, has not
 * changed anything.
 */

/** What happened to a path. */
export type Happened = 'appeared' | 'changed' | 'vanished'

/** A constant stream of changes is cut after so many delays. */
const MOST_DELAYS = 100
/**
 * Who changes many files, as a checkout does, pauses longer in between: so many paths are
 * given one more delay of quiet, up to LONGEST_QUIET delays.
 */
const MANY_PATHS = 50
const LONGEST_QUIET = 5

interface Change {
  /** It was there before. */
  readonly was: boolean
  /** It is there now. */
  is: boolean
}

export class Changes {
  readonly #files = new Map<string, Change>()
  readonly #directories = new Map<string, Change>()
  /** Times of the first and the last change, ms. */
  #first = 0
  #last = 0

  /**
   * @param delay how long it is to be quiet, ms
   * @param begin called when something has changed and nothing had before
   */
  constructor(
    readonly delay: number,
    readonly begin: () => void = () => {},
  ) {}

  /** When the first change was noted: ms. */
  get since(): number {
    return this.empty ? Number.POSITIVE_INFINITY : this.#first
  }

  get empty(): boolean {
    return this.#files.size === 0 && this.#directories.size === 0
  }

  note(path: string, happened: Happened, isDirectory = false): void {
    const changes = isDirectory ? this.#directories : this.#files
    const now = performance.now()
    if (this.empty) {
      this.#first = now
      this.begin()
    }
    this.#last = now
    const is = happened !== 'vanished'
    const change = changes.get(path)
    if (change === undefined) {
      changes.set(path, { was: happened !== 'appeared', is })
    } else if (!change.was && !is) {
      changes.delete(path)
    } else {
      change.is = is
    }
  }

  /** How long to wait for more, ms: 0 when it is time to run, undefined when nothing has changed. */
  due(now: number): number | undefined {
    if (this.empty) return undefined
    const paths = this.#files.size + this.#directories.size
    const quiet = this.delay * Math.min(LONGEST_QUIET, 1 + paths / MANY_PATHS)
    const end = Math.min(this.#last + quiet, this.#first + MOST_DELAYS * this.delay)
    return Math.max(0, end - now)
  }

  /**
   * The paths that have changed: those that are there first, each group in the order of
   * its first change. Directories are named where nothing in them has changed.
   */
  take(): string[] {
    const changes = this.#files.size > 0 ? this.#files : this.#directories
    const present = [...changes].filter(([, { is }]) => is)
    const absent = [...changes].filter(([, { is }]) => !is)
    this.clear()
    return [...present, ...absent].map(([path]) => path)
  }

  clear(): void {
    this.#files.clear()
    this.#directories.clear()
  }
}
