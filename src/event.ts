/**
 * The vocabulary of kqueue: the constants and the struct of `sys/event.h`, with
 * FreeBSD's current numbers, and the few additions that FreeBSD lacks.
 * Masks are unsigned 32-bit numbers.
 */

// Filters

/** There is something to read: kqueue(2), EVFILT_READ. */
export const EVFILT_READ = -1
/** There is room to write: kqueue(2), EVFILT_WRITE. */
export const EVFILT_WRITE = -2
/** An asynchronous I/O request has completed: aio(4). */
export const EVFILT_AIO = -3
/** Something happened to a file: kqueue(2), EVFILT_VNODE. */
export const EVFILT_VNODE = -4
/** Something happened to a process: kqueue(2), EVFILT_PROC. */
export const EVFILT_PROC = -5
/** A signal was delivered: kqueue(2), EVFILT_SIGNAL. */
export const EVFILT_SIGNAL = -6
/** A timer expired: kqueue(2), EVFILT_TIMER. */
export const EVFILT_TIMER = -7
/** Something happened to the process behind a process descriptor: kqueue(2), EVFILT_PROCDESC. */
export const EVFILT_PROCDESC = -8
/** Something happened to the file systems mounted: kqueue(2), EVFILT_FS. */
export const EVFILT_FS = -9
/** A list of asynchronous I/O requests has completed: aio(4). */
export const EVFILT_LIO = -10
/** The program itself triggers it: kqueue(2), EVFILT_USER. */
export const EVFILT_USER = -11
/** A sendfile has completed; in FreeBSD for the kernel's own use. */
export const EVFILT_SENDFILE = -12
/** A write buffer has drained: kqueue(2), EVFILT_EMPTY. */
export const EVFILT_EMPTY = -13
/** The state of a network link changed; NetBSD and older FreeBSD. */
export const EVFILT_NETDEV = -64
/** Exceptional conditions on a socket; OpenBSD, DragonFly, macOS. */
export const EVFILT_EXCEPT = -65

// Actions

/** Adds the event, or modifies the one there is. */
export const EV_ADD = 0x0001
/** Removes the event. */
export const EV_DELETE = 0x0002
/** Lets the event be reported again. */
export const EV_ENABLE = 0x0004
/** Keeps the event from being reported; its filter goes on. */
export const EV_DISABLE = 0x0008
/** Reports the event once, as if its filter had fired, and deletes it. */
export const EV_FORCEONESHOT = 0x0100
/** Leaves the `udata` of the event as it is. */
export const EV_KEEPUDATA = 0x0200
/** Leaves the event out of copies made on fork. */
export const EV_NOCPONFORK = 0x0800

// Flags

/** Deletes the event as it is handed out. */
export const EV_ONESHOT = 0x0010
/** Resets the event's state as it is handed out. */
export const EV_CLEAR = 0x0020
/** Answers the change with an EV_ERROR event even when it succeeds (`data` 0). */
export const EV_RECEIPT = 0x0040
/** Disables the event as it is handed out. */
export const EV_DISPATCH = 0x0080
/** Flags of the system; ignored in a change. */
export const EV_SYSFLAGS = 0xf000
/** The knote is to be dropped without being reported. */
export const EV_DROP = 0x1000
/** For the filter's own use. */
export const EV_FLAG1 = 0x2000
/** For the filter's own use. */
export const EV_FLAG2 = 0x4000
/** Returned: the other end is closed, or the process has ended. */
export const EV_EOF = 0x8000
/** Returned: the change failed; `data` holds the errno, 0 for a receipt. */
export const EV_ERROR = 0x4000

// EVFILT_READ, EVFILT_WRITE, EVFILT_EXCEPT

/** `data` is the least count to report. */
export const NOTE_LOWAT = 0x0001
/** Behave like poll(2): a regular file is always ready. */
export const NOTE_FILE_POLL = 0x0002
/** Out-of-band data (EVFILT_EXCEPT). */
export const NOTE_OOB = 0x0002

// EVFILT_USER

/** Leave the stored flags as they are. */
export const NOTE_FFNOP = 0x00000000
/** AND the stored flags with those given. */
export const NOTE_FFAND = 0x40000000
/** OR the stored flags with those given. */
export const NOTE_FFOR = 0x80000000
/** Replace the stored flags by those given. */
export const NOTE_FFCOPY = 0xc0000000
/** The bits that say what to do with the stored flags. */
export const NOTE_FFCTRLMASK = 0xc0000000
/** The bits that are stored. */
export const NOTE_FFLAGSMASK = 0x00ffffff
/** Triggers the event. */
export const NOTE_TRIGGER = 0x01000000

// EVFILT_VNODE

