/** Filters of a process of its own, which they would take with them. */
import {
  EV_ADD,
  EV_SET,
  EVFILT_USER,
  Knlist,
  type KqueueError,
  kqueue,
  kqueue_add_filteropts,
  NOTE_TRIGGER,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { runCase } from './cases.js'

const FILTER = -100

const cases = {
  'closes its queue while it is asked'() {
    const kq = kqueue()
    let armed = false
    kqueue_add_filteropts(FILTER, {
      isFd: false,
      attach: () => 0,
      detach() {},
      event() {
        if (armed) kq.close()
        return true
      },
    })
    kq.kevent([EV_SET(1, FILTER, EV_ADD)])
    armed = true
    // What ends the process if nothing else does.
    kqueue().kevent([])
    process.on('SIGALRM', () => {})
    posix.alarm(500)
    try {
      kq.kevent([], 1)
    } catch (error) {
      console.log((error as KqueueError).code)
    }
  },

  async 'throws while a wait is served'() {
    let broken = false
    const list = new Knlist()
    kqueue_add_filteropts(FILTER, {
      isFd: false,
      attach(kn) {
        list.add(kn)
        return 0
      },
      detach: (kn) => list.remove(kn),
      event(_kn, hint) {
        if (broken && hint === 0) throw new Error('broken filter')
        return broken
      },
    })
    const kq = kqueue()
    const other = kqueue()
    kq.kevent([EV_SET(1, FILTER, EV_ADD)])
    other.kevent([EV_SET(1, EVFILT_USER, EV_ADD)])
    const first = kq.wait({ timeout: 1000 }).then(
      () => 'resolved',
      ({ message }: Error) => message,
    )
    const second = other.wait({ timeout: 1000 })
    broken = true
    list.note(1)
    other.kevent([EV_SET(1, EVFILT_USER, 0, NOTE_TRIGGER)])
    console.log(await first, (await second).length)
  },
}

export type Cases = typeof cases
await runCase(cases)
