/**
 * Which number of the child each descriptor gets: the `stdio` of child_process, which passes
 * any descriptor at any number, with gaps. What the program says of a number goes first; a
 * queue and what it watches keep their numbers, or are left out; what only travels along
 * moves to where there is room.
 */
import type { IOType, StdioOptions } from 'node:child_process'

export type Entry = Exclude<StdioOptions, string>[number]

/** The numbers that a child has in any case. */
const STANDARD = 3

export class Places {
  readonly #entries: Entry[]
  /** Numbers that are the program's, whatever it has put there. */
  readonly #given: ReadonlySet<number>
  /** 'ipc' is to be somewhere, and the program has not said where. */
  readonly #needsIpc: boolean

  constructor(entries: readonly Entry[], needsIpc: boolean) {
    this.#entries = [...entries]
    const numbers = entries.flatMap((entry, at) => (isHole(entry, at) ? [] : [at]))
    this.#given = new Set(numbers)
    this.#needsIpc = needsIpc
  }

  /** Of child_process.fork. */
  static ofFork(stdio: StdioOptions | null | undefined, silent: boolean): Places {
    if (Array.isArray(stdio)) return new Places(stdio, false)
    return new Places(standard(stdio ?? (silent ? 'pipe' : 'inherit')), true)
  }

  /** Of child_process.spawn. */
  static ofSpawn(stdio: StdioOptions | null | undefined): Places {
    return new Places(Array.isArray(stdio) ? stdio : standard(stdio ?? 'pipe'), false)
  }

  /** Whether a number of the child is the same descriptor as here, or can be. */
  keeps(fd: number): boolean {
    return !this.#given.has(fd) || sameAs(this.#entries[fd], fd) === fd
  }

  /** Passes a descriptor under its own number, for which `keeps` has been asked. */
  keep(fd: number): void {
    if (!this.#given.has(fd)) this.#entries[fd] = fd
  }

  /** Whether the program has said nothing of a number. */
  isFree(number: number): boolean {
    return !this.#given.has(number) && this.#entries[number] === undefined
  }

  /** Passes a descriptor under another number, which is free. */
  put(number: number, fd: number): void {
    this.#entries[number] = fd
  }

  /** Passes nothing under a number that was kept or put. */
  leaveOut(number: number): void {
    if (!this.#given.has(number)) this.#entries[number] = undefined
  }

  /** Passes a descriptor wherever there is room, best under its own number: which it is. */
  place(fd: number): number {
    const number = fd >= STANDARD && this.isFree(fd) ? fd : this.#room()
    this.#entries[number] = fd
    return number
  }

  #room(): number {
    let number = STANDARD
    while (!this.isFree(number)) number++
    return number
  }

  /** What child_process takes; nothing can be placed after that. */
  get stdio(): Entry[] {
    if (this.#needsIpc && !this.#entries.includes('ipc')) this.#entries[this.#room()] = 'ipc'
    return Array.from(this.#entries, (entry, at) => entry ?? (at < STANDARD ? 'pipe' : 'ignore'))
  }
}

const standard = (what: IOType): Entry[] => [what, what, what]

/** Of the first three nothing said is a pipe. */
function isHole(entry: Entry, at: number): boolean {
  return at >= STANDARD && (entry === undefined || entry === null)
}

/** The descriptor of ours that the child gets under a number, -1 for none. */
function sameAs(entry: Entry, number: number): number {
  if (entry === 'inherit') return number
  if (typeof entry === 'number') return entry
  if (typeof entry !== 'object' || entry === null) return -1
  return 'fd' in entry && typeof entry.fd === 'number' ? entry.fd : -1
}
