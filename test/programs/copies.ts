/**
 * Processes that load copies of the package, by their URLs, and signal themselves: what becomes
 * of the handler when nobody watches any more.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { parentPort, Worker } from 'node:worker_threads'
import type * as Package from 'kqueue'
import * as posix from '../native/posix.js'
import { LONG, runCase, say } from './cases.js'

/** Signals by their names, each with what is done before it is raised. */
export type Steps = readonly [name: string, number: number, steps: string]

/** A queue that watches the signal. */
interface Watch {
  close(): unknown
  /** Once to find what was put over ours, and once to see that nothing is counted twice. */
  count(): [number, number] | Promise<[number, number]>
}

async function open(url: string, number: number): Promise<Watch> {
  const { EV_ADD, EV_SET, EVFILT_SIGNAL, kqueue } = (await import(url)) as typeof Package
  const kq = kqueue()
  kq.kevent([EV_SET(number, EVFILT_SIGNAL, EV_ADD)])
  const look = (ms: number): number => kq.kevent([], 1, ms)[0]?.data ?? 0
  return { close: () => kq.close(), count: () => [look(LONG), look(0)] }
}

/** The same in a worker. */
async function start(url: string, number: number): Promise<Watch> {
  const worker = new Worker(new URL(import.meta.url), { workerData: ['watches', url, number] })
  await once(worker, 'message')
  return {
    close: () => worker.terminate(),
    async count() {
      worker.postMessage('')
      const [counts] = (await once(worker, 'message')) as [[number, number]]
      return counts
    },
  }
}

const listener = () => {}

/** What others do with a signal. */
const OTHERS: Record<string, (name: string, number: number) => unknown> = {
  on: (name) => process.on(name as NodeJS.Signals, listener),
  off: (name) => process.off(name as NodeJS.Signals, listener),
  ignore: (_, number) => posix.sigaction(number, 'ignore'),
  /** Saves the handler that is there, installs another, and puts the first back. */
  save(_, number) {
    posix.sigaction(number, 'save')
    posix.sigaction(number, 'count')
  },
  count: (_, number) => posix.sigaction(number, 'count'),
  restore: (_, number) => posix.sigaction(number, 'restore'),
  chain: (_, number) => posix.chain(number, 'well'),
}

const cases = {
  /**
   * Takes steps and then raises the signal, as often as it survives that. `A` and `B` are the
   * copies, `a` and `b` the same in a worker: `+A` opens a queue that watches the signal, `-A`
   * closes it or ends the worker. With 'raise' each queue counts each delivery, once.
   */
  async 'takes steps'(copies: Readonly<Record<string, string>>, ...all: Steps[]) {
    for (const [name, number, steps] of all) {
      const watches = new Map<string, Watch>()
      for (const step of steps.split(' ')) {
        const who = step.slice(1)
        if (step === 'raise') {
          posix.raise(number)
          for (const [which, watch] of watches) assert.deepEqual(await watch.count(), [1, 0], which)
        } else if (step.startsWith('+')) {
          const url = copies[who.toUpperCase()]!
          watches.set(who, await (who in copies ? open : start)(url, number))
        } else if (step.startsWith('-')) {
          await watches.get(who)!.close()
          watches.delete(who)
        } else OTHERS[step]!(name, number)
      }
      writeSync(1, 'raises ')
      posix.raise(number)
      writeSync(1, `lives ${posix.handled(number)} `)
    }
    process.exit()
  },

  /** In a worker: counts when it is asked to. */
  async watches(url: string, number: number) {
    const { count } = await open(url, number)
    parentPort!.on('message', async () => say(await count()))
    say('watching')
  },
}

export type Cases = typeof cases
await runCase(cases)
