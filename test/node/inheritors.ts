/**
 * Children that are started with copies of queues, and do what they are told; they run
 * test/programs/inheritor.ts, and are gone when the test is over.
 *
 *     const child = start()                     // as good as still starting
 *     posix.write(w, 'x')                       // what happens meanwhile
 *     child.begin()
 *     assert.deepEqual(idents(await child.events(kq.fd)), [r])
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type Change, type ForkGiven, fork, type Kevent, type KnoteInfo } from 'kqueue'
import { until, whenOver, within } from '../patience.js'
import { links } from '../programs/descriptors.js'
import type { Answers, Order } from '../programs/inheritor.js'

/** Has Node.js open what it opens with the first child of a process, and keeps. */
export async function warmUp(): Promise<void> {
  const before = sockets()
  await once(spawn('true'), 'close')
  await until(() => sockets() === before, 'its pipes are closed')
}

const sockets = (): number =>
  Object.values(links()).filter((link) => link.startsWith('socket:')).length

export const INHERITOR = fileURLToPath(new URL('../programs/inheritor.js', import.meta.url))

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
