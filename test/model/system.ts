/**
 * The system calls as the model sees them. A call that fails throws a `Refusal` with
 * the errno name. What the model leaves open (the pid of a child) it is told.
 */
import {
  EVFILT_PROC,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  KQUEUE_CLOEXEC,
  KQUEUE_CPONFORK,
  KQUEUE_CPONFORKFD,
  KQUEUE_CPONFORKNONFD,
  NOTE_EXEC,
  NOTE_EXIT,
  NOTE_FORK,
  NOTE_REAP,
  NOTE_TRACK,
} from 'kqueue/sim'
import { copyOf, ended, follow } from './changes.js'
import { ModelEnd, type ModelFile, ModelPipe, ModelProcess } from './files.js'
import { ModelQueue, type Registration } from './queue.js'

/** A call fails with this errno. */
export class Refusal extends Error {}

/** Up to so many bytes are written at once or not at all. */
const PIPE_BUF = 512
const SIGKILL = 9
const SIGPIPE = 13
const SIGTERM = 15
const SIGCHLD = 17
/** The kernel starts a day after the epoch. */
const EPOCH = 86_400e9

export class ModelSystem {
  readonly processes = new Map<number, ModelProcess>()
  readonly init = new ModelProcess(1, null)
  /** ns since the start. */
  now = 0
  private moment = 0

  constructor() {
    this.processes.set(1, this.init)
  }

  get realtime(): number {
    return EPOCH + this.now
  }

  /** A later moment than all before. */
  readonly tick = (): number => ++this.moment

  get living(): ModelProcess[] {
    return [...this.processes.values()].filter(({ status }) => status === null)
  }

  *registrations(): Iterable<Registration> {
    for (const process of this.processes.values()) {
      for (const queue of process.queues()) yield* queue.registrations
    }
  }

  get timers(): number {
    return [...this.registrations()].filter(({ filter }) => filter === EVFILT_TIMER).length
  }

  // The clock

  /** When the next timer expires. */
  get next(): number {
    let next = Number.POSITIVE_INFINITY
    for (const { timer } of this.registrations()) {
      if (timer !== null && timer.next < next) next = timer.next
    }
    return next
  }

  /** Moves the clock to `time`; timers expire on the way. */
  moveTo(time: number): void {
    for (let { next } = this; next <= time; next = this.next) {
      this.now = Math.max(this.now, next)
      const tick = this.tick()
      for (const r of [...this.registrations()]) {
        const { timer } = r
        if (timer === null || timer.next > next) continue
        r.count++
        timer.next = timer.period === 0 ? Number.POSITIVE_INFINITY : timer.next + timer.period
        r.activate(tick)
      }
    }
    this.now = time
  }

  // Descriptors

  pipe(p: ModelProcess): [number, number] {
    const pipe = new ModelPipe()
    return [p.install(pipe.reader), p.install(pipe.writer)]
  }

  queue(p: ModelProcess, flags: number): number {
    return p.install(new ModelQueue(p, flags), undefined, (flags & KQUEUE_CLOEXEC) !== 0)
  }

  file(p: ModelProcess, fd: number): ModelFile {
    const file = p.file(fd)
    if (file === undefined) throw new Refusal('EBADF')
    return file
  }

  read(p: ModelProcess, fd: number, n: number): number {
    const file = this.file(p, fd)
    if (!(file instanceof ModelEnd)) throw new Refusal('EINVAL')
    if (!file.reads) throw new Refusal('EBADF')
    const { pipe } = file
    if (pipe.bytes === 0 && pipe.ended) return 0
    if (pipe.bytes === 0) throw new Refusal('EAGAIN')
    const taken = Math.min(n, pipe.bytes)
    pipe.bytes -= taken
    this.noteEnd(pipe, false)
    return taken
  }

  write(p: ModelProcess, fd: number, n: number): number {
    const file = this.file(p, fd)
    if (!(file instanceof ModelEnd)) throw new Refusal('EINVAL')
    if (file.reads) throw new Refusal('EBADF')
    const { pipe } = file
    if (pipe.broken) {
      this.signal(p, SIGPIPE)
      throw new Refusal('EPIPE')
    }
    if (pipe.space === 0 || (n <= PIPE_BUF && pipe.space < n)) {
      // Who reads hears of it all the same.
      this.noteEnd(pipe, true)
      throw new Refusal('EAGAIN')
    }
    const written = Math.min(n, pipe.space)
    pipe.bytes += written
    this.noteEnd(pipe, true)
    return written
  }

