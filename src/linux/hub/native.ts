/**
 * The addon's calls, typed: one Linux system call each, a fixed group of them where
 * the hot path needs one crossing, or a word to an engine (signals, the process
 * connector, the event loop, asynchronous I/O). A call answers a result >= 0 or
 * a negative errno; it throws only `TypeError` for arguments of a wrong type.
 * See `native/` for the C.
 *
 * The numbers stand here as well as there, because the addon is loaded when it is first used,
 * and this file on systems that have none.
 */

/**
 * The memory that JavaScript and the addon share, an `Int32Array`, so that the hottest calls
 * need no arguments; see `board.ts`.
 */
export const BOARD_EPFD = 0
/** The side that is asked about, SIDE_*. */
export const BOARD_SIDE = 1
/** How many questions there are, up to 1024, */
export const BOARD_QUESTIONS = 2
/** and of how many files that have fired the level is asked. */
export const BOARD_ASKED = 3
/** How long to wait; -1 s for ever. */
export const BOARD_SEC = 4
export const BOARD_NSEC = 5
/** What is registered in BOARD_EPFD: the descriptor, for which events, */
export const BOARD_FD = 6
export const BOARD_EVENTS = 7
/** and what tells it from others that have had its number. */
export const BOARD_GENERATION = 8
/** Where the records begin: 1024 of what has fired, and as many of questions. */
export const BOARD_RECORDS = 10
/** Where what a file is begins, STAT_FIELDS doubles. */
export const BOARD_STAT = 12298
export const BOARD_LENGTH = 12326

/** One record of `pollWait` and `pollLevels` on the board. */
export const RECORD = 6
/** The descriptor number under which the file was registered. */
export const REC_FD = 0
/** The registration's generation, as given to `epollAdd`; 0 for the kernel's own descriptors. */
export const REC_GENERATION = 1
/** In `REC_GENERATION`: it need not be proved at each visit that the number is that file. */
export const TRUSTED = 0x40000000
/** `POLL*` bits, and `REC_STALE`. */
export const REC_EVENTS = 2
/** Bytes readable, connections waiting, or bytes of room; `COUNT_UNKNOWN`, `COUNT_UNASKED`. */
export const REC_COUNT = 3
/** The pending socket error (positive errno) when the events hold `POLLERR`, else 0. */
export const REC_ERROR = 4
/** Whether a count of 0 says that there is nothing: 0 when that was not found out, 1 yes, 2 no. */
export const REC_DRAINS = 5

/** In `REC_EVENTS`: the number no longer names the file that was registered. */
export const REC_STALE = 0x10000
/** In `REC_EVENTS` of `epollAhead`: whether it is the file that was added, and EPOLL_CTL_MOD. */
export const AHEAD_HOLDS = 0
export const AHEAD_MODIFY = 1
/** In `REC_COUNT`: this kind of file keeps no count that can be asked. */
export const COUNT_UNKNOWN = -1
/** In `REC_COUNT`: the level was not asked for this record. */
export const COUNT_UNASKED = -2

export const POLLIN = 0x0001
export const POLLPRI = 0x0002
export const POLLOUT = 0x0004
export const POLLERR = 0x0008
export const POLLHUP = 0x0010
export const POLLRDHUP = 0x2000
export const EPOLLET = 0x80000000

/** The side of a descriptor that `pollLevels` asks about. */
export const SIDE_READ = 0
export const SIDE_WRITE = 1
/** Out-of-band data: 1 or 0 in REC_COUNT. */
export const SIDE_EXCEPT = 2
/** Regular files that have a poll of their own: 0 in REC_COUNT. */
export const SIDE_FILE = 3

/** What the function of a watch is called with after a call. */
export const LOOP_CALLED = 2 ** 30

/** In what `pollProbe` answers: something can wake who polls, */
export const POLL_WAITS = 0x10000
/** or the kernel did not say. */
export const POLL_WAITS_PERHAPS = 0x20000

/** Of open(2), which Node.js does not name: opens without reading, waiting, or being an event. */
export const O_PATH = 0o10000000
/** Of open(2), which Node.js does not name either. */
export const O_CLOEXEC = 0o2000000

/** How many fields `fileStat` fills. */
export const STAT_FIELDS = 14
export const STAT_MODE = 0
export const STAT_DEV = 1
export const STAT_INO_HIGH = 2
export const STAT_INO_LOW = 3
export const STAT_SIZE = 4
/** When the file was made, seconds and ns; 0 where the file system does not say. */
export const STAT_BIRTH = 5
export const STAT_BIRTH_NSEC = 6
export const STAT_LINKS = 7
export const STAT_UID = 8
export const STAT_GID = 9
/** When the content was changed, seconds and ns. */
export const STAT_MODIFIED = 10
export const STAT_MODIFIED_NSEC = 11
/** When anything of the inode was changed, seconds and ns. */
export const STAT_CHANGED = 12
export const STAT_CHANGED_NSEC = 13

