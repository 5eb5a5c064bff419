/**
 * `kqueue`: the event-notification machine of the BSD kernels on the machine's own
 * kernel. Which system the calls are bound to is chosen here, and nowhere else.
 *
 *     import { kqueue, EV_SET, EVFILT_READ, EV_ADD } from 'kqueue'
 *
 *     const kq = kqueue()
 *     kq.kevent([EV_SET(fd, EVFILT_READ, EV_ADD)])
 *     for await (const { ident, data } of kq) console.log(`${data} bytes on ${ident}`)
 */
import { createRequire } from 'node:module'
import { provide } from '#later'
import * as linux from '#later/linux'
import { bind } from './api/bind.js'
import type { Kqueue as Queue } from './api/kqueue.js'
import { linuxSystem } from './linux/system.js'
import { bsd, seldom } from './parts.js'

export type { AioEntry, AioFsync, AioNotify, AioRead, AioWrite } from './api/aio.js'
export type { Abortable } from './api/arguments.js'
export type { Calls } from './api/bind-all.js'
export { type UserEvent, userEvent } from './api/conveniences.js'
export type { WaitOptions } from './api/kqueue.js'
export type { ProcessEvent, ProcessExit } from './api/processes.js'
export type {
  AioList,
  AioRequest,
  Forked,
  ForkGiven,
  ForkOptions,
  InterfaceInfo,
  MountInfo,
  PathArgument as TreeArgument,
  ProcessInfo,
  StartGiven,
} from './api/system.js'
export type { TreeOptions } from './api/tree-events.js'
export type { TreeEvent } from './api/trees/tree.js'
export type { FileArgument, VnodeEvent } from './api/vnode-events.js'
export type { Abort } from './core/abort.js'
export { EventList } from './core/event-list.js'
export { EVENT_PROCESS, EVENT_REGISTER, type FilterOps } from './core/filter.js'
export { AIO_ALLDONE, AIO_CANCELED, AIO_NOTCANCELED } from './core/filters/completion.js'
export type { KnoteImage } from './core/image.js'
export { STATUS_UNKNOWN, type Sysctl } from './core/kernel.js'
export { Knlist } from './core/knlist.js'
export type { Knote, KnoteInfo } from './core/knote.js'
export type { KqueueImage } from './core/kqueue-image.js'
export { KqueueError, type KqueueErrorDetails } from './errors.js'
export * from './event.js'

provide(createRequire, { linux })

const calls = bind(
  () => (process.platform === 'linux' ? linuxSystem() : bsd('kqueue').bsdSystem()),
  (syscall) => seldom(syscall).seldom,
)

/** A queue: what `kqueue` and its kin answer, and what `fromImage` makes of an image. */
export const Kqueue = calls.Kqueue
export type Kqueue = Queue

// The system calls

/**
 * kqueue(2): a new queue.
 * @throws KqueueError EMFILE, ENFILE no descriptor is free; ENOSYS this system has no kqueue
 */
export const kqueue = calls.kqueue

/**
 * kqueuex(2): a new queue with flags. Queues are always closed on exec here.
 * @param flags KQUEUE_CLOEXEC, KQUEUE_CPONFORK, KQUEUE_CPONFORKFD, KQUEUE_CPONFORKNONFD;
 *   KQUEUE_TRUSTFD where the program deletes events of a descriptor before it closes that, see
 *   docs/descriptors.md
 * @throws KqueueError EINVAL for other flags; otherwise like `kqueue`
 */
export const kqueuex = calls.kqueuex

/**
 * kqueue1(2) of NetBSD: a new queue with open(2) flags.
 * @param flags O_CLOEXEC, O_NONBLOCK
 * @throws KqueueError EINVAL for other flags; otherwise like `kqueue`
 */
export const kqueue1 = calls.kqueue1

// Fork

/**
 * child_process.fork, with a copy of each open queue of this thread that was made with
 * KQUEUE_CPONFORK: under the same descriptor, with the same events in the same state. What
 * happens while the child starts is not lost. Takes all that child_process.fork takes; the
 * child emits 'kqueues' when its copies stand. See docs/fork.md.
 * @param options its `stdio` comes first: a queue, or an event of a descriptor, whose number is
 *   given to something else there is left out
 * @throws what child_process.fork throws; KqueueError EMFILE, ENFILE no descriptor is free;
 *   DataCloneError a `udata` that cannot be cloned, which is named; KqueueError ENOSYS on the
 *   simulated kernel, where `p.fork()` is
 */
