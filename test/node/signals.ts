/** What the tests of signals share. */
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import {
  type Change,
  EV_ADD,
  EV_SET,
  EVFILT_SIGNAL,
  type Kevent,
  type Kqueue,
  kqueue,
} from 'kqueue'
import { SIGRTMIN } from '../native/posix.js'
import { LONG } from './queues.js'

export const SIGNALS = constants.signals
export { SIGRTMIN }
export const SIGRTMAX = 64

export const signal = (number: number, flags = 0): Change =>
  EV_SET(number, EVFILT_SIGNAL, EV_ADD | flags)

/** [number, times] of each event. */
export const counts = (events: readonly Kevent[]): [number, number][] =>
  events.map(({ ident, data }) => [ident, data])

/** Reads the events of one signal until it was counted `times` times; how often it was. */
export function total(kq: Kqueue, times: number): number {
  let sum = 0
  while (sum < times) {
    const events = kq.kevent([], 8, LONG)
    if (events.length === 0) break
    for (const { data } of events) sum += data
  }
  return sum
}

/** What the process blocks, ignores and catches, in 64 bits each. */
export function masks(task: number | 'self' = 'self'): Record<string, string> {
  const path = task === 'self' ? '/proc/self/status' : `/proc/self/task/${task}/status`
  const lines = readFileSync(path, 'utf8').matchAll(/^(Sig(?:Blk|Ign|Cgt)):\s*(\w+)$/gm)
  return Object.fromEntries([...lines].map(([, name, mask]) => [name!, mask!]))
}

/** The threads of this process. */
export const tasks = (): number[] => readdirSync('/proc/self/task').map(Number)

/** Whether a thread blocks a signal. */
export function blocks(task: number, number: number): boolean {
  return ((BigInt(`0x${masks(task).SigBlk!}`) >> BigInt(number - 1)) & 1n) === 1n
}

/** Listens to a signal once; listeners themselves do not keep the process alive. */
export async function listen(name: NodeJS.Signals): Promise<void> {
  const alive = setTimeout(() => {}, LONG)
  await once(process, name)
  clearTimeout(alive)
  // Until here libuv is still calling the listener.
  await new Promise((resolve) => setImmediate(resolve))
}

/** Opens what the first signal of a process opens and what stays open. */
export function openOnce(): void {
  const kq = kqueue()
  kq.kevent([signal(SIGNALS.SIGWINCH)])
  kq.close()
}