/** What `pidfdState` says of a process. */
export const PROCESS_RUNNING = 0
/** It has exited, and its parent has yet to wait for it: a zombie. */
export const PROCESS_EXITED = 1
export const PROCESS_REAPED = 2

/** One record of `connectorRead` in a `Float64Array`: `records[i * EVENT_RECORD + FIELD]`. */
export const EVENT_RECORD = 7
/** EVENT_LOST, EVENT_FORK, EVENT_EXEC or EVENT_EXIT. */
export const EVENT_WHAT = 0
/** When it happened, CLOCK_MONOTONIC in ns. */
export const EVENT_TIME = 1
/** The thread: the new one, or the one that did it. */
export const EVENT_PID = 2
/** Its process: the same number for the first thread. */
export const EVENT_TGID = 3
/** The process that forked, the wait(2) status of an exit, or where the command line of an exec is. */
export const EVENT_VALUE = 4
/** With EVENT_EXEC: the name of the program, EVENT_NAME_SIZE bytes padded with zeros; empty when nobody knows. */
export const EVENT_NAME = 5
export const EVENT_NAME_SIZE = 16
/** Bytes of a command line that are kept. */
export const CMDLINE_MOST = 4096

/** In EVENT_WHAT: records are missing here. */
export const EVENT_LOST = 0
export const EVENT_FORK = 1
export const EVENT_EXEC = 2
export const EVENT_EXIT = 3

/** One record of `linkRead` in an `Int32Array`: `records[i * LINK_RECORD + FIELD]`. */
export const LINK_RECORD = 3
/** LINK_HERE, LINK_GONE, LINK_END or LINK_AGAIN. */
export const LINK_WHAT = 0
/** The index of the interface; of LINK_END a positive errno, 0 for none. */
export const LINK_INDEX = 1
/** IFF_* bits of netdevice(7). */
export const LINK_FLAGS = 2

/** In LINK_WHAT: this is how the interface is. */
export const LINK_HERE = 0
/** The interface is there no more. */
export const LINK_GONE = 1
/** That was the answer to `linkAsk`. */
export const LINK_END = 2
/** There were changes while the answer was made: it is not whole. */
export const LINK_AGAIN = 3

/** What `outputKind` says of a descriptor: it is neither socket nor pipe, or does not tell. */
export const OUTPUT_NONE = 0
/** A socket that fires for writing whenever something was taken. */
export const OUTPUT_SOCKET = 1
/** A socket that does not: TCP. */
export const OUTPUT_STREAM = 2
export const OUTPUT_PIPE = 3
/** The reading end of a pipe. */
export const OUTPUT_WRONG_END = 4

/** What `aioSubmit` asks for. */
export const AIO_READ = 0
export const AIO_WRITE = 1
export const AIO_SYNC = 2
export const AIO_DSYNC = 3

/** By whom asynchronous I/O is done. */
export const AIO_URING = 1
export const AIO_THREADS = 2

/** What `treeRead` is asked: the descriptors of inotify and of the root, */
export const TREE_REQUEST_INOTIFY = 0
export const TREE_REQUEST_ROOT = 1
/** the length of the path in bytes, the mask of inotify, */
export const TREE_REQUEST_PATH = 2
export const TREE_REQUEST_MASK = 3
/** TREE_FOLLOW, TREE_LIST, */
export const TREE_REQUEST_OPTIONS = 4
/** since when what was changed is TREE_RECENT, in s since 1970, 0 for nothing; */
export const TREE_REQUEST_SINCE = 5
/** and what it answers: the watch. */
export const TREE_REQUEST_WATCH = 6
export const TREE_REQUEST_FIELDS = 7

/** Symbolic links to directories are directories. */
export const TREE_FOLLOW = 1
/** The names are asked for. */
export const TREE_LIST = 2
/** Of an entry: it is a directory; its inode was changed lately. */
export const TREE_DIRECTORY = 1
export const TREE_RECENT = 2

/** A watch on one descriptor in the event loop of the thread that made it. */
export interface LoopWatch {
  readonly __loopWatch: unique symbol
}

export interface Native {
  /** The numbers above as C has them, and those that C has of others; a test compares them. */
  readonly constants: Readonly<Record<string, number>>

