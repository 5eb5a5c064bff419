/**
 * The System that the simulated kernel is to one of its processes: all that
 * `import 'kqueue'` has, on virtual time.
 *
 *     const { kqueue, EV_SET } = process.system
 */

import { bindAll, type Calls } from '../api/bind-all.js'
import type {
  AioJob,
  AioNotification,
  ProcessInfo,
  SystemAio,
  SystemFiles,
  SystemFork,
  SystemProcesses,
  SystemQueue,
} from '../api/system.js'
import type { Abort } from '../core/abort.js'
import { DETACHED, wrongType } from '../core/copyin.js'
import { orUndo } from '../core/failure.js'
import { AIO_ALLDONE, AIO_CANCELED } from '../core/filters/completion.js'
import { describe, type KnoteInfo } from '../core/knote.js'
import {
  checkImage,
  fill,
  type ImageHome,
  type KqueueImage,
  takeImage,
} from '../core/kqueue-image.js'
import { EBADF, EFAULT, ENOSYS, fail } from '../errors.js'
import type { EventSink, Kevent } from '../event.js'
import type { AioEntry } from './aio.js'
import { AioRequest } from './aio-request.js'
import { O_CLOEXEC, O_DSYNC, O_NONBLOCK, O_PATH, O_SYNC } from './fcntl.js'
import type { Net } from './net.js'
import type { Proc, ProcKernel } from './proc.js'
import type { SimQueue } from './queue.js'
import { SIGNALS } from './signals.js'
import { SimTree, type TreeProcess } from './trees.js'
import { VnodeFile } from './vnode.js'

const NS_PER_MS = 1e6

interface SystemKernel extends ProcKernel {
  readonly net: Net
  readonly processes: Proc[]
}

/** Whose system it is, with the calls that it is made of. */
export interface SystemProcess extends TreeProcess {
  readonly kernel: SystemKernel
  dup(fd: number): number
  kqueuex(flags: number): number
}

export function callsOf(process: SystemProcess): Calls {
  const { kernel } = process
  const system = {
    openQueue: (flags: number) => new ProcessQueue(process, process.kqueuex(flags)),
    openImage(given: unknown) {
      const home = homeOf(process)
      const image = checkImage(given, home)
      const kq = new ProcessQueue(process, process.kqueuex(image.flags))
      orUndo(
        () => fill(kq.queue, image, home),
        () => kq.close(),
      )
      return kq
    },
    filters: kernel.filters,
    sysctl: kernel.sysctl,
    files: filesOf(process),
    trees: { open: (path: unknown) => new SimTree(process, path) },
    processes: processesOf(process),
    interfaces: kernel.net,
    aio: aioOf(process),
    fork: forkOf(process),
    flags: { O_CLOEXEC, O_NONBLOCK, O_SYNC, O_DSYNC },
  }
  return bindAll(() => system)
}

function homeOf({ pid, start }: SystemProcess): ImageHome {
  return { system: 'sim', pid, start, epoch: 0n }
}

/** A queue as the process has it: by its descriptor, which may be closed at any time. */
class ProcessQueue implements SystemQueue {
  readonly queue: SimQueue

  constructor(
    readonly process: SystemProcess,
    readonly fd: number,
  ) {
    this.queue = process.fget(fd) as SimQueue
  }

  expose(): number {
    return this.fd
  }

  get closed(): boolean {
    return this.queue.closed || this.process.fget(this.fd) !== this.queue
  }

  get awaited(): boolean {
    return this.queue.waiters.length > 0
  }

  assertOpen(syscall = 'kevent'): void {
    if (this.closed) fail(EBADF, syscall, 'this kqueue is closed')
  }

  change(changes: readonly Kevent[], n: number, sink: EventSink, room: number): number {
    this.assertOpen()
    return this.queue.change(changes, n, sink, room)
  }

  collect(sink: EventSink, max: number, timeout: number): number {
    return this.queue.collect(sink, max, timeout)
  }

  walkOn(sink: EventSink, max: number): number {
    return this.closed ? 0 : this.queue.scan(sink, max)
  }

  sleep(max: number, timeout: number, signal: Abort | undefined): Promise<Kevent[]> {
    return this.queue.sleep(max, timeout, { signal })
  }

