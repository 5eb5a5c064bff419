/**
 * The seam between the public API and a kernel: what a system brings so that everything
 * public works on it. `linux/` and `sim/` each make one, and only the package's entry point
 * chooses. A third is one more folder.
 *
 *     const calls = bindAll(() => system) // all that `import 'kqueue'` has, on that system
 *
 * Arguments have been checked: masks, counts and nanoseconds are whole numbers in range. What
 * fails is a KqueueError.
 */
/// <reference types="node" preserve="true" />

import type { Abort } from '../core/abort.js'
import type { FilterTable } from '../core/filter.js'
import type { Sysctl } from '../core/kernel.js'
import type { KnoteInfo } from '../core/knote.js'
import type { KqueueImage } from '../core/kqueue-image.js'
import type { ProcessJournal } from '../core/process-journal.js'
import type { EventSink, Kevent } from '../event.js'

/** The system that calls are bound to, made when one of them is called first. */
export type Bound = () => System

/** What names a file: its path, also as bytes or a `URL`. */
export type PathArgument = string | Uint8Array | { readonly href: string }

/** One kernel, as one thread or one simulated process has it. */
export interface System {
  /** kqueuex(2): a new queue. @throws EMFILE, ENFILE, ENOMEM */
  openQueue(flags: number): SystemQueue
  /**
   * A new queue made of an image, which may be anything.
   * @throws EINVAL it is no image of this process; what keeps an event from being restored
   */
  openImage(image: unknown): SystemQueue
  readonly filters: SystemFilters
  readonly sysctl: Sysctl
  readonly files: SystemFiles
  readonly trees: SystemTrees
  readonly processes: SystemProcesses
  readonly interfaces: SystemInterfaces
  readonly aio: SystemAio
  readonly fork: SystemFork
  readonly flags: SystemFlags
}

/** A queue of a system: kevent(2) in its parts. */
export interface SystemQueue {
  /** Its descriptor, which the program knows from now on. */
  expose(): number
  readonly closed: boolean
  /** Whether somebody sleeps. */
  readonly awaited: boolean

  /** @throws EBADF it is closed */
  assertOpen(syscall?: string): void
  /**
   * Applies the first `n` changes, and answers those that fail with EV_ERROR events while there
   * is room for `room` of them: how many events.
   * @throws the error of a change for which there is no room; EBADF
   */
  change(changes: readonly Kevent[], n: number, sink: EventSink, room: number): number
  /**
   * Hands out at most `max` events, blocking for at most `timeout` ns (-1 for ever) until
   * there are some: how many.
   * @throws EINTR, EBADF
   */
  collect(sink: EventSink, max: number, timeout: number): number
  /** Hands out what is known to be pending, without asking what has happened: how many. */
  walkOn(sink: EventSink, max: number): number
  /**
   * The same as `collect` without blocking. Who came first is served first, and no event is
   * handed out twice; what is not handed out stays.
   * @throws (rejects with) the reason of `signal`; EBADF
   */
  sleep(max: number, timeout: number, signal: Abort | undefined): Promise<Kevent[]>
  /**
   * Lets others go on, so that a queue that always has events does not starve them; null
   * where it is not their turn yet.
   */
  pause(): Promise<void> | null

  /** What is registered, as data for a copy. @throws EBADF; EINVAL a `udata` cannot be cloned */
  takeImage(): KqueueImage
  /** What is registered. Descriptors that were closed are not among them. */
  describe(): KnoteInfo[]
  /** Whether who sleeps keeps the program alive, as at the beginning. */
  reference(referenced: boolean): void
  /** Removes the knotes, and ends who sleeps with EBADF. Once is enough. */
  close(): void
}

/** kqueue_add_filteropts(9), kfilter_register(9). A system may have none of it: ENOSYS. */
export type SystemFilters = Pick<FilterTable, 'add' | 'remove' | 'register' | 'unregister'>