  /** epoll_create1(EPOLL_CLOEXEC). The fd is closed when the environment ends. */
  epollCreate(): number
  /**
   * EPOLL_CTL_ADD of what is on the board, with the datum {fd, generation}: 1 when it is an epoll
   * instance itself, else 0. See `about` of `board.ts`.
   */
  epollAdd(): number
  /** The same, with -EPERM for every regular file. */
  epollAddIrregular(): number
  /** EPOLL_CTL_MOD, like `epollAdd`: what is ready is reported again. */
  epollModify(): number
  /** Whether the descriptor on the board still is the file that was added under it: 1 or 0. */
  epollHolds(): number
  /**
   * For each question on the board, about BOARD_EPFD and with BOARD_EVENTS: where REC_EVENTS is
   * AHEAD_HOLDS what `epollHolds` asks, where it is AHEAD_MODIFY what `epollModify` does. Leaves 0
   * in REC_ERROR where that is the file, and 1 where it is not.
   */
  epollAhead(): number
  /** EPOLL_CTL_DEL. */
  epollDelete(epfd: number, fd: number): number
  /**
   * EPOLL_CTL_ADD of BOARD_FD, a descriptor that the addon made, to BOARD_EPFD, with EPOLLIN and
   * EPOLLET and generation 0. What is made to be adopted, a pidfd, is proved to be ours by being in
   * the adopter. -EBADF: it is not what was adopted. Hot path.
   */
  epollAdopt(): number
  /** EPOLL_CTL_DEL of such a descriptor. */
  epollDisown(epfd: number, fd: number): number
  /** What was adopted is in this instance from now on. It gets a second number, closed with the first. */
  epollAdopter(epfd: number): number
  /** Whether `fd`, which is in `epfd`, is an epoll instance itself: 1 or 0. */
  epollNests(epfd: number, fd: number): number
  /** The board, over a SharedArrayBuffer, from now on. */
  boardShare(board: Int32Array): number
  /**
   * What is on the board: answers the questions as `pollLevels` does, then epoll_pwait2 into its
   * records, then asks the read level of the first BOARD_ASKED whose generation is not 0: the
   * identity of the descriptor and how much can be read. Answers how many have fired.
   * -EINTR when a signal came first.
   */
  pollWait(): number
  /**
   * For each question on the board: what its descriptor has to report now. That REC_FD still is
   * the file registered in BOARD_EPFD is checked where there is something. Takes what REC_EVENTS
   * was last time, and writes REC_EVENTS, REC_COUNT, REC_ERROR, REC_DRAINS.
   */
  pollLevels(): number

  /**
   * Opens the ring that polls an epoll instance: an array of one element, which changes when
   * `idleArm` was 1 and the instance has had something to tell since. Once an environment.
   */
  idleOpen(): Int32Array | number
  /** Polls an instance: 1, or 0 when it has something to tell now. One at a time. */
  idleArm(epfd: number): number
  /** Polls it no more. */
  idleDisarm(): number
  /** Closes the ring, and takes the array's memory away. */
  idleClose(): number

  /** The descriptor of a queue: an epoll that holds `readyFd`, off. */
  queueCreate(readyFd: number): number
  /** The same under a number, in place of what has it. */
  queueCreateAt(readyFd: number, number: number): number
  /** Turns `readyFd` on or off in it; -EBADF when `fd` is not such an epoll any more. */
  queueSet(fd: number, readyFd: number, on: boolean): number
  /** Closes it if it still is that queue, else -EBADF. */
  queueClose(fd: number, readyFd: number): number

  /** memfd_create(2): a file of these bytes that nobody can change. Whoever asks closes it. */
  imageCreate(bytes: Uint8Array): number
  /** Whether `fd` is such a file: 1 or 0. */
  imageIs(fd: number): number
  /** fcntl(2), F_GETFD: 1 when `fd` is closed on exec, 0 when not. */
  cloexecGet(fd: number): number
  /** F_SETFD: closes `fd` on exec from now on. */
  cloexecSet(fd: number): number
  /** Takes over a descriptor that another process has made for this one: `fd`. */
  descriptorTake(fd: number): number

  /** timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC). */
  timerfdCreate(): number
  /** Fires once, `sec`/`nsec` from now; 0/0 disarms. */
  timerfdSet(fd: number, sec: number, nsec: number): number

  /** eventfd(initial, EFD_NONBLOCK | EFD_CLOEXEC). */
  eventfdCreate(initial: number): number

