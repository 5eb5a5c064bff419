/**
 * What is known of the processes of a trace: a tree of `Traced`, made from the events of
 * `processTree` one after the other. Times are ms on the scale of `performance.now()`.
 */
import { type ProcessEvent, STATUS_UNKNOWN } from '../../index.js'
import { signalName } from '../signals.js'
import { Labels } from './label.js'
import { lineOf, nameOf } from './program.js'

type Execution = Extract<ProcessEvent, { type: 'exec' }>

/** How it ended; 'running' when it was not seen to end, 'unknown' when nobody knows how. */
export type Outcome = 'ok' | 'failed' | 'killed' | 'running' | 'unknown'

/** What it has taken, as far as that was seen. */
export interface Use {
  /** Processor time of all its threads, in ms, undefined where nobody looked in time. */
  processor?: number
  /** The most memory that it held at once, in bytes; undefined likewise. */
  memory?: number
}

export class Traced {
  readonly use: Use = {}
  readonly children: Traced[] = []
  readonly depth: number
  /** What it runs; that of the process that made it until it executes something. */
  name: string
  /** The words of what it has executed last, null when nobody knows or it has not. */
  words: readonly string[] | null = null
  /** It has executed something that was gone before it had a name here. */
  nameless = false
  executions = 0
  /** When it executed something first, or was found to have. */
  executed: number | undefined
  ended: number | undefined
  /** As wait(2) encodes it. */
  status: number | undefined

  constructor(
    readonly pid: number,
    readonly parent: Traced | null,
    public born: number,
    name: string,
  ) {
    this.name = name
    this.depth = parent === null ? 0 : parent.depth + 1
    parent?.children.push(this)
  }

  get outcome(): Outcome {
    const { status } = this
    if (status === undefined) return 'running'
    if (status === STATUS_UNKNOWN) return 'unknown'
    if ((status & 0x7f) !== 0) return 'killed'
    return status === 0 ? 'ok' : 'failed'
  }

  /** What it gave to exit; null when a signal ended it, it runs, or nobody knows. */
  get exitCode(): number | null {
    const { outcome, status = 0 } = this
    return outcome === 'ok' || outcome === 'failed' ? status >> 8 : null
  }

  /** The name of the signal that ended it, null when none did. */
  get signal(): string | null {
    return this.outcome === 'killed' ? signalName(this.status! & 0x7f) : null
  }

  /** 'ok', 'exit 7', 'SIGTERM', 'running' */
  get ending(): string {
    if (this.outcome === 'failed') return `exit ${this.exitCode}`
    return this.signal ?? this.outcome
  }

  /** The program: '(sh)' for a copy of the shell, 'sh → ?' for what the shell's copy has executed. */
  get program(): string {
    if (this.nameless) return `${this.name} → ?`
    return this.executed === undefined ? `(${this.name})` : this.name
  }

  /** The command line, or the program where nobody knows it. */
  get line(): string {
    return this.words === null ? this.program : lineOf(this.words)
  }
}

export class History {
  readonly root: Traced
  /** The command, as it was given. */
  readonly line: string
  /** In the order of birth. */
  readonly processes: Traced[]
  /** Of all command lines. */
  readonly labels = new Labels()
  executions = 0
  failed = 0
  /** How often something may be missing. */
  lost = 0
  readonly #living = new Map<number, Traced>()

  /** @param words of the command */
  constructor(pid: number, words: readonly string[], time: number) {
    this.root = new Traced(pid, null, time, nameOf('', words))
    this.root.words = words
    this.line = lineOf(words)
    this.processes = [this.root]
    this.#living.set(pid, this.root)
  }

  get living(): number {
    return this.#living.size
  }

  /** Those that have not ended. */
  running(): Iterable<Traced> {
    return this.#living.values()
  }

  /** When the last thing happened that is known. */
  get end(): number {
    return this.processes.reduce(
      (last, { born, executed = born, ended = executed }) => Math.max(last, ended),
      this.root.born,
    )
  }

  /** Takes in an event: the process that it is about. */
  take(event: ProcessEvent): Traced | undefined {
    if (event.type === 'fork') return this.#born(event.pid, event.parent, event.time)
    const traced = this.#living.get(event.pid)
    if (event.type === 'lost') this.lost++
    else if (event.type === 'exec') this.#executed(traced, event)
    else if (traced !== undefined) this.#ended(traced, event.status, event.time)
    return traced
  }

  /** What a process runs that was there before. */
  found(traced: Traced, name: string, words: readonly string[] | null): void {
    traced.name = nameOf(name, words)
    traced.words = words
    traced.executed = traced.born
    if (words !== null) this.labels.add(traced.name, words)
  }

  #born(pid: number, parentPid: number, time: number): Traced {
    // A parent that has exited before, as it was told, is the last that had the number.
    const parent =
      this.#living.get(parentPid) ?? this.processes.findLast(({ pid }) => pid === parentPid)
    const child = new Traced(pid, parent ?? this.root, time, (parent ?? this.root).name)
    this.processes.push(child)
    this.#living.set(pid, child)
    return child
  }

  #executed(traced: Traced | undefined, { name, argv, time }: Execution): void {
    this.executions++
    if (traced === undefined) return
    // The command begins here; what was before is kq's.
    if (traced === this.root && traced.executed === undefined) traced.born = time
    traced.executed ??= time
    traced.executions++
    const known = nameOf(name, argv)
    traced.nameless = known === ''
    if (known !== '') traced.name = known
    if (argv !== null || traced !== this.root) traced.words = argv
    if (argv !== null) this.labels.add(traced.name, argv)
  }

  #ended(traced: Traced, status: number, time: number): void {
    traced.ended = time
    traced.status = status
    this.#living.delete(traced.pid)
    const { outcome } = traced
    if (outcome === 'failed' || outcome === 'killed') this.failed++
  }

  /** How many processes there were at once, each time that changed. */
  atOnce(): { time: number; count: number }[] {
    const changes: [number, number][] = []
    for (const { born, ended } of this.processes) {
      changes.push([born, 1])
      if (ended !== undefined) changes.push([ended, -1])
    }
    // Who ends as another begins was not there at once.
    changes.sort(([a, more], [b, less]) => a - b || more - less)
    let count = 0
    return changes.map(([time, change]) => {
      count += change
      return { time, count }
    })
  }
}