  close(p: ModelProcess, fd: number): void {
    const file = this.file(p, fd)
    for (const { registrations } of p.queues()) {
      for (const r of registrations) if (r.ofDescriptor && r.ident === fd) registrations.delete(r)
    }
    p.descriptors.delete(fd)
    file.references--
    if (file.references > 0) return
    if (file instanceof ModelEnd) this.noteEnd(file.pipe, !file.reads)
  }

  dup2(p: ModelProcess, from: number, to: number): void {
    const file = this.file(p, from)
    if (from === to) return
    file.references++
    if (p.file(to) !== undefined) this.close(p, to)
    p.install(file, to)
    file.references--
  }

  setCloexec(p: ModelProcess, fd: number, on: boolean): void {
    this.file(p, fd)
    p.descriptors.get(fd)!.cloexec = on
  }

  /** Something happened that the reading end of a pipe, or its writing end, hears of. */
  private noteEnd(pipe: ModelPipe, reads: boolean): void {
    const tick = this.tick()
    const end = reads ? pipe.reader : pipe.writer
    for (const r of this.registrations()) {
      if (r.target === end && r.holds === 'yes') r.activate(tick)
    }
  }

  // Processes

  /** Gives the child, of which the kernel chose the pid. */
  fork(p: ModelProcess, pid: number): void {
    const child = new ModelProcess(pid, p)
    this.processes.set(pid, child)
    const copies = new Map<ModelQueue, ModelQueue>()
    const copied = KQUEUE_CPONFORK | KQUEUE_CPONFORKFD | KQUEUE_CPONFORKNONFD
    for (const [fd, { file, cloexec }] of p.descriptors) {
      if (file instanceof ModelEnd) child.install(file, fd, cloexec)
      else if (file.flags & copied) {
        const copy = copies.get(file) ?? new ModelQueue(child, file.flags)
        copies.set(file, copy)
        child.install(copy, fd, cloexec)
      }
    }
    for (const [from, to] of copies) {
      for (const r of from.registrations) {
        const copy = copyOf(r, to, copies)
        if (copy !== null) to.registrations.add(copy)
      }
    }
    this.noteProcess(p, NOTE_FORK, child)
  }

  exec(p: ModelProcess): void {
    for (const fd of p.numbers()) if (p.descriptors.get(fd)!.cloexec) this.close(p, fd)
    this.noteProcess(p, NOTE_EXEC)
  }

  exit(p: ModelProcess, status: number): void {
    p.status = status
    for (const fd of p.numbers()) this.close(p, fd)
    for (const child of this.processes.values()) {
      if (child.parent !== p) continue
      child.parent = this.init
      if (child.status !== null) this.signal(this.init, SIGCHLD)
    }
    this.noteProcess(p, NOTE_EXIT)
    this.signal(p.parent!, SIGCHLD)
  }

  waitpid(p: ModelProcess, pid: number): number | null {
    const child = this.processes.get(pid)
    if (child === undefined || child.parent !== p) throw new Refusal('ECHILD')
    if (child.status === null) return null
    this.processes.delete(pid)
    this.noteProcess(child, NOTE_REAP)
    return child.status
  }

  kill(pid: number, signal: number): void {
    const target = this.processes.get(pid)
    if (target === undefined) throw new Refusal('ESRCH')
    this.signal(target, signal)
  }

  private signal(p: ModelProcess, signal: number): void {
    if (p.status !== null) return
    const tick = this.tick()
    for (const { registrations } of p.queues()) {
      for (const r of registrations) {
        if (r.filter !== EVFILT_SIGNAL || r.ident !== signal) continue
        r.count++
        r.activate(tick)
      }
    }
    const ends = signal === SIGTERM || signal === SIGKILL
    if (ends && p !== this.init) this.exit(p, signal)
  }

  private noteProcess(p: ModelProcess, event: number, child?: ModelProcess): void {
    const tick = this.tick()
    for (const r of [...this.registrations()]) {
      if (r.filter !== EVFILT_PROC || r.target !== p || !r.attached) continue
      if (child !== undefined && r.sfflags & NOTE_TRACK) follow(r, p, child, tick)
      r.notes = (r.notes | (r.sfflags & event)) >>> 0
      if (event === NOTE_EXIT && r.sfflags & NOTE_EXIT) r.status = p.status ?? 0
      if (event === NOTE_REAP || (event === NOTE_EXIT && !(r.sfflags & NOTE_REAP))) ended(r)
      if (r.notes !== 0 || r.doomed) r.activate(tick)
    }
  }
}
