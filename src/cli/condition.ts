/** What can be waited for on the command line: how it is written, opened and told in words. */
import type { Change, Kevent, Kqueue } from '../index.js'

/** An option or a condition, as it is written and as help has it. */
export interface Row {
  /** Its name without the dashes. */
  readonly option: string
  /** Its letter: 'h' for -h. */
  readonly short?: string
  /** What its value is called in help: '' where it has none, '[NAME]' where it may have none. */
  readonly value: string
  readonly help: string
}

export interface Condition extends Row {
  /** Its events tell of paths, for `--format`. */
  readonly isPath?: boolean
  /** Names of the bits that `fflags` of its events can hold. */
  readonly notes?: Readonly<Record<string, number>>
  /**
   * Reads its value, '' for none, without opening anything.
   * @throws UsageError
   */
  parse(value: string): Opener
}

/** How all conditions of a command are watched. */
export interface Manner {
  /** Directories with those below. */
  readonly recursive: boolean
  /** What is in a directory, one by one. */
  readonly entries: boolean
}

/**
 * Opens what is to be watched.
 * @param ident a number that no other condition was given
 * @throws Error with errno; Refusal
 */
export type Opener = (ident: number, manner: Manner) => Opened

/** Where what is watched is registered. */
export interface Registration {
  readonly queue: Kqueue
  /** A number that nobody else on the queue has, for a user event or file systems. */
  readonly ident: number
  /** Of all that it has on the queue. */
  readonly udata: object
}

/** What tells of its events by itself, on the queue that all share. */
export interface Stream {
  /** Watched from now on; rejects with what is in the way. */
  readonly ready: Promise<void>
  /** What has happened; asked when the queue has an event with its `udata`. @throws what ended it */
  take(): Kevent[]
  close(): void
}

/** What an event says of a path, as inotifywait(1) has it. */
export interface PathFact {
  /** What is watched; of an entry of a directory, that directory with a slash. */
  readonly watched: string
  /** The name of the entry, '' for what is watched itself. */
  readonly name: string
  /** CREATE, ISDIR and the like. */
  readonly events: readonly string[]
}

export interface Opened {
  /** What to register. Whether once or as an edge is up to the command. */
  readonly changes: readonly Change[]
  /**
   * Begins a stream, which it has instead of changes.
   * @throws Error with errno; Refusal
   */
  start?(on: Registration): Stream
  /** It needs a queue of its own, and its end is when nothing is left on that. */
  readonly alone?: boolean
  /** What happened, in words. */
  say(event: Kevent): string
  /** What `--format` has: a line each. */
  facts?(event: Kevent): readonly PathFact[]
  /** What JSON has besides. */
  fields?(event: Kevent): Readonly<Record<string, unknown>>
  /**
   * The event that is told where it cannot be watched, because what it waits for has been;
   * undefined where that is an error.
   * @throws Error that says more than `error`
   */
  instead?(error: unknown): Kevent | undefined
  /** Closes what was opened. */
  close?(): void
}
