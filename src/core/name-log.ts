/**
 * Names of entries of a directory, for a knote of EVFILT_VNODE whose `udata` is such a
 * log: an event has no room for them. `take` answers those that belong to the event that
 * was handed out last.
 */

import type { Knote } from './knote.js'

/** Who takes no names for so long is told that names are missing. */
const MOST = 65_536

export class NameLog {
  /** Names since the last event. */
  readonly #gathered = new Set<string>()
  #lost = false
  #event: string[] | null = []

  add(name: string): void {
    if (this.#lost) return
    this.#gathered.add(name)
    if (this.#gathered.size > MOST) this.lose()
  }

  /** Names are missing. */
  lose(): void {
    this.#lost = true
    this.#gathered.clear()
  }

  /** An event is handed out: what has been gathered belongs to it. */
  cut(): void {
    this.#event = this.#lost ? null : [...this.#gathered]
    this.#lost = false
    this.#gathered.clear()
  }

  /** The names of the event, each once, in the order in which something happened; null when some are missing. */
  take(): string[] | null {
    const names = this.#event
    this.#event = []
    return names
  }
}

/** Keeps the name of an entry for a knote that has a log. */
export function logName({ udata }: Knote, name: string): void {
  if (udata instanceof NameLog) udata.add(name)
}

/** The event of a knote is handed out. */
export function cutNames({ udata }: Knote): void {
  if (udata instanceof NameLog) udata.cut()
}
