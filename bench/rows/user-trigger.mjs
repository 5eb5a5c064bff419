// One kevent call that triggers an EV_CLEAR user event in its changelist and
// returns it in its event list.
import { EV_ADD, EV_CLEAR, EV_SET, EVFILT_USER, EventList, kqueue, NOTE_TRIGGER } from 'kqueue'
import { CALLS } from '../sizes.mjs'

/** The work of this row in a queue. @param {import('kqueue').Kqueue} kq */
export function triggering(kq) {
  kq.kevent([EV_SET(1, EVFILT_USER, EV_ADD | EV_CLEAR)])
  const trigger = [EV_SET(1, EVFILT_USER, 0, NOTE_TRIGGER)]
  const list = new EventList(1)
  return () => {
    let events = 0
    for (let i = 0; i < CALLS; i++) events += kq.keventInto(trigger, list, 0)
    if (events !== CALLS) throw new Error(`${events} events for ${CALLS} triggers`)
    return CALLS
  }
}

/** @type {import('../measure.mjs').Row} */
export default {
  name: 'user-trigger',
  unit: 'roundtrips/s',
  ours() {
    const kq = kqueue()
    return { work: triggering(kq), close: () => kq.close() }
  },
}
