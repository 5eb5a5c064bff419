/**
 * Regular files that have a poll of their own: attributes of sysfs and cgroups, some
 * files of /proc, and the few of other file systems. epoll takes far more of them than
 * ever tell anything, so each is asked what kind it is:
 *
 * - `untilRead`: all of kernfs. POLLERR and POLLPRI from each notice until the file is
 *   read from its start (kernfs_generic_poll).
 * - `once`: of /proc (mounts_poll, proc_sys_poll, swaps_poll), and pressure stall
 *   information everywhere (psi_trigger_poll). The first poll after a notice has POLLPRI
 *   and takes it away, whoever polls, and who polls most is the epoll instance around
 *   ours; so here it is the edge that counts.
 * - `bytes`: POLLIN means what it does elsewhere: /proc/kmsg, trace_pipe, message queues.
 *
 * The first two are what EVFILT_EXCEPT is for; EVFILT_READ tells the same of them.
 */
import { basename } from 'node:path'
import { type FilterOps, HINT_HAPPENED } from '../../core/filter.js'
import type { Knote } from '../../core/knote.js'
import { check, EBADF, EINVAL, refuse } from '../../errors.js'
import { EV_CLEAR, EV_EOF, EVFILT_EXCEPT, NOTE_FILE_POLL, NOTE_OOB } from '../../event.js'
import {
  POLL_WAITS,
  POLL_WAITS_PERHAPS,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLPRI,
} from '../hub/native.js'
import type { PollSet } from '../hub/pollset.js'
import type { Descriptor } from './descriptor.js'
import { CGROUP2, FUSE, KERNFS, PROCFS, PSEUDO } from './file-systems.js'
import type { DescriptorHost } from './host.js'
import { PollSide, pollFilter } from './poll-side.js'

const O_ACCMODE = 3
const O_WRONLY = 1

/** Pressure stall information, of the system and of a cgroup, as the paths of its files end. */
const PRESSURE = /\/pressure\/(cpu|io|irq|memory)$|\/(cpu|io|irq|memory)\.pressure$/

/** Fills in what a knote has to say: whether that is anything. */
function tell(kn: Knote, noticed: boolean): boolean {
  if (kn.filter === EVFILT_EXCEPT) {
    kn.fflags = noticed ? kn.sfflags & NOTE_OOB : 0
    return kn.fflags !== 0
  }
  const polls = always(kn)
  kn.data = noticed && !polls ? 1 : 0
  return noticed || polls
}

function always({ filter, sfflags }: Knote): boolean {
  return filter !== EVFILT_EXCEPT && (sfflags & NOTE_FILE_POLL) !== 0
}

const untilRead = pollFilter((kn, { events }) => tell(kn, (events & (POLLERR | POLLPRI)) !== 0))

const bytes = pollFilter((kn, { events }) => {
  if (events & POLLHUP) kn.flags |= EV_EOF
  else kn.flags &= ~EV_EOF
  return (events & (POLLIN | POLLERR | POLLHUP)) !== 0 || always(kn)
})

/** A notice stays with the knote until it is handed out, so these have EV_CLEAR. */
const once: FilterOps = {
  isFd: true,
  attach: () => 0,
  detach: (kn) => (kn.hook as PollSide).detach(kn),
  modify(kn, { fflags }) {
    if ((fflags & NOTE_FILE_POLL) === 0) kn.flags |= EV_CLEAR
    return 0
  },
  event(kn, hint) {
    const { descriptor, events } = kn.hook as PollSide
    if (hint === HINT_HAPPENED) {
      // The trigger is gone, and its cgroup with it.
      if (events & POLLERR && PRESSURE.test(descriptor.link)) kn.flags |= EV_EOF
      return tell(kn, true)
    }
    if (hint !== 0 || !descriptor.current()) return false
    return tell(kn, kn.data !== 0 || kn.fflags !== 0)
  },
}

/** How a file tells. */
export interface Telling {
  readonly ops: FilterOps
  /** A notice came before it was watched. */
  readonly noticed: boolean
}

/**
 * How a regular file that epoll takes tells of itself, asked before epoll has polled it.
 * Null when it is like the others, which epoll refuses.
 * @throws KqueueError it does not tell
 */
export function tellingOf(descriptor: Descriptor): Telling | null {
  const { hub, fd, link } = descriptor
  const magic = hub.native.fileSystem(fd)
  const isPressure = PRESSURE.test(link) && (magic === PROCFS || magic === CGROUP2)
  if (KERNFS.has(magic) && !isPressure) return kernfs(hub, fd)
  const bits = hub.native.pollProbe(fd)
  check(bits, 'kevent')
  if ((bits & (POLL_WAITS | POLL_WAITS_PERHAPS)) === 0) return null
  if (isPressure) return pressure(fd, bits)
  if (magic === PROCFS && basename(link) !== 'kmsg') return procfs(bits)
  // A server of files need not have a poll, and has none when the kernel cannot say.
  if (magic === FUSE && (bits & POLL_WAITS) === 0) return null
  return { ops: bytes, noticed: false }
}

function kernfs(hub: DescriptorHost, fd: number): Telling {
  if ((hub.native.fileFlags(fd) & O_ACCMODE) === O_WRONLY) {
    refuse(EBADF, `descriptor ${fd} is open for writing only, and reading is what ends the event`)
  }
  return { ops: untilRead, noticed: false }
}

function pressure(fd: number, bits: number): Telling {
  // Without a trigger it answers so for ever, and epoll would not hear of a later one.
  if (bits & POLLERR) {
    refuse(EINVAL, `descriptor ${fd} has no trigger; write one to it: 'some 150000 2000000\\n'`)
  }
  return { ops: once, noticed: (bits & POLLPRI) !== 0 }
}

function procfs(bits: number): Telling | null {
  if (bits & POLLIN) return { ops: once, noticed: (bits & POLLPRI) !== 0 }
  // Something to read that is not there yet.
  if (bits & POLLOUT) return { ops: bytes, noticed: false }
  // /proc/bus/input/devices: whoever polls takes away all that tells of the change.
  return null
}

/** Whether EVFILT_EXCEPT can be had of a file that tells by `ops`. */
export function givesNotice(ops: FilterOps): boolean {
  return ops !== bytes
}

/** The side of a file that tells. */
export class TellingSide extends PollSide {
  readonly #ops: FilterOps
  /** There is a notice for its first knote, from before. */
  #noticed: boolean

  constructor(descriptor: Descriptor, set: PollSet, generation: number, telling: Telling) {
    super(descriptor, set, generation)
    this.#ops = telling.ops
    this.#noticed = telling.noticed
  }

  override get ops(): FilterOps {
    return this.#ops
  }

  /** The edge with which epoll greets a file has been taken. */
  greeted(): void {
    if (this.events & POLLERR) this.#noticed = true
  }

  override attach(kn: Knote): void {
    super.attach(kn)
    const noticed = this.#noticed
    this.#noticed = false
    if (kn.ops !== once) return
    if (!always(kn)) kn.flags |= EV_CLEAR
    if (noticed) tell(kn, true)
  }
}

/** Why a file or directory never tells, of a file system that is not made of files; '' for others. */
export function silenceOf({ hub, fd }: Descriptor): string {
  const name = PSEUDO.get(hub.native.fileSystem(fd))
  if (name === undefined) return ''
  return `Linux does not tell when descriptor ${fd}, a file of ${name}, changes`
}