  pause(): Promise<void> {
    return this.process.kernel.scheduler.pause(this.process)
  }

  describe(): KnoteInfo[] {
    return [...this.queue.knotes()].map(describe)
  }

  takeImage(): KqueueImage {
    this.assertOpen('image')
    const { queue, process } = this
    return takeImage(queue, this.fd, homeOf(process), () => process.kernel.runDue())
  }

  /** A process lives as long as its program. */
  reference(): void {}

  close(): void {
    if (!this.closed) this.process.close(this.fd)
  }
}

function filesOf(process: SystemProcess): SystemFiles {
  const { descriptors, kernel } = process
  return {
    isOpen: (fd) => process.fget(fd) !== null,
    open(file) {
      if (typeof file === 'string') return process.open(file, O_PATH)
      if (typeof file !== 'number') throw wrongType('file', 'a path, or a descriptor', file)
      const open = descriptors.get(file, 'open').file
      if (!(open instanceof VnodeFile)) return process.dup(file)
      return descriptors.install(kernel.tree.reopen(open, O_PATH), 'open')
    },
    close: (fd) => process.close(fd),
    mounts: () =>
      [...kernel.tree.mounts].map(({ dev, path }) => ({
        id: dev,
        path,
        source: 'simfs',
        type: 'simfs',
      })),
  }
}

function processesOf({ kernel }: SystemProcess): SystemProcesses {
  return {
    journals: kernel.journals,
    now: () => kernel.uptime() / NS_PER_MS,
    shift: () => 0,
    signals: SIGNALS,
    info(pid) {
      const process = kernel.findProcess(pid)
      return process && infoOf(process)
    },
    all: () => kernel.processes.map(infoOf),
  }
}

/** There are neither groups nor sessions. */
function infoOf({ pid, ppid, exited, start }: Proc): ProcessInfo {
  return { pid, ppid, pgid: 0, sid: 0, tpgid: -1, zombie: exited, start }
}

/** A process here has no modules to run: its program is a function. */
function forkOf(process: SystemProcess): SystemFork {
  const none = (syscall: string): never => {
    const reason = 'a simulated process runs no module; p.fork(program) forks, and copies queues'
    fail(ENOSYS, syscall, reason)
  }
  return {
    start: () => none('fork'),
    options: () => none('forkOptions'),
    *inherited() {
      for (const [fd, queue] of process.descriptors.inherited) {
        if (process.fget(fd) === queue) yield [fd, new ProcessQueue(process, fd)]
      }
    },
  }
}

function aioOf(process: SystemProcess): SystemAio {
  const { aio } = process.kernel
  const told = ({ queue, udata }: AioNotification) =>
    queue === null ? { udata } : { kq: descriptorOf(process, queue), udata }
  return {
    submit(job, notification) {
      checkView(job)
      const { operation, fd, offset, view } = job
      const request = { fd, offset, buffer: view, bytes: view, ...told(notification) }
      if (operation === 'read') return aio.read(process, request)
      return operation === 'write' ? aio.write(process, request) : aio.fsync(process, request)
    },
    submitList(jobs, notification) {
      const entries = jobs.map(([{ operation, fd, offset, view }, each]): AioEntry => {
        if (operation === 'read') return { op: 'read', fd, offset, buffer: view, ...told(each) }
        return { op: 'write', fd, offset, bytes: view, ...told(each) }
      })
      return aio.lio(process, entries, told(notification))
    },
    pending: (fd) => aio.pending(process, fd),
    cancel: (request) => (request.cancel() ? AIO_CANCELED : AIO_ALLDONE),
    made: (request) => request instanceof AioRequest,
    forget: (request) => (request as AioRequest).klist.clear(),
  }
}

function descriptorOf(process: SystemProcess, queue: SystemQueue): number {
  if (queue instanceof ProcessQueue && queue.process === process) return queue.fd
  throw wrongType('kq', 'a Kqueue of this process', queue)
}

/** @throws KqueueError EFAULT the view is of an ArrayBuffer that is detached */
function checkView({ view, syscall }: AioJob): void {
  try {
    new Uint8Array(view.buffer)
  } catch {
    fail(EFAULT, syscall, DETACHED)
  }
}