  /** inotify_init1(IN_NONBLOCK | IN_CLOEXEC). */
  inotifyCreate(): number
  /** Watches the file behind descriptor `fd`, or the directory that it is in; the watch descriptor. */
  inotifyAdd(inotifyFd: number, fd: number, mask: number, parent: boolean): number
  inotifyRemove(inotifyFd: number, wd: number): number
  /** read(2) of whole records into `buffer`: bytes read, 0 when there are none. */
  inotifyRead(inotifyFd: number, buffer: Uint8Array): number

  /**
   * Watches a directory below another one, and lists it: see TREE_REQUEST_*. The path, in bytes
   * with a zero at the end, is in `buffer`, where the names come: of each a byte of TREE_*, its
   * length in a byte, and the name. Answers how many bytes; -ENOBUFS there is no room for them.
   */
  treeRead(request: Float64Array, buffer: Uint8Array): number

  /**
   * statx(2) of BOARD_FD, or fstat(2) where that is refused: leaves in BOARD_STAT what STAT_* tell.
   * Hot path.
   */
  fileStat(): number
  /** lseek(2): where in the file `fd` is. */
  fileOffset(fd: number): number
  /** fcntl(2), F_GETFL: how `fd` was opened. */
  fileFlags(fd: number): number
  /**
   * POLL_WAITS unless nothing would ever wake who polls `fd`; with the `POLL*` bits of
   * now, and POLLPRI where there was some that polling has taken away.
   */
  pollProbe(fd: number): number
  /** OUTPUT_*: whether it tells how much of what was written has not been taken. */
  outputKind(fd: number): number
  /** How many bytes that are. */
  outputQueued(fd: number): number
  /** How many bytes were taken in all: of a TCP connection, those acknowledged; else 0. */
  outputTaken(fd: number): number
  /** 1 for the master of a pseudo-terminal, else 0. */
  ptyIsMaster(fd: number): number
  /** fstatfs(2): the type of the file system, `f_type`, in 32 bits. */
  fileSystem(fd: number): number
  /** Waits until renames and the like that are under way in a directory are over. */
  directoryBarrier(fd: number): number
  /**
   * pidfd_open(2) of the process BOARD_FD, to be adopted or closed at once; leaves CLOCK_MONOTONIC
   * in BOARD_SEC and BOARD_NSEC. -ESRCH no process; -EINVAL or -ENOENT no process, but a thread of
   * one. Hot path.
   */
  pidfdOpen(): number
  /**
   * fcntl(2), F_DUPFD_CLOEXEC: a descriptor of our own for the same open file, to be adopted or
   * closed at once.
   */
  pidfdDuplicate(fd: number): number
  /** PROCESS_*. */
  pidfdState(fd: number): number
  /**
   * The wait(2) status of a process that has exited, where the kernel gives it: of our own
   * zombies (waitid(2)), of any process that was reaped (PIDFD_GET_INFO, Linux 6.15).
   * -ENODATA where it does not.
   */
  pidfdStatus(fd: number): number
  /** 1 when a pidfd fires as its process is reaped (Linux 6.9), else 0; a negative errno. */
  pidfdTellsReap(): number
  /** CLOCK_BOOTTIME less CLOCK_MONOTONIC: how long the system was suspended, in ns. */
  suspended(): number

  /**
   * Listens to the process connector: an eventfd that fires when there are records to
   * read. Threads share one socket. -EPERM not allowed; -ECONNREFUSED, -EPROTONOSUPPORT
   * the kernel has none here; -ENOMSG it does not answer to this namespace; -EALREADY.
   * `given`, if it is not -1, is a socket that another process has made for this one, and is
   * taken over: what it holds is there to be read.
   */
  connectorOpen(given: number): number
  /** A socket of the process connector for another process, which listens from now on. */
  connectorHandOver(): number
  /** Takes what has happened until now into `records`: how many there are. */
  connectorRead(records: Float64Array): number
  /**
   * Copies the command line that EVENT_VALUE of an exec stands for, each word with a NUL behind
   * it, to at least CMDLINE_MOST bytes: how many it has; 0 when nobody knows it.
   */
  connectorCmdline(place: number, line: Uint8Array): number
  connectorClose(): number

  /**
   * Opens /proc/self/mountinfo. In an epoll instance it takes EPOLLIN with EPOLLET, and
   * fires when what is mounted has changed.
   */
  mountsOpen(): number
  /**
   * 1 when what is mounted has changed since this was asked last, or `fd` was opened;
   * else 0. For a descriptor that is in no epoll instance.
   */
  mountsChanged(fd: number): number

