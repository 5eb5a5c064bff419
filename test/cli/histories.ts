/**
 * Histories of processes that did not run, at times that are given:
 *
 *     const past = new Past(['make'])
 *     past.fork(2, 1, 10).exec(2, ['cc', 'a.c'], 11).exit(2, 0, 20).exit(1, 0, 30)
 *     past.history
 *
 * The command is process 1, and begins at 0 ms.
 */
import { History } from '#cli/trace/history.js'

export class Past {
  readonly history: History

  constructor(words: readonly string[]) {
    this.history = new History(1, words, 0)
    this.exec(1, words, 0)
  }

  fork(pid: number, parent: number, time: number): this {
    this.history.take({ type: 'fork', pid, parent, time })
    return this
  }

  /** @param argv null where the process is gone before its name is read */
  exec(pid: number, argv: readonly string[] | null, time: number): this {
    const name = (argv?.[0] ?? '').replace(/^.*\//s, '').slice(0, 15)
    this.history.take({ type: 'exec', pid, name, argv, time })
    return this
  }

  /** @param status as wait(2) encodes it */
  exit(pid: number, status: number, time: number): this {
    this.history.take({ type: 'exit', pid, status, code: null, signal: null, time })
    return this
  }

  /** A child of the command that does nothing else. */
  run(pid: number, argv: readonly string[], from: number, to: number, status = 0): this {
    return this.fork(pid, 1, from).exec(pid, argv, from).exit(pid, status, to)
  }
}

export const plain = (_code: number, text: string): string => text

/** A command that makes many processes, some of which fail, some nested. */
export function many(count: number): History {
  const past = new Past(['make', '-j2'])
  for (let pid = 2; pid < count; pid += 2) {
    past.fork(pid, 1, pid).exec(pid, ['/usr/bin/cc', '-c', `file${pid}.c`], pid + 0.5)
    past.fork(pid + 1, pid, pid + 1).exec(pid + 1, ['as', `${pid}.s`], pid + 1.5)
    past.exit(pid + 1, 0, pid + 2).exit(pid, pid % 10 === 0 ? 256 : 0, pid + 3)
  }
  return past.exit(1, 0, count + 4).history
}
