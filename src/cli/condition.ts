/** What can be waited for on the command line: how it is written, opened and told in words. */
import type { Change, Kevent } from '../index.js'

export interface Condition {
  /** Its name without the dashes. */
  readonly option: string
  /**
   * What its value is called in help: '' for a condition without a value, '[NAME]' for
   * one that may have none.
   */
  readonly value: string
  readonly help: string
  /** Names of the bits that `fflags` of its events can hold. */
  readonly notes?: Readonly<Record<string, number>>
  /**
   * Reads its value, '' for none, without opening anything.
   * @throws UsageError
   */
  parse(value: string): Opener
}

/**
 * Opens what is to be watched.
 * @param ident a number that no other condition was given
 * @throws Error with errno; Refusal
 */
export type Opener = (ident: number) => Opened

export interface Opened {
  /** What to register. Whether once or as an edge is up to the command. */
  readonly changes: readonly Change[]
  /** It needs a queue of its own, and its end is when nothing is left on that. */
  readonly alone?: boolean
  /** What happened, in words. */
  say(event: Kevent): string
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
