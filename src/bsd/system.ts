/**
 * The System that a kernel with a kqueue of its own is to a thread: macOS, FreeBSD, NetBSD and
 * OpenBSD. The machine is the kernel's; here are its numbers, what it cannot hold, and the
 * event loop. What it has not is refused, with what does instead.
 */
import { closeSync, fstatSync, openSync, type PathLike } from 'node:fs'
import { constants } from 'node:os'
import type {
  InterfaceInfo,
  MountInfo,
  System,
  SystemAio,
  SystemFiles,
  SystemFilters,
  SystemFork,
  SystemInterfaces,
  SystemProcesses,
  SystemQueue,
} from '../api/system.js'
import { isCopied } from '../core/copyin.js'
import type { Sysctl } from '../core/kernel.js'
import { check, ENOSYS, ENOTSUP, KqueueError } from '../errors.js'
import { childProcess } from '../late.js'
import { headerOf, load, type Native, type Row } from './native.js'
import { BsdQueue, type QueueHost } from './queue.js'
import { ourErrno, Translation } from './translation.js'
import { fit, type Numbers, VOCABULARIES, type Vocabulary } from './vocabularies.js'

let ofThread: BsdSystem | undefined

/** The system of this thread. @throws KqueueError ENOSYS there is no addon, or no such system */
export function bsdSystem(): System {
  const table = VOCABULARIES.get(process.platform)
  if (table === undefined) {
    throw new KqueueError(ENOSYS, 'kqueue', {
      reason: `there is kqueue on Linux, macOS and the BSDs, not on ${process.platform}; kqueue/sim runs everywhere`,
    })
  }
  ofThread ??= new BsdSystem(load(), table)
  return ofThread
}

export class BsdSystem implements System, QueueHost {
  readonly translation: Translation
  readonly flags
  readonly sysctl: Sysctl = limits()
  readonly files: SystemFiles
  readonly interfaces: SystemInterfaces
  readonly filters = addedFilters()
  readonly processes: SystemProcesses = processes()
  readonly aio: SystemAio = aio()
  readonly fork: SystemFork = fork()
  readonly trees = {
    open: refusing('treeEvents', 'fs.watch with recursive, or vnodeEvents of each directory'),
  }
  readonly #queues = new Map<number, BsdQueue>()

  constructor(
    readonly native: Native,
    table: Vocabulary,
  ) {
    const header = headerOf(native)
    this.translation = new Translation(fit(table, header))
    const { O_CLOEXEC = 0, O_NONBLOCK = 0, O_SYNC = 0, O_DSYNC = O_SYNC } = header
    this.flags = { O_CLOEXEC, O_NONBLOCK, O_SYNC, O_DSYNC }
    this.files = filesOf(native, header)
    this.interfaces = interfacesOf(native)
  }

  /** Queues are always closed on exec here. */
  openQueue(flags: number): SystemQueue {
    if (isCopied(flags)) {
      throw new KqueueError(ENOTSUP, 'kqueuex', {
        reason: `a process that Node.js starts gets no copy of a kqueue of ${this.translation.vocabulary.system}; register anew in the child`,
      })
    }
    const queue = new BsdQueue(this)
    this.#queues.get(queue.fd)?.superseded()
    this.#queues.set(queue.fd, queue)
    return queue
  }

  openImage(): SystemQueue {
    throw new KqueueError(ENOTSUP, 'fromImage', {
      reason: 'what is pending is known to the kernel alone; register anew what knotes() tells',
    })
  }

  removeQueue(queue: BsdQueue): void {
    if (this.#queues.get(queue.fd) === queue) this.#queues.delete(queue.fd)
  }
}

/** @param instead what does it, a clause */
function lacking(syscall: string, instead: string): KqueueError {
  return new KqueueError(ENOSYS, syscall, {
    reason: `not with the kernel's own kqueue: ${instead}`,
  })
}

/** A call that is always refused. */
function refusing(syscall: string, instead: string): () => never {
  return () => {
    throw lacking(syscall, instead)
  }
}

function filesOf(native: Native, { O_EVTONLY, O_PATH, O_NONBLOCK = 0 }: Numbers): SystemFiles {
  const flags = O_EVTONLY ?? O_PATH ?? O_NONBLOCK
  return {
    isOpen(fd) {
      try {
        fstatSync(fd)
        return true
      } catch (error) {
        return (error as NodeJS.ErrnoException).code !== 'EBADF'
      }
    },
    open(file) {
      if (typeof file !== 'number') return openSync(file as PathLike, flags)
      const fd = native.dup(file)
      return fd < 0 ? check(-ourErrno(-fd), 'dup') : fd
    },
    close: closeSync,
    mounts: () =>
      rows(native.mounts(), 'getmntinfo').map(
        ([id, , path = '', source = '', type = '']): MountInfo => ({ id, path, source, type }),
      ),
  }
}

function rows(answer: Row[] | number, syscall: string): Row[] {
  if (typeof answer !== 'number') return answer
  throw new KqueueError(ourErrno(-answer), syscall)
}

function interfacesOf(native: Native): SystemInterfaces {
  const all = (): InterfaceInfo[] =>
    rows(native.links(), 'if_nameindex').map(([index, up, name = '']) => ({ index, name, up }))
  return {
    all,
    index: (name) => all().find((each) => each.name === name)?.index ?? 0,
    name: (index) => all().find((each) => each.index === index)?.name ?? null,
  }
}

function processes(): SystemProcesses {
  const unlisted = refusing('kinfo_getproc', 'ps(1) lists processes')
  return {
    journals: new Set(),
    now: () => performance.now(),
    shift: () => 0,
    signals: constants.signals,
    info: unlisted,
    all: unlisted,
  }
}

/** A program's filter cannot be in the kernel. */
function addedFilters(): SystemFilters {
  const none = (syscall: string) =>
    refusing(syscall, 'EVFILT_USER, triggered by the program, or kqueue/sim')
  return {
    add: none('kqueue_add_filteropts'),
    remove: none('kqueue_del_filteropts'),
    register: none('kfilter_register'),
    unregister: none('kfilter_unregister'),
  }
}

function fork(): SystemFork {
  const none = (syscall: string) =>
    refusing(syscall, 'child_process.fork, and a queue of its own in the child')
  return { start: none('fork'), options: none('forkOptions'), inherited: () => [] }
}

function aio(): SystemAio {
  const none = (syscall: string) => refusing(syscall, 'node:fs reads and writes without blocking')
  return {
    submit: none('aio_read'),
    submitList: none('lio_listio'),
    cancel: none('aio_cancel'),
    pending: () => [],
    made: (_request): _request is never => false,
    forget() {},
  }
}

/** The kernel's limits, which sysctl(8) shows and sets. */
function limits(): Sysctl {
  const unset = (name: string): never => {
    throw new KqueueError(ENOTSUP, 'sysctl', {
      reason: `${name} is the kernel's: sysctl(8) sets it`,
    })
  }
  return {
    get kq_calloutmax() {
      if (process.platform !== 'freebsd') return Number.POSITIVE_INFINITY
      return Number(
        childProcess().execFileSync('sysctl', ['-n', 'kern.kq_calloutmax'], { encoding: 'utf8' }),
      )
    },
    set kq_calloutmax(_most: number) {
      unset('kern.kq_calloutmax')
    },
    get kq_knotemax() {
      return Number.POSITIVE_INFINITY
    },
    set kq_knotemax(_most: number) {
      unset('kq_knotemax')
    },
  }
}
