/**
 * EVFILT_TIMER: `data` is an interval in ms, or in the unit that NOTE_SECONDS,
 * NOTE_MSECONDS, NOTE_USECONDS or NOTE_NSECONDS name; with NOTE_ABSTIME a time
 * since 1970. What is handed out is the number of expirations since the last
 * time (`timer_filtops`). kqueue(2).
 *
 * A period counts from the time the timer was set, never from when an expiration
 * was noticed, so a timer does not drift.
 */
import { EINVAL, ENOMEM, refuse } from '../../errors.js'
import {
  EV_ADD,
  EV_CLEAR,
  EV_ONESHOT,
  type Kevent,
  NOTE_ABSTIME,
  NOTE_MSECONDS,
  NOTE_NSECONDS,
  NOTE_SECONDS,
  NOTE_USECONDS,
} from '../../event.js'
import { Callout } from '../callout.js'
import { EVENT_REGISTER, type FilterOps } from '../filter.js'
import { record, whole } from '../image-check.js'
import type { Knote } from '../knote.js'
import type { Kqueue } from '../kqueue.js'

const UNITS = NOTE_SECONDS | NOTE_MSECONDS | NOTE_USECONDS | NOTE_NSECONDS
/** The longest interval: what a signed 64-bit count of nanoseconds holds, 292 years. */
const LONGEST = 2 ** 63

/** A time of a kernel's clock that no timer is set for: so long after that it began. */
const LATEST = 2 * LONGEST

/** A timer in an image. */
interface TimerState {
  readonly period: number
  /** When it expires next, null when it is not set. */
  readonly time: number | null
}

/** `kn.hook`: a running timer. */
export class Timer extends Callout {
  /** ns between expirations, 0 for a timer that expires once. */
  period = 0

  constructor(readonly kn: Knote) {
    super()
  }

  /** Starts, or starts again. */
  start(interval: number): void {
    const { kernel } = this.kn.kq
    if ((this.kn.sfflags & NOTE_ABSTIME) !== 0) {
      this.period = 0
      kernel.schedule(this, kernel.uptime() + Math.max(0, interval - kernel.realtime()))
    } else {
      this.period = (this.kn.flags & EV_ONESHOT) !== 0 ? 0 : interval
      kernel.schedule(this, kernel.changeTime() + interval)
    }
  }

  override call(now: number): void {
    const { kn, period } = this
    let expirations = 1
    if (period > 0) {
      const { kernel } = kn.kq
      expirations += Math.max(0, Math.floor((now - this.time) / period))
      kernel.schedule(this, this.time + expirations * period)
    }
    kn.data += expirations
    kn.activate()
  }
}

/** ns in one unit of `data`, 0 when more than one unit is named. */
function unit(fflags: number): number {
  switch (fflags & UNITS) {
    case NOTE_SECONDS:
      return 1e9
    case 0:
    case NOTE_MSECONDS:
      return 1e6
    case NOTE_USECONDS:
      return 1e3
    case NOTE_NSECONDS:
      return 1
    default:
      return 0
  }
}

/** What was asked for in ns. @throws KqueueError EINVAL it cannot be */
function interval(kn: Knote, fflags: number, data: number): number {
  if ((fflags & ~(UNITS | NOTE_ABSTIME)) >>> 0 !== 0) {
    refuse(EINVAL, 'the fflags of a timer are its unit and NOTE_ABSTIME')
  }
  const scale = unit(fflags)
  if (scale === 0) refuse(EINVAL, 'a timer has one unit')
  if (data < 0) refuse(EINVAL, `a timer cannot be set for ${data}, which is negative`)
  if (data * scale >= LONGEST) {
    refuse(EINVAL, `a timer of ${data} units is longer than 292 years`)
  }
  const periodic = (fflags & NOTE_ABSTIME) === 0 && (kn.flags & EV_ONESHOT) === 0
  return (data === 0 && periodic ? 1 : data) * scale
}

/** A timer added again starts anew and forgets what it has counted. */
function restart(kn: Knote, kev: Kevent): void {
  if ((kev.flags & EV_ADD) === 0) return
  const ns = interval(kn, kev.fflags, kev.data)
  kn.sfflags = kev.fflags
  kn.sdata = kev.data
  kn.data = 0
  kn.deactivate()
  ;(kn.hook as Timer).start(ns)
}

function handOut(kn: Knote, kev: Kevent): void {
  kn.copyOut(kev)
  if (kn.flags & EV_CLEAR) kn.data = kn.fflags = 0
}

/** Counts one more timer. @throws KqueueError ENOMEM */
function reserve({ kernel }: Kqueue): void {
  const { kq_calloutmax } = kernel.sysctl
  if (kernel.timers >= kq_calloutmax) {
    refuse(ENOMEM, `sysctl.kq_calloutmax allows ${kq_calloutmax} timers; raise it for more`)
  }
  kernel.timers++
}

export const timerFilter: FilterOps = {
  isFd: false,

  attach(kn) {
    const ns = interval(kn, kn.sfflags, kn.sdata)
    reserve(kn.kq)
    if ((kn.sfflags & NOTE_ABSTIME) === 0) kn.flags |= EV_CLEAR
    const timer = new Timer(kn)
    kn.hook = timer
    timer.start(ns)
    return 0
  },

  detach(kn) {
    kn.kq.kernel.callouts.cancel(kn.hook as Timer)
    kn.kq.kernel.timers--
  },

  event: (kn) => kn.data !== 0,

  touch(kn, kev, type) {
    if (type === EVENT_REGISTER) restart(kn, kev)
    else handOut(kn, kev)
    return 0
  },

  image(kn): TimerState {
    const { period, time, scheduled } = kn.hook as Timer
    return { period, time: scheduled ? time : null }
  },

  restore(kn, state, { shift }) {
    const given = record<'period' | 'time'>(state, 'state')
    const period = whole(given.period, 'state.period', 0, LONGEST)
    const time = given.time === null ? null : whole(given.time, 'state.time', -LATEST, LATEST)
    reserve(kn.kq)
    const timer = new Timer(kn)
    timer.period = period
    kn.hook = timer
    if (time !== null) kn.kq.kernel.schedule(timer, time + shift)
    return 0
  },
}