export interface SystemFiles {
  /** Whether a number is an open descriptor. */
  isOpen(fd: number): boolean
  /**
   * A descriptor of the caller's own for a file, or for what is behind a descriptor, with which
   * it can be watched. To open it is no event.
   * @throws ENOENT, EACCES, EMFILE and what else open(2) fails with
   */
  open(file: PathArgument | number): number
  close(fd: number): void
  /** What is mounted, in the order in which it was. */
  mounts(): MountInfo[]
}

/** A mounted file system: `struct statfs`. */
export interface MountInfo {
  /** Tells it from others that were or are mounted at the same place. */
  readonly id: number
  /** Where it is mounted: f_mntonname. */
  readonly path: string
  /** What is mounted, a device for one: f_mntfromname. */
  readonly source: string
  /** 'ext4' and the like: f_fstypename. */
  readonly type: string
}

/** Watches of directories, as of inotify(7). */
export interface SystemTrees {
  /** Of directories below this one. @throws ENOENT, EACCES, EMFILE and what else open(2) fails with */
  open(path: PathArgument): SystemTree
}

/**
 * Watches of the directories of a tree. Paths are below its root, '' for that, and are made of
 * names as the system has them; `text` makes them what people read.
 */
export interface SystemTree {
  /** A descriptor that can be read while there are records. */
  readonly fd: number
  /**
   * Watches a directory, and lists it as `trees/entries.ts` has it; or a positive errno.
   * @param options.follow whether a symbolic link, the last name too, is what it leads to
   * @param options.compare marks what may have been changed since records were lost
   */
  list(
    path: string,
    options: { readonly follow: boolean; readonly compare: boolean },
  ): { readonly watch: number; readonly names: string } | number
  /** The watch of a directory, which is watched if it was not; -1 when that cannot be. */
  identify(path: string, follow: boolean): number
  isDirectory(path: string): boolean
  unwatch(watch: number): void
  /** All that has happened until now. @throws KqueueError */
  read(): TreeRecord[]
  /** From now on all is recorded. */
  mark(): void
  /** Records were lost, and what has changed will be asked for. */
  rescan(): void
  text(path: string, encoding: 'utf8' | 'latin1'): string
  /** What an errno of `list` means. */
  failure(errno: number): Error
  close(): void
}

/** What happened to an entry of a watched directory. */
export interface TreeRecord {
  /** -1 for none. */
  readonly watch: number
  /** 'from' and 'to' are the names of a rename; 'gone' is the watch, and 'lost' are records. */
  readonly what: 'create' | 'delete' | 'from' | 'to' | 'write' | 'attributes' | 'gone' | 'lost'
  /** The same for both names of a rename. */
  readonly cookie: number
  /** '' for the directory itself. */
  readonly name: string
  readonly directory: boolean
}

export interface SystemProcesses {
  /** Written while a tree of processes is followed, by who takes in what they do. */
  readonly journals: Set<ProcessJournal>
  /** The time now in ms, on the scale of the program's `performance.now()`. */
  now(): number
  /** What makes a time of a journal, in ms, a time on that scale when it is added. */
  shift(): number
  /** The numbers of signals, by name. */
  readonly signals: Readonly<Record<string, number>>
  /** null when there is no such process, or it is not shown. */
  info(pid: number): ProcessInfo | null
  /** All that are shown to this process, zombies included. */
  all(): ProcessInfo[]
}

/** A process: `struct kinfo_proc`. */
export interface ProcessInfo {
  readonly pid: number
  /** The pid of its parent, 0 for none. */
  readonly ppid: number
  /** Its process group, and its session; 0 where the system has none. */
  readonly pgid: number
  readonly sid: number
  /** The group that the keys of its terminal signal, -1 without a terminal. */
  readonly tpgid: number
  /** It has exited, and its parent has yet to wait for it. */
  readonly zombie: boolean
  /**
   * When it began, in ns since the system did; rounded, but the same whenever it is asked. With
   * the pid it tells a process from a later one that has its number.
   */
  readonly start: number
}

export interface SystemInterfaces {
  /** if_nametoindex(3): 0 for none. */
  index(name: string): number
  /** if_indextoname(3): null for none. */
  name(index: number): string | null
  all(): InterfaceInfo[]
}

