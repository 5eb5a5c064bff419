/**
 * `--exist PATH` and `--gone PATH`: a path leads to something, or to nothing. No directory on
 * the way need be there.
 */
import { EVFILT_VNODE, type Kevent } from '../../index.js'
import type { Condition, Opened, PathFact, Registration, Stream } from '../condition.js'
import { UsageError } from '../errors.js'
import { trigger } from '../feed.js'
import { type Found, PathWatch } from '../path-watch.js'

export const PATHS: readonly Condition[] = [
  row('exist', 'there is something of this name, or another in its place'),
  row('gone', 'there is nothing of this name'),
]

function row(option: 'exist' | 'gone', help: string): Condition {
  return {
    option,
    value: 'PATH',
    help,
    isPath: true,
    parse(path) {
      if (path === '') throw new UsageError(`--${option} '' names nothing; write --${option} PATH`)
      return () => open(path, option === 'exist')
    },
  }
}

function open(path: string, wanted: boolean): Opened {
  return {
    changes: [],
    start: (on) => new PathStream(path, on, wanted),
    say: ({ udata }) => words(udata as Found | undefined),
    fields: ({ udata }) => ({ path, ...fieldsOf(udata as Found | undefined) }),
    facts: ({ udata }) => [factOf(path, udata as Found | undefined)],
  }
}

class PathStream implements Stream {
  readonly ready = Promise.resolve()
  readonly #watch: PathWatch
  /** What was found last; null before it was looked for. */
  #before: Found | undefined | null = null
  #events: Kevent[] = []

  constructor(
    path: string,
    readonly on: Registration,
    /** Whether it is to be there. */
    readonly wanted: boolean,
  ) {
    this.#watch = new PathWatch(path, on)
    try {
      this.#tell()
    } catch (error) {
      this.close()
      throw error
    }
    // What is so already is an event.
    if (this.#events.length > 0) trigger(on)
  }

  #tell(): void {
    const { found } = this.#watch
    const isMet = (found !== undefined) === this.wanted
    if (!isMet) this.#watch.assertTold()
    else if (found !== this.#before) this.#events.push(this.#event(found))
    this.#before = found
  }

  #event(udata: Found | undefined): Kevent {
    return { ident: this.on.ident, filter: EVFILT_VNODE, flags: 0, fflags: 0, data: 0, udata }
  }

  take(): Kevent[] {
    this.#watch.look()
    this.#tell()
    return this.#events.splice(0)
  }

  close(): void {
    this.#watch.close()
  }
}

function words(found: Found | undefined): string {
  if (found === undefined) return 'is not there'
  return found.isDirectory ? 'is there, a directory' : 'is there'
}

function fieldsOf(found: Found | undefined) {
  return { exists: found !== undefined, ...(found && { directory: found.isDirectory }) }
}

function factOf(path: string, found: Found | undefined): PathFact {
  const events =
    found === undefined ? ['DELETE'] : found.isDirectory ? ['CREATE', 'ISDIR'] : ['CREATE']
  return { watched: path, name: '', events }
}
