/**
 * Programs: system calls, forks and steps of the clock as plain data. `run` runs one on
 * the simulated kernel and on the model side by side, and throws where they differ.
 */
import {
  EV_ERROR,
  EV_SET,
  errnoName,
  type Kevent,
  KQUEUE_CPONFORK,
  Kqueue,
  KqueueError,
  SimKernel,
  type SimProcess,
} from 'kqueue/sim'
import { change, receiptWanted } from './changes.js'
import type { ModelProcess } from './files.js'
import { Difference, ModelQueue } from './queue.js'
import { ModelSystem, Refusal } from './system.js'

/** A change; with `of`, of whatever the queue has at this place, if it has anything. */
export interface Change extends Kevent {
  of?: number
}

/** `p` picks one of the living processes, for kevent of those with a queue, `kq` one of its queues. */
export type Command =
  | { do: 'pipe'; p: number }
  | { do: 'kqueue'; p: number; flags: number }
  | {
      do: 'kevent'
      p: number
      kq: number
      changes: readonly Change[]
      nevents: number
      timeout: number | null
    }
  | { do: 'read'; p: number; fd: number; n: number }
  | { do: 'write'; p: number; fd: number; n: number }
  | { do: 'close'; p: number; fd: number }
  | { do: 'dup2'; p: number; from: number; to: number }
  | { do: 'cloexec'; p: number; fd: number; on: boolean }
  | { do: 'kill'; p: number; pid: number; signal: number }
  | { do: 'fork'; p: number }
  | { do: 'exec'; p: number }
  | { do: 'exit'; p: number; status: number }
  | { do: 'waitpid'; p: number; pid: number }
  | { do: 'advance'; ms: number }

type Kevents = Extract<Command, { do: 'kevent' }>

/** The highest pid, low enough that they are used again. */
const PIDS = 6
const DESCRIPTORS = 12

interface Answer<T> {
  value?: T
  /** The name of the errno. */
  code?: string
}

/** What a call answers, on either side. */
function answer<T>(call: () => T): Answer<T> {
  try {
    return { value: call() }
  } catch (error) {
    if (error instanceof KqueueError) return { code: error.code }
    if (error instanceof Refusal) return { code: error.message }
    throw error
  }
}

class Runner {
  readonly kernel = new SimKernel()
  readonly system = new ModelSystem()

  constructor() {
    const { kernel, system } = this
    kernel.sysctl.pid_max = PIDS
    for (const signal of ['SIGUSR1', 'SIGPIPE'] as const) kernel.init.sigaction(signal, 'ignore')
    // Something to begin with: a queue of each kind, and two pipes.
    const { init } = kernel
    init.kqueuex(KQUEUE_CPONFORK)
    init.kqueue()
    system.queue(system.init, KQUEUE_CPONFORK)
    system.queue(system.init, 0)
    for (let i = 0; i < 2; i++) {
      init.pipe()
      system.pipe(system.init)
    }
  }

  step(command: Command): void {
    if (command.do === 'advance') {
      this.kernel.advance(command.ms)
      this.system.moveTo(this.system.now + command.ms * 1e6)
    } else {
      const { living } = this.system
      const able = command.do === 'kevent' ? living.filter(hasQueue) : living
      const p = able[command.p % able.length] ?? this.system.init
      this.call(this.process(p), p, command)
    }
    this.kernel.runDue()
    this.system.moveTo(this.system.now)
    this.compare()
  }

  private process(p: ModelProcess): SimProcess {
    return this.kernel.findProcess(p.pid)!
  }

