/**
 * Copies of the World on real Linux: the package's `fork` starts test/programs/forked.ts,
 * with the descriptors of the World under their numbers, as fork(2) would. Nobody goes on
 * before the other is told what to do, or has answered.
 */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { deserialize, serialize } from 'node:v8'
import { type ForkGiven, fork } from 'kqueue'
import type { Change, Kevent, Timeout } from 'kqueue/core'
import * as posix from '../native/posix.js'
import { belongs, untilEnded } from './linux-processes.js'
import type { Forked, Queue, SignalName } from './world.js'

const C = posix.constants
export const PROGRAM = fileURLToPath(new URL('../programs/forked.js', import.meta.url))
/** Long enough for a process to start, in ms. */
const LONG = 60_000

/** What a copy of the World has of it. */
export interface Inheritance {
  /** Where the copies find what they are told. */
  readonly directory: string
  readonly descriptors: readonly number[]
  /** Descriptors that fork closes, of queues, too. */
  readonly closed: readonly number[]
  readonly ignored: readonly SignalName[]
}

/** What can be asked of a copy; `fork` is answered by its child. */
export interface Orders {
  fork(): number
  exit(status: number): never
  read(fd: number, n: number): Uint8Array
  write(fd: number, data: Uint8Array | string): number
  accept(listener: number): number
  close(fd: number): void
  kqueue(): number
  kevent(
    kq: number,
    changes: readonly Change[] | undefined,
    nevents?: number,
    timeout?: Timeout,
  ): Kevent[]
  closeQueue(kq: number): void
}

export type Order = readonly [name: keyof Orders, ...rest: unknown[]]
export type Answer = { readonly value: unknown } | { readonly code: string; readonly why: string }

/** A line, in which anything can travel. */
export const line = (what: Order | Answer): string => `${serialize(what).toString('base64')}\n`
export const unline = (text: string): unknown => deserialize(Buffer.from(text, 'base64'))

/** Starts a copy, which has `answers` as its standard output. */
export function startFork(inheritance: Inheritance, answers: number): ChildProcess {
  const { directory, descriptors, closed, ignored } = inheritance
  const stdio: Exclude<ForkGiven['stdio'], string | undefined> = ['ipc', answers, 'inherit']
  const kept = descriptors.filter((fd) => !closed.includes(fd))
  for (const fd of kept) stdio[fd] = fd
  for (const fd of closed) stdio[fd] = 'ignore'
  const given: Inheritance = { directory, descriptors: kept, closed: [], ignored }
  return fork(PROGRAM, [directory, JSON.stringify(given)], { stdio })
}

/** All copies of one World, and those of the copies. */
export class Forks {
  readonly #answers: [number, number]
  readonly #children: ChildProcess[] = []
  #text = ''

  constructor(readonly directory: string) {
    mkdirSync(directory)
    // The end of a child is not to interrupt who waits; another thread takes the signal.
    posix.sigmask(C.SIGCHLD, 'block')
    this.#answers = posix.pipe2(C.O_CLOEXEC | C.O_NONBLOCK)
  }

  /** Answers when the queues of the copy stand. */
  fork(inheritance: Omit<Inheritance, 'directory'>): Forked {
    const { directory } = this
    this.#children.push(startFork({ directory, ...inheritance }, this.#answers[1]))
    return this.#forked(this.#answer() as number)
  }

  #forked(pid: number): Forked {
    const tell = (...order: Order): void =>
      writeFileSync(join(this.directory, String(pid)), line(order))
    const ask = <Name extends keyof Orders>(
      name: Name,
      ...rest: Parameters<Orders[Name]>
    ): ReturnType<Orders[Name]> => {
      tell(name, ...rest)
      return this.#answer() as ReturnType<Orders[Name]>
    }
    const queue = (fd: number): Queue => ({
      fd,
      kevent: (changes, nevents, timeout) => ask('kevent', fd, changes, nevents, timeout),
      close: () => ask('closeQueue', fd),
    })
    return {
      pid,
      fork: () => this.#forked(ask('fork')),
      exec: () => {
        throw new Error('Node.js takes no queue along when it executes another program')
      },
      exit: (status) => {
        const fd = posix.pidfdOpen(pid)
        tell('exit', status)
        const ended = posix.poll(fd, C.POLLIN, LONG) !== 0
        posix.close(fd)
        if (!ended) throw new Error(`process ${pid} does not end`)
      },
      read: (fd, n) => ask('read', fd, n),
      write: (fd, data) => ask('write', fd, data),
      accept: (listener) => ask('accept', listener),
      close: (fd) => ask('close', fd),
      kqueue: () => queue(ask('kqueue')),
      queue,
    }
  }

  /** What a copy answers; throws its error. */
  #answer(): unknown {
    while (!this.#text.includes('\n')) {
      if (posix.poll(this.#answers[0], C.POLLIN, LONG) === 0) throw new Error('no answer')
      this.#text += new TextDecoder().decode(posix.read(this.#answers[0]))
    }
    const [text, ...rest] = this.#text.split('\n') as [string, ...string[]]
    this.#text = rest.join('\n')
    const answer = unline(text) as Answer
    if ('value' in answer) return answer.value
    throw Object.assign(new Error(answer.why), { code: answer.code })
  }

  /** Ends them all; Node.js has closed what it had for them when that is resolved. */
  async dispose(): Promise<void> {
    for (const pid of readdirSync(this.directory).map(Number)) {
      if (!belongs(pid, `\0${this.directory}\0`)) continue
      posix.kill(pid, C.SIGKILL)
      untilEnded(pid)
    }
    for (const fd of this.#answers) posix.close(fd)
    posix.sigmask(C.SIGCHLD, 'unblock')
    await Promise.all(this.#children.map(ended))
  }
}

async function ended(child: ChildProcess): Promise<void> {
  // One that was never heard of.
  child.kill('SIGKILL')
  const over = [once(child, 'exit')]
  if (child.connected) over.push(once(child, 'disconnect'))
  await Promise.all(over)
}
