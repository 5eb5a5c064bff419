/** Processes that wait, or do not, and end. */
import {
  EV_ADD,
  EV_SET,
  EVFILT_TIMER,
  EVFILT_USER,
  type Kqueue,
  kqueue,
  NOTE_TRIGGER,
  ticks,
} from 'kqueue'
import { LONG, runCase } from './cases.js'

/** A queue with a timer; its process says when it exits. */
function timed(ms = 50): Kqueue {
  const kq = kqueue()
  kq.kevent([EV_SET(1, EVFILT_TIMER, EV_ADD, 0, ms)])
  process.on('exit', () => console.log('exit'))
  return kq
}

/** Says when a wait is resolved; nobody awaits that. */
function saying(what: string, waiting: Promise<unknown>): void {
  void waiting.then(() => console.log(what))
}

/** Says when a wait is rejected. */
function sayingNot(what: string, waiting: Promise<unknown>): void {
  void waiting.catch(() => console.log(what))
}

const cases = {
  waits() {
    void timed()
      .wait()
      .then(([event]) => console.log('event', event!.ident))
  },

  'waits unref'() {
    saying('event', timed(LONG).unref().wait())
  },

  'is unref as it waits'() {
    const kq = timed(LONG)
    saying('event', kq.wait())
    kq.unref()
  },

  'waits unref with a timeout'() {
    saying('over', timed(LONG).unref().wait({ timeout: LONG }))
  },

  'waits ref again'() {
    saying('event', timed().unref().unref().ref().wait())
  },

  'is ref again as it waits'() {
    const kq = timed()
    saying('event', kq.unref().wait())
    kq.ref()
  },

  'waits for two queues, one unref'() {
    const kq = timed()
    saying('other', kqueue().unref().wait())
    saying('event', kq.wait())
  },

  'waits twice, once with a signal that throws'() {
    process.on('uncaughtException', ({ message }) => console.log(message))
    const signal = {
      throwIfAborted() {},
      addEventListener() {},
      removeEventListener() {
        throw new Error('thrown')
      },
    }
    const [first, second] = [kqueue(), kqueue()]
    saying(
      'event',
      first.wait({ changelist: [EV_SET(1, EVFILT_USER, EV_ADD)], signal: signal as never }),
    )
    saying('event', second.wait({ changelist: [EV_SET(1, EVFILT_USER, EV_ADD)] }))
    // They are served together, when this is over.
    for (const kq of [first, second]) kq.kevent([EV_SET(1, EVFILT_USER, 0, NOTE_TRIGGER)])
    setImmediate(() => setImmediate(() => process.exit()))
  },

  'waits unref beside an interval'() {
    const kq = timed()
    const id = setInterval(() => {}, 1000)
    void kq
      .unref()
      .wait()
      .then(() => {
        console.log('event')
        clearInterval(id)
      })
  },

  'does not wait'() {
    const kq = timed()
    kqueue()
    kq.fd
  },

  'waits for a moment'() {
    saying('over', timed().wait({ timeout: 1 }))
  },

  'closes its queue'() {
    const kq = timed(LONG)
    sayingNot('over', kq.wait())
    setImmediate(() => kq.close())
  },

  'aborts its wait'() {
    sayingNot('over', timed(LONG).wait({ signal: AbortSignal.timeout(5) }))
    setTimeout(() => {}, 20)
  },

  async iterates() {
    for await (const _ of timed()) break
    console.log('over')
  },

  async ticks() {
    let n = 0
    for await (const { expirations } of ticks(2)) {
      n += expirations
      if (n >= 5) break
    }
    console.log('ticked')
  },

  'exits as it waits'() {
    void timed().wait()
    setImmediate(() => process.exit(0))
  },

  'throws as it waits'() {
    void timed().wait()
    setImmediate(() => {
      throw 'x'
    })
  },

  'asks its queue as it exits'() {
    const kq = timed()
    process.on('exit', () => console.log(kq.kevent([], 1, 1000).length))
  },

  'has ref and unref answer'() {
    const kq = timed()
    console.log(kq.ref() === kq, kq.unref() === kq)
    kq.close()
    console.log(kq.ref() === kq, kq.unref() === kq)
  },
}

export type Cases = typeof cases
await runCase(cases)
