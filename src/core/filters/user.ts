/**
 * EVFILT_USER: an event that the program triggers itself (`user_filtops`).
 * NOTE_TRIGGER triggers it; 24 bits of flags are kept and combined as
 * NOTE_FFNOP, NOTE_FFAND, NOTE_FFOR or NOTE_FFCOPY say. kqueue(2). What it is added with is
 * kept as it is: there is nothing yet to combine it with.
 *
 * The order of `touch` is FreeBSD's and NetBSD's: trigger, combine, take `data`,
 * and then a change that carries EV_CLEAR resets the event.
 */
import {
  EV_CLEAR,
  type Kevent,
  NOTE_FFAND,
  NOTE_FFCOPY,
  NOTE_FFCTRLMASK,
  NOTE_FFLAGSMASK,
  NOTE_FFOR,
  NOTE_TRIGGER,
} from '../../event.js'
import { EVENT_REGISTER, type FilterOps } from '../filter.js'
import type { Knote } from '../knote.js'

/** `kn.hook` of a knote that has been triggered. */
const TRIGGERED = true

function change(kn: Knote, kev: Kevent): void {
  if (kev.fflags & NOTE_TRIGGER) kn.hook = TRIGGERED
  const control = (kev.fflags & NOTE_FFCTRLMASK) >>> 0
  kev.fflags &= NOTE_FFLAGSMASK
  switch (control) {
    case NOTE_FFAND:
      kn.sfflags &= kev.fflags
      break
    case NOTE_FFOR:
      kn.sfflags = (kn.sfflags | kev.fflags) >>> 0
      break
    case NOTE_FFCOPY:
      kn.sfflags = kev.fflags
      break
  }
  kn.sdata = kev.data
  if (kev.flags & EV_CLEAR) kn.hook = null
}

function handOut(kn: Knote, kev: Kevent): void {
  kn.copyOut(kev)
  kev.fflags = kn.sfflags
  kev.data = kn.sdata
  if (kn.flags & EV_CLEAR) kn.hook = null
}

export const userFilter: FilterOps = {
  isFd: false,

  attach(kn) {
    if (kn.sfflags & NOTE_TRIGGER) kn.hook = TRIGGERED
    kn.sfflags = (kn.sfflags & ~NOTE_TRIGGER) >>> 0
    return 0
  },

  detach() {},

  event: (kn) => kn.hook === TRIGGERED,

  touch(kn, kev, type) {
    if (type === EVENT_REGISTER) change(kn, kev)
    else handOut(kn, kev)
    return 0
  },

  image: (kn) => kn.hook === TRIGGERED,

  restore(kn, triggered) {
    kn.hook = triggered === true ? TRIGGERED : null
    return 0
  },
}
