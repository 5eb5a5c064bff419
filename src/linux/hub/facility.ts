/**
 * The facilities of Linux that the sources are made of, and what an error of one means to
 * who reads it: which call has failed, why, and what would help.
 *
 *     const own = DUPLICATE.check(native.pidfdDuplicate(fd))
 *
 * This is the edge of the floor: the addon answers negative errnos, also where that is no
 * failure, and those that are become KqueueErrors here.
 */
import { closeSync, openSync, readFileSync } from 'node:fs'
import {
  EACCES,
  EAFNOSUPPORT,
  EAGAIN,
  EMFILE,
  ENFILE,
  ENOENT,
  ENOMEM,
  ENOSPC,
  ENOSYS,
  EPERM,
  EPROTONOSUPPORT,
  errnoName,
  KqueueError,
} from '../../errors.js'

/** What an errno means of one facility only. */
type Causes = Readonly<Record<number, string | (() => string)>>

export class Facility {
  /**
   * @param call what it is called by: 'pidfd_open(2)'
   * @param purpose what it is for: 'to watch processes'
   * @param since the first Linux that has it, where Node.js runs on older ones
   */
  constructor(
    readonly call: string,
    readonly purpose: string,
    readonly causes: Causes = {},
    readonly since = '',
  ) {}

  /** `result`, if it is no negative errno. Throws KqueueError with the reason otherwise. */
  check(result: number, syscall = 'kevent'): number {
    if (result < 0) throw this.failure(-result, syscall)
    return result
  }

  failure(errno: number, syscall = 'kevent'): KqueueError {
    return new KqueueError(errno, syscall, { reason: this.explain(errno) })
  }

  /** What a positive errno means: a clause without a full stop. */
  explain(errno: number): string {
    const { call, purpose, since } = this
    const cause = this.causes[errno]
    if (cause !== undefined) return typeof cause === 'string' ? cause : cause()
    switch (errno) {
      case EPERM:
      case EACCES:
        return `${call} was refused (${errnoName(errno)}): a sandbox such as seccomp forbids it; allow it there ${purpose}`
      case ENOSYS: {
        const missing = since === '' ? 'this kernel has none' : `it needs Linux ${since}`
        return `${call} is not there (ENOSYS): ${missing}, or a sandbox such as seccomp hides it; allow it there ${purpose}`
      }
      case EMFILE:
        return `${purpose} takes descriptors, and this process has none free: close some, or raise RLIMIT_NOFILE (ulimit -n)`
      case ENFILE:
        return `${purpose} takes descriptors, and the sysctl fs.file-max allows this system no more`
      case ENOMEM:
        return `the kernel has no memory for ${call}`
      default:
        return `${call} failed (${errnoName(errno)})`
    }
  }
}

const KQUEUE = 'to have a kqueue'
const FILES = 'to watch files'

// Each instance has a witness, see native/glue/owned.c.
export const EPOLL_CREATE = new Facility('epoll_create1(2) or eventfd2(2)', KQUEUE)
export const EVENTFD = new Facility('eventfd2(2)', KQUEUE)
export const TIMERFD = new Facility('timerfd_create(2)', KQUEUE)

export const EPOLL_CTL = new Facility('epoll_ctl(2)', 'to watch descriptors', {
  [ENOSPC]: 'the sysctl fs.epoll.max_user_watches allows no more',
})

export const INOTIFY = new Facility('inotify_init1(2)', FILES, {
  // The same errno for two limits.
  [EMFILE]: () =>
    freeDescriptor() === 0 ? inotifyLimit('instances') : DESCRIPTORS.explain(EMFILE),
})
const DESCRIPTORS = new Facility('inotify_init1(2)', FILES)

export const INOTIFY_WATCH = new Facility('inotify_add_watch(2)', FILES, {
  [ENOSPC]: () => inotifyLimit('watches'),
  [EACCES]: 'Linux tells of a file only who may read it',
  [ENOENT]: 'to watch files takes /proc, which is not mounted',
})

/** What is asked of what has been written. */
export const OUTPUT = new Facility('fstat(2)', 'to watch buffers drain')
export const STAT = new Facility('statx(2)', 'to watch descriptors')

/** Of a pidfd of the program's. */
export const DUPLICATE = new Facility('fcntl(2)', 'to watch processes')
export const PIDFD = new Facility('pidfd_open(2)', 'to watch processes', {}, '5.3')

const NO_NETLINK = 'a kernel without netlink(7), or a sandbox with RestrictAddressFamilies'
const AS_NETLINK: Causes = {
  [EAFNOSUPPORT]: `socket(2) was refused (EAFNOSUPPORT): ${NO_NETLINK} has no AF_NETLINK`,
  [EPROTONOSUPPORT]: `socket(2) was refused (EPROTONOSUPPORT): ${NO_NETLINK} has no rtnetlink(7)`,
}
export const RTNETLINK = new Facility(
  'socket(2) for rtnetlink(7)',
  'to watch network interfaces',
  AS_NETLINK,
)
export const CONNECTOR = new Facility(
  'socket(2) for the process connector',
  'to hear of forks and execs',
  { [EAFNOSUPPORT]: AS_NETLINK[EAFNOSUPPORT]! },
)

export const MOUNTINFO = new Facility('open(2) of /proc/self/mountinfo', 'to watch mounts', {
  [ENOENT]: '/proc/self/mountinfo tells what is mounted; mount /proc',
})

export const IMAGE = new Facility('memfd_create(2)', 'to copy a kqueue on fork')

export const SIGNALS = new Facility('eventfd2(2)', 'to watch signals')
export const SIGACTION = new Facility('sigaction(2)', 'to watch signals')
export const AIO = new Facility('eventfd2(2)', 'to read and write asynchronously')

/** The kernel may do it by io_uring, and threads of the addon where it does not. */
export const AIO_REQUEST = new Facility(
  'io_uring_enter(2) or a thread',
  'to read and write asynchronously',
  {
    [EAGAIN]: 'asynchronous I/O takes a thread, and RLIMIT_NPROC or pids.max allow no more',
  },
)

/** Whether a descriptor is free: 0, or EMFILE or ENFILE. */
export function freeDescriptor(): number {
  try {
    closeSync(openSync('/dev/null', 'r'))
    return 0
  } catch (error) {
    // Where there is no /dev the call has come so far that there was one.
    const { errno = 0 } = error as NodeJS.ErrnoException
    return errno === -EMFILE || errno === -ENFILE ? -errno : 0
  }
}

/**
 * The limit of inotify(7) that is reached. What the first user namespace allows is
 * fs.inotify.max_user_*; each other one has a limit of its own, which counts as well.
 */
function inotifyLimit(what: 'watches' | 'instances'): string {
  const own = sysctl(`user/max_inotify_${what}`)
  const first = sysctl(`fs/inotify/max_user_${what}`)
  if (own < first) {
    return `the sysctl user.max_inotify_${what} of this user namespace allows no more than ${own}`
  }
  const outer = own === first ? '' : ', or a user namespace around this one,'
  return `the sysctl fs.inotify.max_user_${what}${outer} allows no more`
}

function sysctl(path: string): number {
  try {
    return Number(readFileSync(`/proc/sys/${path}`, 'latin1'))
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