  private call(
    real: SimProcess,
    p: ModelProcess,
    command: Exclude<Command, { do: 'advance' }>,
  ): void {
    const { system } = this
    switch (command.do) {
      case 'pipe':
        if (p.descriptors.size > DESCRIPTORS - 2) return
        same(
          () => real.pipe().join(),
          () => system.pipe(p).join(),
        )
        break
      case 'kqueue':
        if (p.descriptors.size > DESCRIPTORS - 1) return
        same(
          () => real.kqueuex(command.flags),
          () => system.queue(p, command.flags),
        )
        break
      case 'kevent':
        this.kevent(real, p, command)
        break
      case 'read':
        same(
          () => real.read(command.fd, command.n).length,
          () => system.read(p, command.fd, command.n),
        )
        break
      case 'write':
        same(
          () => real.write(command.fd, new Uint8Array(command.n)),
          () => system.write(p, command.fd, command.n),
        )
        break
      case 'close':
        same(
          () => real.close(command.fd),
          () => system.close(p, command.fd),
        )
        break
      case 'dup2':
        same(
          () => void real.dup2(command.from, command.to),
          () => system.dup2(p, command.from, command.to),
        )
        break
      case 'cloexec':
        same(
          () => real.setCloexec(command.fd, command.on),
          () => system.setCloexec(p, command.fd, command.on),
        )
        break
      case 'kill':
        same(
          () => real.kill(command.pid, command.signal),
          () => system.kill(command.pid, command.signal),
        )
        break
      case 'fork':
        this.fork(real, p)
        break
      case 'exec':
        real.exec('another program')
        system.exec(p)
        break
      case 'exit':
        if (p === system.init) return
        real.exit(command.status)
        system.exit(p, command.status << 8)
        break
      case 'waitpid':
        same(
          () => real.waitpid(command.pid)?.status ?? null,
          () => system.waitpid(p, command.pid),
        )
        break
    }
  }

  private fork(real: SimProcess, p: ModelProcess): void {
    const full = this.system.processes.size === PIDS
    const { value, code } = answer(() => real.fork().pid)
    expect(code, full ? 'EAGAIN' : undefined, 'fork')
    if (value === undefined) return
    if (this.system.processes.has(value)) throw new Difference(`pid ${value} is in use`)
    this.system.fork(p, value)
  }

  // kevent(2)

  private kevent(real: SimProcess, p: ModelProcess, command: Kevents): void {
    const { kq, nevents, timeout } = command
    const fds = p.numbers().filter((fd) => p.file(fd) instanceof ModelQueue)
    const fd = fds.length === 0 ? kq : fds[kq % fds.length]!
    const queue = p.file(fd)
    const changes = command.changes.map((c) => aim(queue, c))
    const result = answer(() => real.kevent(fd, changes, nevents, timeout))
    if (!(queue instanceof ModelQueue)) {
      expect(result.code, queue === undefined ? 'EBADF' : 'EINVAL', 'kevent')
      return
    }
    const { answers, code } = this.change(queue, changes, nevents)
    const events = result.value
    if (code !== undefined) expect(result.code, code, 'kevent')
    else if (answers.length > 0) expect(events?.map(errorEvent).join(), answers.join(), 'answers')
    else if (nevents === 0) expect(result.code ?? events?.length, 0, 'kevent with nevents 0')
    else if (timeout !== null && timeout < 0) expect(result.code, 'EINVAL', 'a bad timeout')
    else this.scan(queue, result, nevents, timeout)
  }

  /** Applies a changelist: the answers to changes, and the error for which there is no room. */
  private change(
    queue: ModelQueue,
    changes: readonly Change[],
    room: number,
  ): { answers: string[]; code?: string } {
    const answers: string[] = []
    for (const { ident, filter, flags, fflags, data, udata } of changes) {
      if (filter === 0) continue
      const kev = EV_SET(ident, filter, flags, fflags, data, udata)
      const { code } = answer(() => change(this.system, queue, kev))
      if (code === undefined && !receiptWanted(kev)) continue
      const told = `${ident} ${filter} ${code ?? 'done'} ${kev.fflags} ${udata}`
      if (answers.length < room) answers.push(told)
      else if (code !== undefined) return { answers, code }
    }
    return { answers }
  }

  /** The second half: the events of a queue, perhaps after sleeping. */
  private scan(
    queue: ModelQueue,
    { value: events = [], code }: Answer<Kevent[]>,
    room: number,
    timeout: number | null,
  ): void {
    const { system } = this
    const start = system.now
    const end = Number(this.kernel.now)
    system.moveTo(start)
    if (end > start || events.length === 0) {
      // It slept: at none of the moments before was there anything to report.
      queue.take([], room, system.tick)
      while (system.next < end || (system.next === end && events.length === 0)) {
        system.moveTo(system.next)
        queue.take([], room, system.tick)
      }
      // What is due at one moment is due before anybody wakes.
      system.moveTo(end)
    }
    if (events.length > 0) queue.take(events, room, system.tick)
    else if (code !== undefined) this.deadlock(queue, code, timeout)
    else expect(end, timeout === null ? 'events' : start + timeout * 1e6, 'the end of a sleep')
  }

