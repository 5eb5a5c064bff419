/**
 * The processes that belong to a command: its descendants and, where it leads a session,
 * all that are in it.
 *
 *     const family = new Family(child.pid, true)
 *     for (const pid of family.living()) process.kill(pid)
 *
 * A pid may be another process by now, so each is known by the time of its start as well,
 * and a session by one of its known processes.
 */
import {
  EV_ADD,
  EV_SET,
  EVFILT_PROC,
  type Kqueue,
  kinfo_getallproc,
  kinfo_getproc,
  kqueue,
  NOTE_EXIT,
  type ProcessInfo,
} from '../../index.js'

export class Family {
  /** When each began. */
  readonly #known = new Map<number, number>()
  readonly #leader: number
  readonly #isSession: boolean

  /**
   * @param leader a child that nobody has waited for yet
   * @param isSession it leads a session
   */
  constructor(leader: number, isSession: boolean) {
    this.#leader = leader
    this.#isSession = isSession
    this.#known.set(leader, kinfo_getproc(leader).start)
  }

  /**
   * The pids of those that have not ended.
   * @param trusted nobody else can have the session yet, even if all that are known have ended
   */
  living(trusted = false): number[] {
    const living = kinfo_getallproc().filter(({ zombie }) => !zombie)
    const found = living.filter(({ pid, start }) => this.#known.get(pid) === start)
    const family = new Set(found.map(({ pid }) => pid))
    if (family.size > 0 || trusted) {
      // A child may stand before its parent.
      for (let size = -1; size !== family.size; ) {
        size = family.size
        for (const info of living) if (this.#takes(info, family)) family.add(info.pid)
      }
    }
    for (const { pid, start } of living) if (family.has(pid)) this.#known.set(pid, start)
    return [...family]
  }

  #takes({ ppid, sid }: ProcessInfo, family: ReadonlySet<number>): boolean {
    return family.has(ppid) || (this.#isSession && sid === this.#leader)
  }
}

/** Sends a signal to each that is still there: why it could not be sent to one. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals | number): unknown {
  let refusal: unknown
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch (error) {
      if (!isOver(error)) refusal = error
    }
  }
  return refusal
}

/** Resolves when all have ended. @throws (rejects with) the reason of `signal` */
export async function allEnded(pids: readonly number[], signal: AbortSignal): Promise<void> {
  const queue = kqueue()
  try {
    let left = pids.filter((pid) => watchExit(queue, pid)).length
    while (left > 0) left -= (await queue.wait({ nevents: left, signal })).length
  } finally {
    queue.close()
  }
}

/** Whether its end will be told; otherwise it has ended. */
function watchExit(queue: Kqueue, pid: number): boolean {
  try {
    queue.kevent([EV_SET(pid, EVFILT_PROC, EV_ADD, NOTE_EXIT)])
    return true
  } catch (error) {
    if (isOver(error)) return false
    throw error
  }
}

function isOver(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ESRCH'
}