export const fork = calls.fork

/**
 * The same for `spawn` and for `cluster.setupPrimary`: options with `stdio` and `env` in which
 * the copies travel, as the queues are now. Any number of children can be started with them.
 * The first one gets what was prepared to keep what happens meanwhile; the others get their
 * copies as a worker does. `close()` when no more are to be started. Throws as `fork` does.
 */
export const forkOptions = calls.forkOptions

/**
 * The copies that this process was started with, by their descriptors; none where it was not,
 * and in workers.
 */
export const inheritedKqueues = calls.inheritedKqueues

// Descriptors, timers and events of one's own

/**
 * Waits until a descriptor can be read: EVFILT_READ once. `bytes` is what can be
 * read (for a listening socket, the connections that wait), `eof` whether the other
 * end is closed.
 * @throws (rejects with) KqueueError EBADF no open descriptor; the signal's reason
 */
export const readable = calls.readable

/**
 * Waits until a descriptor can be written: EVFILT_WRITE once. `space` is the room in
 * bytes, `eof` whether nobody will read.
 * @throws (rejects with) KqueueError EBADF no open descriptor; the signal's reason
 */
export const writable = calls.writable

/**
 * Ticks every `period` (ms, fractions count; or a timespec), without drift: a tick
 * that comes late says how many periods have passed.
 * @throws KqueueError EINVAL for a period that is not more than 0; the signal's reason
 */
export const ticks = calls.ticks

// Processes

/**
 * Waits until a process exits, whoever's child it is: EVFILT_PROC with NOTE_EXIT. One that
 * has exited and was not waited for is answered at once.
 * @throws (rejects with) KqueueError ESRCH there is no such process, EMFILE no descriptor
 *   is free; the signal's reason
 */
export const processExit = calls.processExit

/**
 * What a process and all of its descendants do, from the first `next()` on until the last
 * of them has exited: EVFILT_PROC with NOTE_TRACK. A process is announced by its 'fork'
 * before anything else is told of it; the children that the process has when it begins are
 * followed only with `descendants`. What is told at once is in the order in which it happened; an exit may come
 * late, so `time` says when.
 * @throws (rejects with) KqueueError ESRCH there is no such process; EPERM or
 *   ENOTSUP the system does not tell of forks, and the message says what would make it; the signal's
 *   reason
 */
export const processTree = calls.processTree

// Files

/**
 * What happens to a file or directory, from the first `next()` on until the loop is left:
 * EVFILT_VNODE. What happens between two turns of the loop gathers in one event. The file is
 * followed, not its path; after its removal there may be more events from those who have it
 * open.
 * @param file a path, or a descriptor, which may be closed as soon as the first event is
 *   waited for
 * @param notes what to report, NOTE_*; without, all but NOTE_OPEN, NOTE_CLOSE,
 *   NOTE_CLOSE_WRITE and NOTE_READ
 * @throws (rejects with) ENOENT, EACCES and what else open(2) fails with; KqueueError EBADF,
 *   EINVAL no file or directory, ENOTSUP, EACCES, ENOSPC, EMFILE, see docs/files.md; the
 *   signal's reason
 */
export const vnodeEvents = calls.vnodeEvents

/**
 * What happens below a directory, to which path, from the first `next()` on until the loop is
 * left: inotify(7), one watch a directory and no descriptor a file. Small trees are watched when
 * the first `next()` has returned; `ready` tells. When the directory is removed or moved away,
 * the last event is a 'delete' of '.'. See docs/trees.md.
 * @param path of a directory
 * @throws (rejects with) ENOENT, EACCES and what else open(2) fails with; KqueueError ENOTDIR,
 *   ENOTSUP the file system does not tell of changes, see docs/files.md; ENOSPC, which names the
 *   limit of watches, EMFILE; what `ignore` throws; the signal's reason
 */
export const treeEvents = calls.treeEvents

// Asynchronous I/O

/**
 * aio_read(2): reads from a file while the program goes on. The bytes are in `buffer` when
 * the request is over, which is when its event has been handed out, or it says so itself.
 *
 * @throws KqueueError EBADF no descriptor that is open for reading, or a closed queue;
 *   ENOTSUP a pipe, socket or device, with which I/O may never end; EINVAL an offset that
 *   there is not; EFAULT a detached buffer; ENOMEM too many knotes; EMFILE no descriptor is
 *   free. TypeError for values of a wrong type. What fails later is `error` of the request:
 *   EISDIR, EIO, and EFAULT when the buffer has been detached meanwhile.
 */
