/**
 * The run queue: whose turn it is among the programs, which are async functions. One
 * runs at a time, until it sleeps or ends, so the same programs always take the same
 * course. A seed makes another course of the many that a real scheduler could take.
 *
 * A program that awaits something else than this kernel is not waited for: after
 * some turns of the engine's job queue the others go on.
 */
import { ESRCH, KqueueError } from '../errors.js'

/** Turns of the job queue in which a program that was resumed should sleep or end. */
const TURNS = 64

/** A process as the scheduler has it. */
export interface Runnable {
  readonly exited: boolean
  /** It gets no turns. */
  readonly stopped: boolean
  exit(status: number): void
}

interface Turn {
  /** Who gets it; null for the kernel's own work. */
  readonly process: Runnable | null
  readonly run: () => void
}

/** The programs of one kernel. */
export class Scheduler {
  readonly #queue: Turn[] = []
  /** Processes whose program is on its way to the next sleep. */
  readonly #running = new Set<Runnable>()
  /** Processes whose program has not ended. */
  readonly #programs = new Set<Runnable>()
  readonly #random: (() => number) | null
  /** Why a program has failed, for what runs the kernel. */
  #failure: { reason: unknown } | null = null
  #somebodyYielded: (() => void) | null = null

  /** @param seed permutes the order of turns; undefined: first come, first served */
  constructor(seed: number | undefined) {
    this.#random = seed === undefined ? null : random(seed)
  }

  /** Gives a process, or the kernel, a turn. */
  enqueue(process: Runnable | null, run: () => void): void {
    this.#queue.push({ process, run })
  }

  /** The program of a process sleeps or has ended. */
  yielded(process: Runnable): void {
    this.#running.delete(process)
    this.#somebodyYielded?.()
  }

  /** A turn for the others. */
  pause(process: Runnable): Promise<void> {
    this.yielded(process)
    return new Promise((resolve) => this.enqueue(process, resolve))
  }

  /** Starts the program of a process in a turn of its own. */
  start<Process extends Runnable>(process: Process, program: (p: Process) => unknown): void {
    this.enqueue(process, () => {
      this.#programs.add(process)
      const ended = (): void => {
        this.#programs.delete(process)
        this.yielded(process)
      }
      const run = async (): Promise<void> => {
        const status = await program(process)
        if (!process.exited) process.exit(typeof status === 'number' ? status : 0)
      }
      run()
        .catch((reason: unknown) => {
          if (process.exited && isEsrch(reason)) return
          if (!process.exited) process.exit(1)
          this.#failure ??= { reason }
        })
        .then(ended, ended)
    })
  }

  /**
   * Gives out turns until there are none.
   * @throws what a program threw
   */
  async settle(): Promise<void> {
    for (;;) {
      if (this.#failure !== null) {
        const { reason } = this.#failure
        this.#failure = null
        throw reason
      }
      const turn = this.#next()
      if (turn === undefined) return
      const { process } = turn
      if (process?.exited) continue
      if (process !== null) this.#running.add(process)
      turn.run()
      if (process === null) continue
      for (let i = 0; i < TURNS && this.#running.has(process); i++) await null
    }
  }

  /** Takes the next turn of somebody who is not stopped. */
  #next(): Turn | undefined {
    const ready = this.#queue.filter(({ process }) => process === null || !process.stopped)
    const at = this.#random === null ? 0 : Math.floor(this.#random() * ready.length)
    const turn = ready[at]
    if (turn !== undefined) this.#queue.splice(this.#queue.indexOf(turn), 1)
    return turn
  }

  /** Whether a program awaits something that is not of this kernel. */
  get elsewhere(): boolean {
    for (const process of this.#running) {
      if (!process.exited && this.#programs.has(process)) return true
    }
    return false
  }

  /** Waits until a program that awaits something else sleeps or ends. */
  async anyYield(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#somebodyYielded = resolve
    })
    this.#somebodyYielded = null
  }
}

/** What the calls of a process that has exited throw: its program was cut short, not wrong. */
function isEsrch(reason: unknown): boolean {
  return reason instanceof KqueueError && reason.errno === -ESRCH
}

/** Numbers from 0 to below 1: a counter, mixed so that seeds next to each other differ as others do. */
function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32
  }
}
