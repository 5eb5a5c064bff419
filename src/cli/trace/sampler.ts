/**
 * Processor time and peak memory of processes that run, from /proc. What a process has taken is gone with
 * it, so it is looked at while it runs: often while it is young, and at its end what /proc still has of it.
 *
 *     const sampler = new Sampler(history)
 *     sampler.ended(traced)
 *     sampler.close()
 */
import { closeSync, openSync, readSync } from 'node:fs'
import type { History, Traced } from './history.js'

/** ms between two looks at all that is due. */
const TICK = 20
/** A process is due when it is older by this part than when it was looked at last, ... */
const OLDER = 0.25
/** ... and at the latest after so many ms. */
const LATEST = 1000
/** Looks at a time; what does not fit is due again. */
const MOST = 50
/** ms of a clock tick, in which /proc counts: USER_HZ is 100 wherever Node.js runs. */
const CLOCK = 10

const buffer = Buffer.allocUnsafe(4096)

export class Sampler {
  readonly #history: History
  readonly #timer = setInterval(() => this.#look(), TICK).unref()
  readonly #seen = new WeakMap<Traced, number>()

  constructor(history: History) {
    this.#history = history
  }

  /** It has exited, and may be a zombie still, of which /proc knows the time but no memory. */
  ended({ pid, use }: Traced): void {
    const text = read(`/proc/${pid}/stat`)
    // The number may be another's by now.
    if (/\) [ZX] /.test(text)) use.processor = processorOf(text)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const now = performance.now()
    let looks = 0
    for (const one of this.#history.running()) {
      const seen = this.#seen.get(one) ?? one.born
      const age = now - one.born
      if (now - seen < Math.min(LATEST, Math.max(TICK / 2, age * OLDER))) continue
      this.#seen.set(one, now)
      sample(one)
      if (++looks >= MOST) return
    }
  }
}

function sample({ pid, use }: Traced): void {
  const status = read(`/proc/${pid}/status`)
  const [, kilobytes] = /^VmHWM:\s*(\d+) kB/m.exec(status) ?? []
  if (kilobytes !== undefined) use.memory = Math.max(use.memory ?? 0, Number(kilobytes) * 1024)
  const stat = read(`/proc/${pid}/stat`)
  if (stat !== '') use.processor = Math.max(use.processor ?? 0, processorOf(stat))
}

/** utime and stime of proc_pid_stat(5), in ms. */
function processorOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * CLOCK
}

/** '' when there is none, or it is gone. */
function read(path: string): string {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch {
    return ''
  }
  try {
    return buffer.toString('latin1', 0, readSync(fd, buffer, 0, buffer.length, 0))
  } catch {
    return ''
  } finally {
    closeSync(fd)
  }
}
