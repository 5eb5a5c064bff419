/**
 * EVFILT_SIGNAL on Linux: the addon counts what is delivered to the process, and an
 * eventfd of this thread says that a count has changed. What is there besides, such
 * as the listeners of `process.on`, goes on as if nobody watched. sigaction(2).
 */
import { constants } from 'node:os'
import { orUndo } from '../core/failure.js'
import { type FilterOps, HINT_HAPPENED } from '../core/filter.js'
import { checkSignal, SIGRTMAX } from '../core/filters/signal.js'
import type { Origin } from '../core/image.js'
import { whole } from '../core/image-check.js'
import { Knlist } from '../core/knlist.js'
import type { Knote } from '../core/knote.js'
import { EINVAL, ENOSYS, refuse } from '../errors.js'
import { EV_CLEAR } from '../event.js'
import { SIGACTION, SIGNALS } from './hub/facility.js'
import type { Hub } from './hub/hub.js'
import { DEADLY, OWNS_SIGNALS } from './hub/runtime.js'
import { attendListeners } from './listeners.js'

const { SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP } = constants.signals
/** Raised by an instruction, which would be executed again when the handler has returned. */
const SYNCHRONOUS: ReadonlySet<number> = new Set([SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP])

/** A signal that queues of this thread watch. */
class Signal {
  readonly list = new Knlist()
  /** What the knotes are told of when they are noted. */
  times = 0

  constructor(
    readonly number: number,
    /** The count up to which the knotes were told. */
    public seen: number,
  ) {}
}

export class SignalTable {
  readonly filter: FilterOps
  /** The eventfd, -1 while nothing is watched. */
  #fd = -1
  readonly #signals = new Map<number, Signal>()
  readonly #counts = new Int32Array(SIGRTMAX + 1)
  /** Whether the signal that has interrupted this thread has listeners who are to be called now. */
  readonly interrupts: () => boolean

  constructor(readonly hub: Hub) {
    this.filter = {
      isFd: false,
      attach: (kn) => this.#attach(kn),
      detach: (kn) => this.#detach(kn),
      event(kn, hint) {
        if (hint === HINT_HAPPENED) kn.data += (kn.hook as Signal).times
        return kn.data !== 0
      },
      // Up to which count its knotes were told.
      image: (kn) => {
        this.harvest()
        return (kn.hook as Signal).seen
      },
      restore: (kn, state, origin) => this.#restore(kn, state, origin),
    }
    this.interrupts = attendListeners(hub.native)
  }

  /** Before a look at what has happened: puts our handler back where it was replaced. Hot path. */
  check(): void {
    if (this.#fd !== -1) this.hub.native.signalCheck()
  }

  /** Notes the signals whose counts have changed. */
  harvest(): void {
    if (this.#fd === -1) return
    const counts = this.#counts
    this.hub.native.signalCounts(counts)
    for (const signal of this.#signals.values()) {
      const count = counts[signal.number]!
      if (count === signal.seen) continue
      signal.times = (count - signal.seen) >>> 0
      signal.seen = count
      signal.list.note(HINT_HAPPENED)
    }
  }

  #attach(kn: Knote): number {
    this.#assertWatchable(kn)
    kn.flags |= EV_CLEAR
    return this.#watch(kn)
  }

  #assertWatchable(kn: Knote): void {
    checkSignal(kn)
    if (OWNS_SIGNALS) {
      refuse(ENOSYS, "Deno's handler ends the process when nobody listens by Deno's own functions")
    }
    if (kn.ident === DEADLY) refuse(ENOSYS, "Bun's handler of SIGSYS ends the process")
    if (!SYNCHRONOUS.has(kn.ident)) return
    refuse(
      EINVAL,
      `signal ${kn.ident} is raised by an instruction, which would run again: nobody can only watch it`,
    )
  }

  #watch(kn: Knote): number {
    // Those before this knote are for the others.
    this.harvest()
    const signal = this.#signals.get(kn.ident) ?? this.#take(kn.ident)
    kn.hook = signal
    signal.list.add(kn)
    return 0
  }

  #restore(kn: Knote, state: unknown, { here }: Origin): number {
    const before = whole(state, 'state', -0x80000000, 0x7fffffff)
    this.#assertWatchable(kn)
    this.#watch(kn)
    if (!here) return 0
    const { seen } = kn.hook as Signal
    const times = (seen - before) >>> 0
    kn.data += times
    if (times > 0) kn.activate()
    return 0
  }

  /** The first knote for a signal has come: what it hangs on. */
  #take(number: number): Signal {
    this.#start()
    orUndo(
      () => this.#begin(number),
      () => this.#stopIfUnused(),
    )
    const signal = new Signal(number, this.#counts[number]!)
    this.#signals.set(number, signal)
    return signal
  }

  #begin(number: number): void {
    const answer = this.hub.native.signalWatch(number)
    if (answer === -EINVAL) refuse(EINVAL, `the C library keeps signal ${number} for itself`)
    SIGACTION.check(answer)
  }

  #detach(kn: Knote): void {
    const signal = kn.hook as Signal
    signal.list.remove(kn)
    if (!signal.list.empty || this.#signals.get(signal.number) !== signal) return
    this.#signals.delete(signal.number)
    this.hub.native.signalUnwatch(signal.number)
    this.#stopIfUnused()
  }

  /** Opens the eventfd unless it is open. */
  #start(): void {
    if (this.#fd !== -1) return
    const { hub } = this
    const fd = SIGNALS.check(hub.native.signalOpen())
    orUndo(
      () => hub.adopt(fd, () => this.harvest()),
      () => hub.native.signalClose(),
    )
    this.#fd = fd
    hub.native.signalCounts(this.#counts)
  }

  #stopIfUnused(): void {
    if (this.#signals.size > 0 || this.#fd === -1) return
    this.hub.disown(this.#fd)
    this.#fd = -1
    this.hub.native.signalClose()
  }
}