export const aio_read = calls.aio_read

/**
 * aio_write(2): writes to a file while the program goes on. Throws as `aio_read` does. What
 * fails later is `error` of the request: ENOSPC, EFBIG, EIO.
 */
export const aio_write = calls.aio_write

/**
 * aio_fsync(2): over when what was asked for before on this file is over and on the disk.
 * @throws KqueueError EINVAL another `op`; otherwise as `aio_read` does
 */
export const aio_fsync = calls.aio_fsync

/**
 * lio_listio(2) with LIO_NOWAIT: asks for all, with one system call where there is io_uring,
 * and tells in one event when all are over. They are done in any order. One that cannot be
 * asked for is over at once, with its error; entries may have events of their own, too.
 *
 * @throws KqueueError EINVAL the list is empty, EBADF a closed queue, ENOMEM too many knotes,
 *   EMFILE no descriptor is free to read this part of the package.
 *   TypeError for values of a wrong type. Nothing has been asked for then.
 */
export const lio_listio = calls.lio_listio

/**
 * aio_cancel(2): takes back a request, or all that were made with a descriptor. Each that was
 * taken back ends with ECANCELED, and its event comes as of any other. Answers AIO_CANCELED
 * (all were taken back), AIO_NOTCANCELED (one goes on), AIO_ALLDONE (all were over).
 * @throws KqueueError EBADF no open descriptor
 */
export const aio_cancel = calls.aio_cancel

/** aio_error(2): 0, a positive errno, or EINPROGRESS while it goes on. The same as `error`. */
export const aio_error = calls.aio_error

/**
 * aio_return(2): the number of bytes, once. An event that was not handed out yet goes with it.
 * @throws KqueueError the error of the request; EINVAL it goes on, or was asked before
 */
export const aio_return = calls.aio_return

// Filters of one's own, and limits

/**
 * kqueue_add_filteropts(9): adds a filter under a number.
 * @param filter -32768 to -1
 * @throws KqueueError EEXIST the number is taken; EINVAL it is out of range
 */
export const kqueue_add_filteropts = calls.kqueue_add_filteropts

/**
 * kqueue_del_filteropts(9): removes a filter that was added.
 * @throws KqueueError EINVAL there is none, or it belongs to the system; EBUSY knotes use it
 */
export const kqueue_del_filteropts = calls.kqueue_del_filteropts

/**
 * kfilter_register(9) of NetBSD: adds a filter under a name and answers its number.
 * @throws KqueueError EEXIST the name is taken
 */
export const kfilter_register = calls.kfilter_register

/**
 * kfilter_unregister(9) of NetBSD: removes a filter that was registered by name.
 * @throws KqueueError EINVAL there is none; EBUSY knotes use it
 */
export const kfilter_unregister = calls.kfilter_unregister

/** The limits of this thread's kernel: sysctl(8). Each is a whole number, or Infinity. */
export const sysctl = calls.sysctl

// What there is now: file systems, network interfaces, processes

/**
 * getmntinfo(3): what is mounted, in the order in which it was. EVFILT_FS tells of changes.
 * @throws KqueueError ENOENT /proc is not mounted
 */
export const getmntinfo = calls.getmntinfo

/**
 * if_nametoindex(3): the index of a network interface.
 * @param name 'eth0'
 * @throws TypeError; KqueueError ENXIO there is no such interface
 */
export const if_nametoindex = calls.if_nametoindex

/**
 * if_indextoname(3): the name of a network interface now.
 * @throws TypeError; KqueueError ENXIO there is no such interface
 */
export const if_indextoname = calls.if_indextoname

/** if_nameindex(3): all network interfaces, with their links. EVFILT_NETDEV tells of changes. */
export const if_nameindex = calls.if_nameindex

/**
 * kinfo_getproc(3) of FreeBSD: a process.
 * @throws TypeError; KqueueError ESRCH there is no such process, or it is not shown
 */
export const kinfo_getproc = calls.kinfo_getproc

/** kinfo_getallproc(3) of FreeBSD: all processes that are shown to this one, zombies included. */
export const kinfo_getallproc = calls.kinfo_getallproc
