/**
 * When the processes of a tree began, executed and ended, and what they executed. A kevent
 * has no room for that: it gathers what a process has done until it is handed out.
 *
 *     const journal = new ProcessJournal(pid)
 *     table.journals.add(journal)
 *     ... journal.born(child), journal.executions(child), journal.end(child)
 *
 * The process table writes while it takes in what the connector tells, and whoever is handed
 * the events reads, in the same order. Times are CLOCK_MONOTONIC in ns.
 */

/** One execve(2). */
export interface Execution {
  readonly time: number
  /**
   * As proc_pid_comm(5) has it, at most 15 bytes: of the next program where one came at once, '' when
   * the process was gone.
   */
  readonly name: string
  /** The words of its command line, as long as 4096 bytes; null when the process was gone. */
  readonly argv: readonly string[] | null
}

interface Life {
  readonly began: number
  announced: boolean
  executions: Execution[]
  /** When a thread of it ended last. */
  ended: number | undefined
}

export class ProcessJournal {
  /** By pid, the oldest first: several when the number was used again before anybody read. */
  readonly #lives = new Map<number, Life[]>()

  /** @param root the process whose descendants are meant */
  constructor(root: number) {
    this.#begin(root, 0, true)
  }

  #begin(pid: number, began: number, announced: boolean): void {
    const life = { began, announced, executions: [], ended: undefined }
    const lives = this.#lives.get(pid)
    if (lives === undefined) this.#lives.set(pid, [life])
    else lives.push(life)
  }

  // The process table writes

  /** A process is followed that was there before, and is announced otherwise. */
  found(pid: number): void {
    this.#begin(pid, 0, true)
  }

  /** Whether it is followed already. */
  knows(pid: number): boolean {
    return this.#lives.has(pid)
  }

  forked(parent: number, pid: number, time: number): void {
    if (this.#lives.has(parent)) this.#begin(pid, time, false)
  }

  executed(pid: number, execution: Execution): void {
    this.#lives.get(pid)?.at(-1)?.executions.push(execution)
  }

  ended(pid: number, time: number): void {
    const life = this.#lives.get(pid)?.at(-1)
    if (life !== undefined) life.ended = time
  }

  // Who is handed the events reads

  /** A process is announced: when it began. */
  born(pid: number): number | undefined {
    const life = this.#lives.get(pid)?.find(({ announced }) => !announced)
    if (life === undefined) return undefined
    life.announced = true
    return life.began
  }

  /** What a process has executed since this was asked last. */
  executions(pid: number): Execution[] {
    return this.#lives.get(pid)?.[0]?.executions.splice(0) ?? []
  }

  /** A process has exited: when. Forgets it. */
  end(pid: number): number | undefined {
    const lives = this.#lives.get(pid)
    const life = lives?.shift()
    if (lives?.length === 0) this.#lives.delete(pid)
    return life?.ended
  }
}
