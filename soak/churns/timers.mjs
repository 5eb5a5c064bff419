// EVFILT_TIMER: a timer has expired as often as its period fits into the time that it ran,
// one that is disabled for a while too; one-shot timers and times of day once.
import {
  EV_ADD,
  EV_DELETE,
  EV_DISABLE,
  EV_ENABLE,
  EV_ONESHOT,
  EV_SET,
  EVFILT_TIMER,
  kqueue,
  NOTE_ABSTIME,
  NOTE_USECONDS,
} from 'kqueue'
import { busy, gather, pause, take } from '../take.mjs'

const now = () => process.hrtime.bigint()

/** @type {import('../run.mjs').Churn} */
export default {
  name: 'timers',
  start({ random, ledger }) {
    const kq = kqueue()

    async function periodic() {
      const timers = Array.from({ length: random.from(1, 8) }, (_, ident) => {
        const before = now()
        const us = random.from(500, 50_000)
        kq.kevent([EV_SET(ident, EVFILT_TIMER, EV_ADD, NOTE_USECONDS, us)])
        return { ident, before, after: now(), period: BigInt(us) * 1000n, count: 0 }
      })
      const count = (/** @type {import('kqueue').Kevent[]} */ events) => {
        for (const { ident, data } of events) timers[ident].count += data
      }
      const end = performance.now() + random.from(50, 500)
      while (performance.now() < end) {
        count(await take(kq, random))
        const timer = random.pick(timers)
        if (random.chance(0.1)) kq.kevent([EV_SET(timer.ident, EVFILT_TIMER, EV_DISABLE)])
        if (random.chance(0.1)) busy(random.from(1, 60))
      }
      kq.kevent(timers.map(({ ident }) => EV_SET(ident, EVFILT_TIMER, EV_ENABLE)))
      const first = now()
      count(kq.kevent([], 64, 0))
      const last = now()
      kq.kevent(timers.map(({ ident }) => EV_SET(ident, EVFILT_TIMER, EV_DELETE)))
      for (const { before, after, period, count } of timers) {
        const least = Number((first - after) / period)
        const most = Number((last - before) / period)
        ledger.done('expirations', Math.max(least, Math.min(most, count)))
        ledger.seen('expirations', count)
        ledger.check(
          count >= least && count <= most,
          () => `${count} expirations of ${period} ns, not ${least} to ${most}`,
        )
      }
    }

    async function once() {
      const idents = Array.from({ length: random.from(1, 50) }, (_, i) => 100 + i)
      const due = new Map()
      kq.kevent(
        idents.map((ident) => {
          const ms = random.from(0, 50)
          due.set(ident, performance.now() + ms)
          if (random.chance(0.7)) return EV_SET(ident, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, ms)
          due.set(ident, 0) // the clock of the day may be set
          const at = Date.now() + ms
          return EV_SET(ident, EVFILT_TIMER, EV_ADD | EV_ONESHOT, NOTE_ABSTIME, at)
        }),
      )
      ledger.done('one-shot timers', idents.length)
      if (random.chance(0.3)) await pause(random.from(0, 60))
      await gather(
        kq,
        random,
        ({ ident, data }) => {
          const early = due.get(ident) - performance.now()
          ledger.check(data === 1 && early <= 0, () => `timer ${ident}: ${data}, ${early} ms early`)
          due.delete(ident)
          ledger.seen('one-shot timers')
        },
        () => due.size === 0,
      )
    }

    return {
      turn: () => (random.chance(0.5) ? periodic() : once()),
      close: () => kq.close(),
    }
  },
}