  /** Only who waits for ever for what cannot happen is told so. */
  private deadlock(queue: ModelQueue, code: string, timeout: number | null): void {
    expect(code, 'EDEADLK', 'kevent')
    expect(timeout, null, 'the timeout of a deadlock')
    for (const { timer, disabled } of queue.registrations) {
      if (timer !== null && timer.next < Number.POSITIVE_INFINITY && !disabled) {
        throw new Difference('a timer would have ended the sleep')
      }
    }
  }

  // What must hold all the time

  private compare(): void {
    const { system, kernel } = this
    expect(Number(kernel.now), system.now, 'the clock')
    expect(kernel.timers, system.timers, 'timers')
    expect(kernel.processes.length, system.processes.size, 'processes')
    for (const p of system.processes.values()) {
      for (const [fd, { file }] of p.descriptors) {
        if (file instanceof ModelQueue) compareQueue(this.process(p).fget(fd), file)
      }
    }
  }

  /** Ends everything; nothing may be left. */
  end(): void {
    const { init } = this.kernel
    for (const { pid } of this.kernel.processes) if (pid !== 1) init.kill(pid, 'SIGKILL')
    while (this.kernel.processes.length > 1) init.waitpid()
    for (const fd of init.descriptors.numbers()) init.close(fd)
    expect(this.kernel.timers, 0, 'timers left')
    expect(this.kernel.callouts.size, 0, 'callouts left')
    expect(init.klist.empty, true, 'nobody watches process 1')
  }
}

function hasQueue(p: ModelProcess): boolean {
  return !p.queues()[Symbol.iterator]().next().done
}

/** Registrations and pending events are as many as the model has. */
function compareQueue(real: unknown, queue: ModelQueue): void {
  if (!(real instanceof Kqueue)) throw new Difference('a queue is missing')
  const all = queue.registrations.size
  const undecided = queue.count((r) => r.doomed && r.earliest < Infinity && r.latest === Infinity)
  within(real.size, all - undecided, all, 'registrations')
  within(real.count, queue.least, queue.most, 'pending events')
}

/** The change with the ident and filter of the registration that it is for. */
function aim(queue: unknown, { of, ...change }: Change): Change {
  if (of === undefined || !(queue instanceof ModelQueue)) return change
  const all = [...queue.registrations].filter(({ listed }) => listed)
  const { ident, filter } = all[of % all.length] ?? change
  return { ...change, ident, filter }
}

function errorEvent({ ident, filter, flags, fflags, data, udata }: Kevent): string {
  if (flags !== EV_ERROR) throw new Difference(`an event (${ident}, ${filter}) beside answers`)
  return `${ident} ${filter} ${data === 0 ? 'done' : errnoName(data)} ${fflags} ${udata}`
}

function within(n: number, least: number, most: number, what: string): void {
  if (n < least || n > most) throw new Difference(`${what}: ${least}..${most}, not ${n}`)
}

function expect(actual: unknown, expected: unknown, what: string): void {
  if (actual !== expected) throw new Difference(`${what}: ${expected}, not ${actual}`)
}

function same<T>(real: () => T, model: () => T): void {
  const actual = answer(real)
  const expected = answer(model)
  expect(actual.code ?? actual.value, expected.code ?? expected.value, 'the call')
}

/** A program has shown a difference. */
export class Failure extends Error {
  constructor(
    readonly step: number,
    command: Command,
    override readonly cause: unknown,
  ) {
    super(`step ${step}, ${command.do}: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}

/** Runs a program on both. @throws Failure */
export function run(program: readonly Command[]): void {
  const runner = new Runner()
  for (const [i, command] of program.entries()) {
    try {
      runner.step(command)
    } catch (error) {
      throw new Failure(i, command, error)
    }
  }
  runner.end()
}