  /** A socket for rtnetlink(7), to listen to what happens to interfaces or to ask. */
  linkOpen(listens: boolean): number
  /** Asks for all interfaces; the answer is to be read. */
  linkAsk(fd: number): number
  /**
   * Reads one message from the kernel: the number of records in it, which may be 0.
   * `records` is to have room for 1024. -EAGAIN there is none; -ENOBUFS messages are
   * missing before this one.
   */
  linkRead(fd: number, records: Int32Array): number
  /** if_nametoindex(3). -ENXIO there is no such interface. */
  linkIndex(name: string): number
  /** if_indextoname(3). -ENXIO there is no such interface. */
  linkName(index: number): string | number

  /** Makes ready for asynchronous I/O: a descriptor that fires when something is over. */
  aioOpen(): number
  /**
   * Asks for I/O between a regular file, directory or block device and memory as large as
   * `view`, of which what is to be written is copied. Answers a handle. Unless `now`, it
   * begins with `aioStart`. -EBADF not open, or not for this; -ENOTSUP no such file.
   */
  aioSubmit(operation: number, fd: number, offset: number, view: Uint8Array, now: boolean): number
  /** Begins what has been asked for, with one system call where there is room. */
  aioStart(): number
  /** Fills in the handles of requests that are over: how many. */
  aioCollect(handles: Int32Array): number
  /**
   * The result of a request that was collected: bytes, or a negative errno. What was read is
   * put into `view`; -EFAULT when that has no room for it any more. The handle ends with it.
   */
  aioTake(handle: number, view: Uint8Array): number
  /** AIO_CANCELED, AIO_NOTCANCELED or AIO_ALLDONE, as aio_cancel(2) answers. */
  aioCancel(handle: number): number
  /** -EBUSY while something goes on. */
  aioClose(): number
  /** AIO_URING or AIO_THREADS; -EBADF when it is not open. */
  aioKind(): number

  /** close(2) of a descriptor that the addon made; -EBADF when its number is not that any more. */
  close(fd: number): number

  /** CLOCK_MONOTONIC in ns since this addon was loaded into the process. */
  monotonic(): number
  /** CLOCK_MONOTONIC in ns when `monotonic()` was 0. */
  epoch(): bigint
  /** CLOCK_REALTIME in ns since the epoch. */
  realtime(): number

  /**
   * Calls `callback` from the event loop while `fd`, an epoll instance, is readable and the watch
   * runs, with what `pollWait` would answer that does not wait: the records are on the board, the
   * levels of the first few asked. With a negative errno when the watch had to stop; after either
   * with LOOP_CALLED, in Node.js when those have gone on whose promises it has settled.
   */
  loopWatch(fd: number, callback: (told: number) => void): LoopWatch | number
  /** -ELOOP `fd` leads back to the event loop, or nests too deep; what epoll_ctl(2) says else. */
  loopStart(watch: LoopWatch): number
  /** Whether the event loop still allows `fd`, whose watch runs: 0, or -ELOOP. */
  loopAllows(fd: number): number
  /** Whether it would allow `fd` inside so many epoll instances, 1 to 4: 0, or a negative errno. */
  loopProbe(fd: number, levels: number): number
  loopStop(watch: LoopWatch): void
  loopRef(watch: LoopWatch): void
  loopUnref(watch: LoopWatch): void
  /** An eventfd that becomes readable when a signal watched by this environment was delivered. */
  signalOpen(): number
  /** Gives back all signals of this environment and closes the eventfd. */
  signalClose(): void
  /**
   * Counts the deliveries of a signal, 1 to 64, to any thread of the process, and wakes
   * this environment. -EINVAL for one that nobody may catch.
   */
  signalWatch(number: number): number
  /** Undoes `signalWatch`; the disposition is put back when no environment watches. */
  signalUnwatch(number: number): number
  /**
   * Somebody is about to listen to this signal through libuv, or without libuv has just begun or
   * ended to: the handler goes below ours.
   */
  signalExpect(number: number): number
  /** Puts our handler back where others have replaced it. */
  signalCheck(): void
  /** The deliveries of each signal that was watched at the time, modulo 2^32: SIGRTMAX + 1 elements. */
  signalCounts(counts: Int32Array): void

  /**
   * 1 when a signal has come whose handlers the event loop has yet to call, else 0; -ENOSYS where
   * nobody can tell, as the runtime has no libuv.
   */
  signalPending(): number

  /** 1 when the runtime has libuv, by which its event loop and its signals are, else 0. */
  libuvHere(): number

  /**
   * 1 in the thread that the process began with, which is Node.js's main one, else 0. To ask
   * `node:worker_threads` would load it.
   */
  threadIsFirst(): number
}