/** The file was removed. */
export const NOTE_DELETE = 0x0001
/** The file was written. */
export const NOTE_WRITE = 0x0002
/** The file grew. */
export const NOTE_EXTEND = 0x0004
/** The file's attributes changed. */
export const NOTE_ATTRIB = 0x0008
/** The file's link count changed. */
export const NOTE_LINK = 0x0010
/** The file was renamed. */
export const NOTE_RENAME = 0x0020
/** Access to the file was revoked or its file system unmounted. */
export const NOTE_REVOKE = 0x0040
/** The file was opened. */
export const NOTE_OPEN = 0x0080
/** A descriptor that could not write the file was closed. */
export const NOTE_CLOSE = 0x0100
/** A descriptor that could write the file was closed. */
export const NOTE_CLOSE_WRITE = 0x0200
/** The file was read. */
export const NOTE_READ = 0x0400

// EVFILT_PROC, EVFILT_PROCDESC

/** The process exited; `data` is its wait(2) status. */
export const NOTE_EXIT = 0x80000000
/** The process forked. */
export const NOTE_FORK = 0x40000000
/** The process executed another program. */
export const NOTE_EXEC = 0x20000000
/** The process was reaped by its parent. */
export const NOTE_REAP = 0x10000000
/** The bits that name what happened. */
export const NOTE_PCTRLMASK = 0xf0000000
/** The bits of a hint that hold a pid. */
export const NOTE_PDATAMASK = 0x000fffff
/** Follow the process across forks. */
export const NOTE_TRACK = 0x00000001
/** A child could not be followed. */
export const NOTE_TRACKERR = 0x00000002
/** A new child of a followed process; `data` is the parent's pid. */
export const NOTE_CHILD = 0x00000004

// EVFILT_TIMER

/** `data` is in seconds. */
export const NOTE_SECONDS = 0x00000001
/** `data` is in milliseconds, as it is without a unit. */
export const NOTE_MSECONDS = 0x00000002
/** `data` is in microseconds. */
export const NOTE_USECONDS = 0x00000004
/** `data` is in nanoseconds. */
export const NOTE_NSECONDS = 0x00000008
/** `data` is a time since the epoch, not an interval. */
export const NOTE_ABSTIME = 0x00000010

// EVFILT_NETDEV

/** The link is up. */
export const NOTE_LINKUP = 0x0001
/** The link is down. */
export const NOTE_LINKDOWN = 0x0002
/** The state of the link is not known. */
export const NOTE_LINKINV = 0x0004

// EVFILT_FS: what `fflags` says, `sys/mount.h`

/** A server does not answer. */
export const VQ_NOTRESP = 0x0001
/** A server wants authentication. */
export const VQ_NEEDAUTH = 0x0002
/** A file system is nearly full. */
export const VQ_LOWDISK = 0x0004
/** A file system was mounted. */
export const VQ_MOUNT = 0x0008
/** A file system was unmounted. */
export const VQ_UNMOUNT = 0x0010
/** A file system is dead. */
export const VQ_DEAD = 0x0020
/** A file system needs assistance. */
export const VQ_ASSIST = 0x0040
/** A server's lock service does not answer. */
export const VQ_NOTRESPLOCK = 0x0080

// kqueuex(2)

/** Close the queue on exec. */
export const KQUEUE_CLOEXEC = 0x00000001
/** Copy the queue on fork: both of the two below. */
export const KQUEUE_CPONFORK = 0x00000002
/** Copy the queue on fork with the knotes of descriptors. */
export const KQUEUE_CPONFORKFD = 0x00010000
/** Copy the queue on fork with the knotes that are not of descriptors. */
export const KQUEUE_CPONFORKNONFD = 0x00020000
/** The program deletes events of a descriptor before it closes that: it is proved seldom. */
export const KQUEUE_TRUSTFD = 0x00040000

/** `struct kevent`: one event that is asked for, or one that happened. */
export interface Kevent {
  /** What is watched: a descriptor, a pid, a signal number, or a number of the program's choice. */
  ident: number
  /** The kind of event, `EVFILT_*`. */
  filter: number
  /** What to do, and general results: `EV_*`, 16 bits. */
  flags: number
  /** Flags of the filter, 32 bits. */
  fflags: number
  /** Data of the filter, a whole number. */
  data: number
  /** Anything; it comes back with the event. */
  udata: unknown
}

/** One entry of a changelist. `fflags` and `data` default to 0, `udata` to undefined. */
export type Change = Pick<Kevent, 'ident' | 'filter' | 'flags'> & Partial<Kevent>

/**
 * How long to wait: milliseconds (fractions count), or a `timespec`.
 * 0 polls; `null` or `undefined` waits for ever.
 */
export type Timeout = number | { sec: number; nsec: number } | null

/** Initialises a kevent, like the macro of `sys/event.h`. */
export function EV_SET(
  ident: number,
  filter: number,
  flags: number,
  fflags = 0,
  data = 0,
  udata?: unknown,
): Kevent {
  // What JavaScript's bit operators make of a mask is signed.
  return {
    ident,
    filter,
    flags,
    fflags: fflags === (fflags | 0) ? fflags >>> 0 : fflags,
    data,
    udata,
  }
}

/** Where a scan puts the events that it hands out. */
export interface EventSink {
  put(
    ident: number,
    filter: number,
    flags: number,
    fflags: number,
    data: number,
    udata: unknown,
  ): void
}
