/**
 * Children that are started with copies of queues, and do what they are told; they run
 * test/programs/inheritor.ts, and are gone when the test is over.
 *
 *     const child = start()                     // as good as still starting
 *     posix.write(w, 'x')                       // what happens meanwhile
 *     child.begin()
 *     assert.deepEqual(idents(await child.events(kq.fd)), [r])
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { before } from 'node:test'
import { fileURLToPath } from 'node:url'
import {
  type Change,
  EV_ADD,
  EV_SET,
  EVFILT_EMPTY,
  EVFILT_EXCEPT,
  type ForkGiven,
  fork,
  type Kevent,
  type KnoteInfo,
  KQUEUE_CPONFORK,
  type Kqueue,
  kqueuex,
  NOTE_OOB,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { LONG, until, whenOver, within } from '../patience.js'
import { links } from '../programs/descriptors.js'
import type { Answers, Order } from '../programs/inheritor.js'
import { openOnce } from './signals.js'

/** Has Node.js open what it opens with the first child of a process, and keeps. */
export async function warmUp(): Promise<void> {
  const before = sockets()
  await once(spawn('true'), 'close')
  await until(() => sockets() === before, 'its pipes are closed')
}

const sockets = (): number =>
  Object.values(links()).filter((link) => link.startsWith('socket:')).length

export const INHERITOR = fileURLToPath(new URL('../programs/inheritor.js', import.meta.url))

/** A queue that is copied on fork, and closed after the test. */
export function copied(flags = KQUEUE_CPONFORK): Kqueue {
  const kq = kqueuex(flags)
  whenOver(() => kq.close())
  return kq
}

/** Opens what is made on first use and stays: for signals, for pipes, for urgent data. */
export function openWhatStays(): void {
  before(() => {
    openOnce()
    const kq = kqueuex(0)
    const [r, w] = posix.pipe2(0)
    const [a, b] = posix.socketpair(posix.constants.AF_UNIX, posix.constants.SOCK_STREAM)
    kq.kevent([EV_SET(w, EVFILT_EMPTY, EV_ADD), EV_SET(a, EVFILT_EXCEPT, EV_ADD, NOTE_OOB)])
    kq.close()
    for (const fd of [r, w, a, b]) posix.close(fd)
  })
}

/** As messages have it. */
export const plain = <What>(what: What): What => JSON.parse(JSON.stringify(what)) as What

/** The child has the events that there are here, and both have them once: these. */
export async function same(child: Inheritor, kq: Kqueue): Promise<Kevent[]> {
  const theirs = await child.events(kq.fd, LONG)
  const ours = kq.kevent([], 1024, LONG)
  assert.deepEqual(theirs, plain(ours))
  assert.deepEqual([await child.events(kq.fd), kq.kevent([], 1024, 0)], [[], []])
  return ours
}

/** Kills a child when the test is over. */
export function keepChild<Child extends ChildProcess>(child: Child): Child {
  const exit = child.pid === undefined ? undefined : once(child, 'exit')
  exit?.catch(() => {})
  whenOver(async () => {
    if (child.exitCode === null && child.signalCode === null && child.kill('SIGKILL')) await exit
    await until(() => !child.connected, 'its channel is closed')
  })
  return child
}

export class Inheritor {
  constructor(readonly process: ChildProcess) {}

  /** Lets it look for its queues. */
  begin(): this {
    this.process.stdin!.end('x')
    return this
  }

  /** What has happened to the queue under a number, waiting at most `timeout` ms. */
  events(fd: number, timeout = 0): Promise<Kevent[]> {
    return this.ask<'events'>({ what: 'events', fd, timeout })
  }

  knotes(fd: number): Promise<KnoteInfo[]> {
    return this.ask<'knotes'>({ what: 'knotes', fd })
  }

  /** The events that there are after changes. */
  change(fd: number, ...changes: Change[]): Promise<Kevent[]> {
    return this.ask<'change'>({ what: 'change', fd, changes })
  }

  numbers(): Promise<number[]> {
    return this.ask<'numbers'>({ what: 'numbers' })
  }

  /** Whether a number is the same file there as here. */
  async shares(fd: number): Promise<boolean> {
    const theirs = await this.ask<'links'>({ what: 'links' })
    return theirs[fd] !== undefined && theirs[fd] === links()[fd]
  }

  async ask<What extends keyof Answers>(order: Order): Promise<Answers[What]> {
    const { process } = this
    const answer = within(
      Promise.race([once(process, 'message'), once(process, 'exit').then(ended)]),
      `an answer to ${JSON.stringify(order)}`,
    )
    process.send(order)
    const [given] = await answer
    if (given !== null && typeof given === 'object' && 'error' in given)
      throw new Error(given.error)
    return given
  }

  /** Has it end by itself. */
  async end(): Promise<void> {
    const exit = once(this.process, 'exit')
    this.process.disconnect()
    await within(exit, 'a child ends')
  }
}

function ended([code, signal]: unknown[]): never {
  throw new Error(`a child has ended: ${code ?? signal}`)
}

/** A child that has not looked for its queues yet. */
export function start(options: ForkGiven = {}): Inheritor {
  const stdio = options.stdio ?? ['pipe', 'inherit', 'inherit', 'ipc']
  return new Inheritor(keepChild(fork(INHERITOR, ['wait'], { ...options, stdio })))
}
