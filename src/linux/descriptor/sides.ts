/**
 * Which side of a descriptor a filter is about, and how that is made where epoll takes its file;
 * for others see `file-sides.ts`.
 */
import { constants } from 'node:fs'
import { orUndo } from '../../core/failure.js'
import type { Knote } from '../../core/knote.js'
import { EINVAL, ELOOP, EPERM, refuse } from '../../errors.js'
import {
  EVFILT_EMPTY,
  EVFILT_EXCEPT,
  EVFILT_READ,
  EVFILT_VNODE,
  EVFILT_WRITE,
} from '../../event.js'
import { files } from '../../parts.js'
import { OUTPUT } from '../hub/facility.js'
import { OUTPUT_NONE, SIDE_EXCEPT, SIDE_WRITE, TRUSTED } from '../hub/native.js'
import { refusePoll } from '../hub/nesting.js'
import type { PollSet } from '../hub/pollset.js'
import type { Descriptor } from './descriptor.js'
import { PollSide } from './poll-side.js'
import type { Side } from './side.js'
import { WriteSide } from './write-side.js'

const { S_IFDIR, S_IFREG } = constants

/** Attaches a knote to the side that its filter is about. @throws KqueueError */
export function attachSide(descriptor: Descriptor, kn: Knote): void {
  if (kn.filter === EVFILT_READ) attachRead(descriptor, kn)
  else if (kn.filter === EVFILT_WRITE) watchedWrite(descriptor, kn.kq.trusting).attach(kn)
  else if (kn.filter === EVFILT_VNODE) attachVnode(descriptor, kn)
  else {
    descriptor.statOpen()
    if (kn.filter === EVFILT_EXCEPT) attachExcept(descriptor, kn)
    else if (kn.filter === EVFILT_EMPTY) attachEmpty(descriptor, kn)
    else refuse(EINVAL, `descriptor ${descriptor.fd} has no filter ${kn.filter}`)
  }
}

function attachRead(descriptor: Descriptor, kn: Knote): void {
  const { read } = descriptor
  const side = descriptor.polled ?? (read?.empty === false ? read : openRead(descriptor, kn))
  side.attach(kn)
  if (side !== descriptor.polled) descriptor.read = side
}

function openRead(descriptor: Descriptor, kn: Knote): Side {
  return (
    openPoll(descriptor, descriptor.hub.readSet, kn.kq.trusting) ?? files().openRead(descriptor)
  )
}

function attachExcept(descriptor: Descriptor, kn: Knote): void {
  const { hub, fd, extras } = descriptor
  if (hub.mode === S_IFREG) {
    files().openNotice(descriptor).attach(kn)
    return
  }
  if (!descriptor.isSocket && hub.native.ptyIsMaster(fd) !== 1) {
    refuse(EINVAL, `descriptor ${fd} has no out-of-band data, which sockets have`)
  }
  const set = hub.openSet(SIDE_EXCEPT)
  extras.except ??= orUndo(
    () => openPoll(descriptor, set),
    () => hub.closeSetIfEmpty(set),
  )
  extras.except?.attach(kn)
}

function attachEmpty(descriptor: Descriptor, kn: Knote): void {
  const { hub, fd } = descriptor
  const kind = hub.native.outputKind(fd)
  OUTPUT.check(kind)
  // Before there is a side, in case it cannot be read.
  const { watchEmpty } = files()
  const side = kind === OUTPUT_NONE ? null : watchedWrite(descriptor)
  if (!(side instanceof WriteSide)) {
    refuse(EINVAL, `descriptor ${fd} has no buffer that drains; sockets and pipes have`)
  }
  watchEmpty(kn, side, kind)
}

function attachVnode(descriptor: Descriptor, kn: Knote): void {
  const { extras } = descriptor
  if (extras.vnode !== null) {
    extras.vnode.attach(kn)
    return
  }
  extras.vnode = files().openVnodeSide(descriptor, kn.sfflags)
  extras.vnode.add(kn)
}

/**
 * Makes the side that `set` is for, or takes back what is parked; null for that of a regular file
 * or a directory.
 */
function openPoll(descriptor: Descriptor, set: PollSet, trusting = false): Side | null {
  const { hub, fd } = descriptor
  const trusted = trusting ? TRUSTED : 0
  const parked = descriptor.takeParked(set)
  if (parked?.ahead) {
    set.size++
    return parked.renew(parked.generation)
  }
  let generation = set.add(fd, false, trusted, parked !== null)
  if (generation === -ELOOP && hub.relax()) generation = set.add(fd, false, trusted)
  if (generation > 0) {
    checkNesting(descriptor, set)
    if (parked !== null) return parked.renew(generation)
    return set.side === SIDE_WRITE
      ? new WriteSide(descriptor, set, generation)
      : new PollSide(descriptor, set, generation)
  }
  if (parked !== null) descriptor.idle()
  if (generation !== -EPERM) refusePoll(-generation, fd)
  hub.statOpen(fd)
  const { mode } = hub
  return mode === S_IFREG || mode === S_IFDIR ? null : files().openReady(descriptor)
}

/** The write side, made or taken back where nobody watches it. */
function watchedWrite(descriptor: Descriptor, trusting = false): Side {
  const { write } = descriptor
  if (write !== null && !write.empty) return write
  descriptor.write = openWrite(descriptor, trusting)
  return descriptor.write
}

function openWrite(descriptor: Descriptor, trusting = false): Side {
  return openPoll(descriptor, descriptor.hub.writeSet, trusting) ?? files().openWrite(descriptor)
}

/**
 * Makes sure that the event loop, which waits, can go on with what was added to `set`. Linux
 * refuses by itself what cannot be, but older kernels look only at what an epoll instance
 * holds, and not at what holds it.
 */
function checkNesting({ hub, fd }: Descriptor, set: PollSet): void {
  const error = set.isNested(fd) ? hub.allows() : 0
  if (error === 0) return
  set.remove(fd)
  refusePoll(-error, fd)
}
