/**
 * Processes of the World on real Linux: puppets (test/native/puppet.c), of which neither
 * Node nor the package knows, and which live until the World ends.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { type Kqueue, kqueuex } from 'kqueue'
import * as posix from '../native/posix.js'
import type { Dispositions } from './linux-signals.js'
import type { Child, Processes, Queue, SignalName } from './world.js'

const C = posix.constants
const PUPPET = posix.program('puppet')
/** Long enough for a process to start, in ms. */
const LONG = 20_000
/** Between two looks at a process that is about to end, in ns. */
const A_WHILE = 100_000

/** A puppet, which can do more than the scenarios need. */
export interface Puppet extends Child {
  /** With a certain pid as root. */
  fork(pid?: number): Puppet
  /** Waits for a child of its own, which has exited. */
  wait(child: Puppet): void
  /** Starts a thread: its number. */
  thread(): number
  /** Executes itself by a thread that is not the first. */
  execByThread(): void
  /** Its first thread ends, and another one exits with a status a while later. */
  exitByThread(status: number): void
}

/** All puppets that talk over one directory. */
export class Puppets {
  readonly #directory: string
  readonly #answers: [number, number]
  #text = ''
  /** Those that are our own children, and were not waited for. */
  readonly #children = new Set<number>()

  constructor(directory: string) {
    this.#directory = directory
    mkdirSync(directory)
    this.#answers = posix.pipe2(C.O_CLOEXEC | C.O_NONBLOCK)
  }

  /** With a certain pid as root. */
  spawn(wanted = 0): Puppet {
    const pid = posix.spawn(PUPPET, this.#directory, this.#answers[1], wanted)
    this.#children.add(pid)
    this.#answer()
    return this.#puppet(pid)
  }

  #puppet(pid: number): Puppet {
    const ask = (command: string): number => {
      this.#tell(pid, command)
      return this.#answer()
    }
    return {
      pid,
      fork: (wanted = 0) => this.#puppet(ask(`f ${wanted}`)),
      wait: (child) => void ask(`w ${child.pid}`),
      thread: () => ask('t'),
      exec: () => void ask('x'),
      execByThread: () => void ask('X'),
      exit: (status) => {
        this.#tell(pid, `e ${status}`)
        untilEnded(pid)
      },
      exitByThread: (status) => this.#tell(pid, `p ${status}`),
    }
  }

  #tell(pid: number, command: string): void {
    writeFileSync(join(this.#directory, String(pid)), `${command}\n`)
  }

  /** The number that a puppet answers. */
  #answer(): number {
    while (!this.#text.includes('\n')) {
      if (posix.poll(this.#answers[0], C.POLLIN, LONG) === 0) throw new Error('no answer')
      this.#text += new TextDecoder().decode(posix.read(this.#answers[0]))
    }
    const [line, ...rest] = this.#text.split('\n')
    this.#text = rest.join('\n')
    if (!(Number(line) > 0)) throw new Error('a puppet could not')
    return Number(line)
  }

  /** waitpid(2) with WNOHANG. */
  waitpid(pid: number): number | null {
    let waited = -1
    let status = 0
    try {
      ;[waited, status] = posix.waitpid(pid, posix.WNOHANG)
      return waited === 0 ? null : status
    } finally {
      // Where SIGCHLD is ignored Linux has waited itself, and the call fails.
      if (waited !== 0) this.#children.delete(pid)
    }
  }

  /** Ends them all. */
  dispose(): void {
    for (const pid of readdirSync(this.#directory).map(Number)) {
      if (!belongs(pid, `${PUPPET}\0${this.#directory}\0`)) continue
      posix.kill(pid, C.SIGKILL)
      untilEnded(pid)
    }
    for (const pid of this.#children) {
      // Also one that was never heard of.
      posix.kill(pid, C.SIGKILL)
      posix.waitpid(pid)
    }
    for (const fd of this.#answers) posix.close(fd)
  }
}

/** Whether a number is that of a process with these arguments, and not another's by now. */
export function belongs(pid: number, args: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(args)
  } catch {
    return false
  }
}

/** Waits until a process is a zombie, or gone. */
export function untilEnded(pid: number): void {
  for (const start = performance.now(); performance.now() - start < LONG; ) {
    let stat: string
    try {
      stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    } catch {
      return
    }
    if (/\) [ZX] /.test(stat)) return
    posix.sleepNs(A_WHILE)
  }
  throw new Error(`process ${pid} does not end`)
}

function unsupported(): never {
  throw new Error('this World cannot do that')
}

/**
 * `Processes` by puppets.
 * @param signals what signals do
 * @param keep notes a descriptor that the World is to close
 * @param queueOf makes a queue one of the World
 * @param forks makes copies of the World, and knows what they do not have
 */
export function processCalls(
  puppets: Puppets,
  signals: Dispositions,
  keep: (fd: number) => number,
  queueOf: (kq: Kqueue) => Queue,
  forks: Pick<Processes, 'fork' | 'setClofork'>,
): Processes {
  return {
    pid: process.pid,
    spawn: () => puppets.spawn(),
    ...forks,
    kill(pid: number, signal: SignalName) {
      posix.kill(pid, constants.signals[signal])
    },
    waitpid: (pid) => puppets.waitpid(pid),
    sigaction: signals.sigaction,
    pdopen: (pid) => keep(posix.pidfdOpen(pid)),
    kqueuex: (flags) => queueOf(kqueuex(flags)),
    setCloexec(fd, on) {
      posix.fcntl(fd, C.F_SETFD, on ? C.FD_CLOEXEC : 0)
    },
    limitPids: unsupported,
  }
}
