/** Processes and workers that watch signals, and send them. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Change, EV_ADD, EV_SET, EVFILT_SIGNAL, type Kqueue, kqueue } from 'kqueue'
import * as posix from '../native/posix.js'
import { LONG, runCase, say } from './cases.js'

const { SIGKILL, SIGPIPE, SIGTERM } = posix.constants

const signal = (number: number): Change => EV_SET(number, EVFILT_SIGNAL, EV_ADD)

/** In a worker: a queue that watches, which is said. */
function watching(...numbers: number[]): Kqueue {
  const kq = kqueue()
  kq.kevent(numbers.map(signal))
  say('watching')
  return kq
}

const cases = {
  /** Counts until there were so many of one signal, and says how many. */
  async sums(how: 'blocks' | 'waits', times: number, number: number, ...others: number[]) {
    const kq = watching(number, ...others)
    let sum = 0
    while (sum < times) {
      const events = how === 'blocks' ? kq.kevent([], 8, LONG) : await kq.wait({ timeout: LONG })
      if (events.length === 0) break
      for (const { ident, data } of events) if (ident === number) sum += data
    }
    say(sum)
  },

  /** Says how often a signal was counted that it has raised. */
  raises(number: number, times: number) {
    const kq = kqueue()
    kq.kevent([signal(number)])
    for (let i = 0; i < times; i++) posix.raise(number)
    say(kq.kevent([], 1, LONG)[0]?.data)
  },

  /** Says every event's count. */
  tells(number: number) {
    for (const kq = watching(number); ; ) say(kq.kevent([], 1)[0]?.data)
  },

  'blocks twice'(number: number) {
    const kq = watching(number)
    for (let i = 0; i < 2; i++) kq.kevent([], 1)
  },

  'goes on'(number: number) {
    watching(number)
    setInterval(() => {}, 1000)
  },

  /** Lets a signal be pending that is directed at its thread, which it says. */
  'has signals pending'(number: number) {
    posix.sigmask(number, 'block')
    setInterval(() => {}, 1000)
    say(posix.gettid())
  },

  /** Queues a signal, with another in between. */
  sends(pid: number, number: number, times: number, other: number) {
    for (let sent = 0; sent < times; sent += 50) {
      posix.sigqueue(pid, number, 50)
      posix.kill(pid, other)
    }
  },

  /** Queues a signal. */
  queues(pid: number, number: number, times: number) {
    posix.sigqueue(pid, number, times)
  },

  /** Sends a signal soon after there is something to read from its standard input. */
  'sends when told'(pid: number, number: number) {
    posix.read(0, 1)
    setTimeout(() => posix.kill(pid, number), 5)
  },

  /** Prints what a listener finds that was there when the signal came. */
  'watches and listens'(name: NodeJS.Signals, number: number) {
    const kq = kqueue()
    kq.kevent([signal(number)])
    process.on(name, () => console.log('heard', kq.kevent([], 1)[0]?.data))
    posix.raise(number)
    setTimeout(() => {}, 100)
  },

  /** Prints how often a signal was counted, and raises it when nobody watches any more. */
  'no longer watches'(number: number) {
    const kq = kqueue()
    kq.kevent([signal(number)])
    posix.raise(number)
    console.log(kq.kevent([], 1)[0]?.data)
    kq.close()
    posix.raise(number)
  },

  /** Prints how often the first event was counted, and whether there is another. */
  'watches one'(number: number) {
    const kq = kqueue()
    kq.kevent([signal(number)])
    writeSync(1, 'watching')
    console.log(kq.kevent([], 1, LONG)[0]?.data, kq.kevent([], 1, 0).length)
  },

  async 'may have no more processes'() {
    const limit = ['--pid', `${process.pid}`, '--nproc=1']
    assert.equal(spawnSync('prlimit', limit).status, 0)
    // The limit is not for root.
    if (process.getuid?.() === 0) process.setuid?.(65534)
    const { error } = spawnSync('true')
    assert.equal((error as NodeJS.ErrnoException | undefined)?.code, 'EAGAIN')
    const kq = kqueue()
    kq.kevent([SIGTERM, SIGPIPE].map(signal))
    let heard = 0
    const listener = () => heard++
    for (let i = 0; i < 10; i++) {
      posix.raise(SIGTERM)
      process.on('SIGTERM', listener).off('SIGTERM', listener)
    }
    process.on('SIGPIPE', listener)
    posix.raise(SIGPIPE)
    assert.deepEqual(
      kq.kevent([], 8).map(({ data }) => data),
      [10, 1],
    )
    while (heard === 0) await sleep(1)
    // Nor is it called twice.
    await sleep(10)
    assert.equal(heard, 1)
    kq.close()
    // As process.off leaves it.
    assert.equal(posix.handler(SIGTERM), 0)
    writeSync(1, 'done')
    // As this user a sanitizer could not write what it has to say of an exit.
    posix.kill(process.pid, SIGKILL)
  },
}

export type Cases = typeof cases
await runCase(cases)