/** A network interface: `struct if_nameindex`, and its link. */
export interface InterfaceInfo {
  readonly index: number
  readonly name: string
  /** Whether its link is up, as NOTE_LINKUP and NOTE_LINKDOWN tell. */
  readonly up: boolean
}

type Processes = typeof import('node:child_process')
/** What `fork` answers: it also emits 'kqueues' when the child's copies stand. */
export type Forked = ReturnType<Processes['fork']>
/** What `fork` takes: all that `child_process.fork` does. */
export type ForkGiven = import('node:child_process').ForkOptions
/** What `forkOptions` takes; it hands on all but `stdio` and `env` as they are. */
export type StartGiven = import('node:child_process').SpawnOptions

/** What `forkOptions` answers. */
export interface ForkOptions extends StartGiven {
  stdio: Exclude<StartGiven['stdio'], string | undefined>
  env: { [name: string]: string | undefined }
  /** Closes what this process keeps for children that are still to be started. */
  close(): void
  [Symbol.dispose](): void
}

/** Processes that are started with copies of queues. A system may have none of it: ENOSYS. */
export interface SystemFork {
  start(modulePath: string | URL, args: readonly string[], options: ForkGiven | undefined): Forked
  options(options: StartGiven | undefined): ForkOptions
  /** The copies that this process was started with, by descriptor. */
  inherited(): Iterable<readonly [number, SystemQueue]>
}

/** Flags of open(2) that other calls take; each system has its own numbers. */
export interface SystemFlags {
  readonly O_CLOEXEC: number
  readonly O_NONBLOCK: number
  readonly O_SYNC: number
  readonly O_DSYNC: number
}

/** What asynchronous I/O is to do. */
export interface AioJob {
  readonly operation: 'read' | 'write' | 'sync' | 'datasync'
  /** -1 for what cannot be a descriptor. */
  readonly fd: number
  /** Bytes from the beginning. */
  readonly offset: number
  /** Where the bytes go, or where they are; those to be written are copied at once. */
  readonly view: Uint8Array
  /** The call, for errors. */
  readonly syscall: string
}

/** Who is told of the end. */
export interface AioNotification {
  readonly queue: SystemQueue | null
  /** Without, the request or the list is `udata` of its event. */
  readonly udata: unknown
}

export interface SystemAio {
  /** Asks for one. @throws EBADF, ENOTSUP the descriptor; ENOMEM the queue; EMFILE, EAGAIN */
  submit(job: AioJob, notification: AioNotification): AioRequest
  /**
   * Asks for all, and tells when all are over. One that cannot be asked for is over at once,
   * with its error.
   * @throws ENOMEM the queue
   */
  submitList(
    jobs: readonly (readonly [AioJob, AioNotification])[],
    notification: AioNotification,
  ): AioList
  /** What was asked for with a descriptor and is not over, in the order in which it was. */
  pending(fd: number): AioRequest[]
  /** AIO_CANCELED, AIO_NOTCANCELED or AIO_ALLDONE. aio_cancel(2). */
  cancel(request: AioRequest): number
  /** Whether `submit` or `submitList` of this system made it. */
  made(request: unknown): request is AioRequest
  /** Takes the event of a request that is over from its queue, if it is still there. */
  forget(request: AioRequest): void
}

/** A request: `struct aiocb`. What it says is how it goes now. */
export interface AioRequest {
  /** `ident` of its event; no other request of this thread has it. */
  readonly id: number
  /** The descriptor that it was made with. */
  readonly fd: number
  readonly status: 'pending' | 'done' | 'cancelled'
  /** Whether it is over. */
  readonly complete: boolean
  /** Bytes, 0 for a sync, -1 when it failed or was cancelled; null while it goes on. */
  readonly result: number | null
  /** 0, or a positive errno; EINPROGRESS (115) while it goes on. */
  readonly error: number
  /** Takes it back if it has not begun: it ends with ECANCELED. Answers whether it was in time. */
  cancel(): boolean
}

/** A list of requests. */
export interface AioList {
  /** `ident` of its event. */
  readonly id: number
  readonly requests: readonly AioRequest[]
  /** Whether all are over. */
  readonly complete: boolean
  /** Takes back all that have not begun. */
  cancel(): void
}
