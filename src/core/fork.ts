/**
 * What fork does to queues: `noteFork` tells those who watch the parent, and makes
 * them follow the child (knote_fork); `copyKnotes` fills the child's copy of a
 * queue (kqueuex(2), KQUEUE_CPONFORK).
 *
 * FreeBSD's first copy on fork could use a knote after it was freed, because a
 * timer could fire between the copying of a knote and its callout. Here no filter
 * sees a copy before it is whole, and a copied timer has its own callout for the
 * same time: it fires in the original and in the copy, once each, whenever that is.
 */
import {
  EV_EOF,
  EV_NOCPONFORK,
  EV_ONESHOT,
  EV_SET,
  EVFILT_PROC,
  KQUEUE_CPONFORK,
  KQUEUE_CPONFORKFD,
  KQUEUE_CPONFORKNONFD,
  NOTE_CHILD,
  NOTE_EXIT,
  NOTE_FORK,
  NOTE_TRACK,
  NOTE_TRACKERR,
} from '../event.js'
import { watchProcess } from './filters/proc.js'
import { imageOf, type Origin, restore } from './image.js'
import type { Process } from './kernel.js'
import { KN_DROPPED, Knote } from './knote.js'
import type { Kqueue } from './kqueue.js'

/** A process has forked: reports it, and follows the child for NOTE_TRACK. knote_fork. */
export function noteFork(parent: Process, child: Process): void {
  for (const kn of [...parent.klist]) {
    if (kn.status & KN_DROPPED) continue
    if (kn.filter === EVFILT_PROC && kn.sfflags & NOTE_TRACK && !follow(kn, parent, child)) {
      kn.fflags = (kn.fflags | NOTE_TRACKERR) >>> 0
    }
    if (kn.ops.event(kn, NOTE_FORK)) kn.activate()
  }
}

/**
 * Announces the child with NOTE_CHILD, and watches it as the parent is watched. Two
 * knotes, because `data` is the parent's pid in one and the exit status in the other.
 * A child that the queue watches already keeps its knote.
 */
function follow(kn: Knote, parent: Process, child: Process): boolean {
  const { kq } = kn
  if (kq.size + 2 > kq.kernel.sysctl.kq_knotemax) return false
  const flags = kn.flags & ~EV_EOF
  const { filter, sfflags, udata, ops } = kn
  const announcement = new Knote(
    kq,
    EV_SET(child.pid, filter, flags | EV_ONESHOT, (sfflags & ~NOTE_EXIT) >>> 0, parent.pid, udata),
    ops,
    null,
  )
  announcement.hook = child
  announcement.fflags = NOTE_CHILD
  announcement.data = parent.pid
  kq.adoptUnlisted(announcement)
  announcement.activate()
  const known = kq.find(child.pid, filter)
  if (known?.hook === child) {
    known.sfflags = (known.sfflags | sfflags) >>> 0
    return true
  }
  const follower = new Knote(
    kq,
    EV_SET(child.pid, filter, flags, sfflags, kn.sdata, udata),
    ops,
    null,
  )
  watchProcess(follower, child)
  // Of an earlier process with the same pid, whose exit has not been handed out.
  if (known !== undefined) kq.unlist(known)
  kq.adopt(follower)
  return true
}

/** The knotes of a queue that the flags of it and their own would have copied. */
export function* copied(from: Kqueue, flags: number): IterableIterator<Knote> {
  const both = (flags & KQUEUE_CPONFORK) !== 0
  const fds = both || (flags & KQUEUE_CPONFORKFD) !== 0
  const others = both || (flags & KQUEUE_CPONFORKNONFD) !== 0
  for (const kn of from.knotes()) {
    if (kn.flags & EV_NOCPONFORK) continue
    if (kn.ops.isFd ? fds : others) yield kn
  }
}

/** A fork: nothing has happened since. */
const FORKED: Origin = { shift: 0, here: false, handed: true }

/**
 * Copies what can be copied from a queue into its copy in a new process, which has
 * its descriptors already: states, counts and the order of what is active.
 * @param flags the KQUEUE_* flags of the queue
 */
export function copyKnotes(from: Kqueue, to: Kqueue, flags: number): void {
  restore(to, imageOf(from, copied(from, flags)), FORKED)
}
