/**
 * EVFILT_USER: an event that the program triggers itself, with 24 bits of its
 * own in `fflags`. See kqueue(2), "EVFILT_USER", and `filt_usertouch` of FreeBSD.
 */
import assert from 'node:assert/strict'
import {
  EV_ADD,
  EV_CLEAR,
  EV_DISPATCH,
  EV_ENABLE,
  EV_ONESHOT,
  EVFILT_USER,
  NOTE_FFAND,
  NOTE_FFCOPY,
  NOTE_FFCTRLMASK,
  NOTE_FFLAGSMASK,
  NOTE_FFNOP,
  NOTE_FFOR,
  NOTE_TRIGGER,
} from 'kqueue/core'
import {
  add,
  change,
  chapter,
  disable,
  enable,
  expectError,
  expectEvents,
  expectGone,
  expectNothing,
  LONG,
  pending,
  remove,
  trigger,
} from './scenario.js'
import type { Queue } from './world.js'

const scenario = chapter('EVFILT_USER', { filters: [EVFILT_USER] })

/** A change of the event 1 that does not trigger it. */
function touch(fflags: number, flags = 0, data = 0) {
  return change(1, EVFILT_USER, flags, { fflags: fflags >>> 0, data })
}

/** Triggers the event 1 and gives the fflags that it reports. */
function reported(q: Queue, fflags: number): number {
  q.kevent([trigger(1, fflags)])
  const events = pending(q)
  assert.equal(events.length, 1)
  return events[0]!.fflags
}

scenario('a user event is reported when it is triggered', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_CLEAR)])
  expectNothing(q)
  q.kevent([trigger(1)])
  expectEvents(pending(q), { ident: 1, filter: EVFILT_USER, flags: EV_CLEAR, fflags: 0, data: 0 })
})

scenario('a change that does not trigger does not report', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER)])
  q.kevent([touch(0), touch(NOTE_FFCOPY | 0xff), touch(NOTE_FFOR | 1, EV_ADD)])
  expectNothing(q)
})

scenario('a triggered event stays triggered', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER), trigger(1)])
  for (let i = 0; i < 3; i++) expectEvents(pending(q), { ident: 1, flags: 0 })
})

scenario('a triggered event with EV_CLEAR is reported once', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_CLEAR), trigger(1)])
  expectEvents(pending(q), { ident: 1 })
  expectNothing(q)
  q.kevent([trigger(1)])
  expectEvents(pending(q), { ident: 1 })
})

scenario('an event can be triggered as it is added', (w) => {
  const q = w.kqueue()
  expectEvents(q.kevent([add(1, EVFILT_USER, 0, { fflags: NOTE_TRIGGER })], 8, 0), {
    ident: 1,
    fflags: 0,
  })
})

scenario('an event with EV_CLEAR can be triggered as it is added', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_CLEAR, { fflags: NOTE_TRIGGER })])
  expectEvents(pending(q), { ident: 1, flags: EV_CLEAR, fflags: 0 })
  expectNothing(q)
})

scenario('a one-shot event can be triggered as it is added', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_ONESHOT, { fflags: NOTE_TRIGGER })])
  expectEvents(pending(q), { ident: 1, flags: EV_ONESHOT })
  expectGone(q, 1, EVFILT_USER)
})

scenario('an event that exists can be triggered by adding it again', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER)])
  q.kevent([add(1, EVFILT_USER, 0, { fflags: NOTE_TRIGGER, data: 5 })])
  expectEvents(pending(q), { ident: 1, data: 5 })
})

scenario('triggering what is not registered fails with ENOENT', (w) => {
  const q = w.kqueue()
  expectError('ENOENT', () => q.kevent([trigger(1)]))
})

scenario('several triggers before a scan are one event', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_CLEAR)])
  for (let i = 0; i < 10; i++) q.kevent([trigger(1)])
  expectEvents(pending(q), { ident: 1 })
  expectNothing(q)
})

scenario('a trigger is reported to a wait with a fraction of a ms', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_CLEAR), trigger(1)])
  expectEvents(q.kevent([], 1, { sec: 0, nsec: 500_000 }), { ident: 1 })
})

scenario('a change with EV_CLEAR takes back a trigger', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER), add(2, EVFILT_USER), trigger(1), trigger(2)])
  expectEvents(pending(q), { ident: 1 }, { ident: 2 })
  q.kevent([touch(0, EV_CLEAR)])
  expectEvents(pending(q), { ident: 2 })
})

scenario('a change that triggers and clears leaves the event cleared', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER)])
  q.kevent([touch(NOTE_TRIGGER, EV_CLEAR)])
  expectNothing(q)
  q.kevent([trigger(1)])
  expectEvents(pending(q), { ident: 1, flags: 0 })
})

// fflags.

scenario('the fflags of the adding are reported', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_CLEAR, { fflags: 0x123456 })])
  assert.equal(reported(q, 0), 0x123456)
})

scenario('control bits given while adding are kept and reported', (w) => {
  const q = w.kqueue()
  for (const control of [NOTE_FFAND, NOTE_FFOR, NOTE_FFCOPY]) {
    const fflags = (control | 2) >>> 0
    q.kevent([add(1, EVFILT_USER, EV_CLEAR, { fflags })])
    q.kevent([trigger(1)])
    expectEvents(pending(q), { ident: 1, fflags })
    q.kevent([trigger(1, NOTE_FFOR | 4)])
    expectEvents(pending(q), { ident: 1, fflags: (control | 6) >>> 0 })
    q.kevent([trigger(1, NOTE_FFAND | 4)])
    expectEvents(pending(q), { ident: 1, fflags: 4 })
    q.kevent([remove(1, EVFILT_USER)])
  }
})

scenario('NOTE_TRIGGER given while adding is not reported', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_CLEAR, { fflags: NOTE_TRIGGER | 0xaa })])
  expectEvents(pending(q), { ident: 1, fflags: 0xaa })
})

scenario('NOTE_FFNOP leaves the fflags', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_CLEAR, { fflags: 0x42 })])
  assert.equal(reported(q, NOTE_FFNOP | 0xff), 0x42)
  assert.equal(reported(q, 0xff), 0x42)
})

scenario('NOTE_FFCOPY replaces the fflags', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_CLEAR, { fflags: 0xaa })])
  assert.equal(reported(q, NOTE_FFCOPY | 0xbb), 0xbb)
  assert.equal(reported(q, NOTE_FFCOPY), 0)
})

scenario('NOTE_FFOR adds to the fflags', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_CLEAR, { fflags: 0x01 })])
  assert.equal(reported(q, NOTE_FFOR | 0x06), 0x07)
})

scenario('NOTE_FFAND takes from the fflags', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_CLEAR, { fflags: 0x0f })])
  assert.equal(reported(q, NOTE_FFAND | 0x3c), 0x0c)
})

scenario('the fflags are worked on without a trigger too', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_CLEAR)])
  q.kevent([touch(NOTE_FFCOPY | 0x00aa00), touch(NOTE_FFOR | 0xff00ff)])
  expectNothing(q)
  assert.equal(reported(q, NOTE_FFAND | 0x0ffff0), 0x0faaf0)
})

scenario('fflags of several triggers gather until they are handed out', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_CLEAR)])
  q.kevent([trigger(1, NOTE_FFOR | 1), trigger(1, NOTE_FFOR | 2), trigger(1, NOTE_FFOR | 4)])
  expectEvents(pending(q), { fflags: 7 })
})

scenario('the fflags stay after an event with EV_CLEAR was handed out', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_CLEAR)])
  assert.equal(reported(q, NOTE_FFCOPY | 0x10), 0x10)
  assert.equal(reported(q, NOTE_FFNOP), 0x10)
})

scenario('only the lower 24 bits of the fflags are kept', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_CLEAR)])
  assert.equal(reported(q, NOTE_FFCOPY | 0x3fffffff), NOTE_FFLAGSMASK)
  assert.equal(reported(q, NOTE_FFOR | NOTE_FFLAGSMASK) & ~NOTE_FFLAGSMASK, 0)
  assert.equal(reported(q, NOTE_FFAND | NOTE_FFLAGSMASK), NOTE_FFLAGSMASK)
})

scenario('the numbers of the control bits are those of sys/event.h', (w) => {
  const q = w.kqueue()
  assert.equal(NOTE_FFCTRLMASK, 0xc0000000)
  assert.equal(NOTE_FFCOPY, 0xc0000000)
  assert.equal(NOTE_FFOR, 0x80000000)
  assert.equal(NOTE_FFAND, 0x40000000)
  assert.equal(NOTE_TRIGGER, 0x01000000)
  q.kevent([add(1, EVFILT_USER, EV_CLEAR)])
  q.kevent([change(1, EVFILT_USER, 0, { fflags: 0xc1000007 })])
  expectEvents(pending(q), { fflags: 7 })
})

// data, udata.

scenario('the data of the last change is reported', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_CLEAR, { data: 42 })])
  q.kevent([trigger(1, 0, { data: 24 })])
  expectEvents(pending(q), { data: 24 })
  q.kevent([trigger(1, 0, { data: -7 }), touch(0, 0, 2 ** 40)])
  expectEvents(pending(q), { data: 2 ** 40 })
})

scenario('data and fflags are reported together when triggered while adding', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, 0, { fflags: NOTE_TRIGGER | 0x55, data: 654, udata: 'mine' })])
  expectEvents(pending(q), { ident: 1, fflags: 0x55, data: 654, udata: 'mine' })
})

scenario('a one-shot event reports its fflags and data', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_ONESHOT)])
  q.kevent([trigger(1, NOTE_FFCOPY | 3, { data: 9 })])
  expectEvents(pending(q), { ident: 1, fflags: 3, data: 9 })
})

scenario('the udata of the trigger replaces that of the adding', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_CLEAR, { udata: 'old' })])
  q.kevent([trigger(1)])
  assert.notEqual(pending(q)[0]?.udata, 'old')
  q.kevent([trigger(1, 0, { udata: 'new' })])
  expectEvents(pending(q), { udata: 'new' })
})

scenario('the events of one scan each have their own fflags, data and udata', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER), add(2, EVFILT_USER, EV_CLEAR)])
  q.kevent([
    trigger(1, NOTE_FFCOPY | 0xffffff, { data: 123, udata: 'one' }),
    trigger(2, NOTE_FFNOP, { data: 654, udata: 'two' }),
  ])
  expectEvents(
    pending(q),
    { ident: 1, fflags: 0xffffff, data: 123, udata: 'one' },
    { ident: 2, fflags: 0, data: 654, udata: 'two' },
  )
})

// Flags.

scenario('a trigger of a disabled event is reported when it is enabled', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_CLEAR), disable(1, EVFILT_USER), trigger(1)])
  expectNothing(q)
  q.kevent([enable(1, EVFILT_USER)])
  expectEvents(pending(q), { ident: 1, flags: EV_CLEAR })
})

scenario('disabling holds back a trigger, deleting drops it', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_CLEAR), trigger(1), disable(1, EVFILT_USER)])
  expectNothing(q)
  q.kevent([remove(1, EVFILT_USER)])
  q.kevent([add(1, EVFILT_USER, EV_CLEAR)])
  expectNothing(q)
})

scenario('a one-shot event is gone after its trigger', (w) => {
  const q = w.kqueue()
  q.kevent([add(2, EVFILT_USER, EV_ONESHOT), trigger(2)])
  expectEvents(pending(q), { ident: 2, flags: EV_ONESHOT })
  expectNothing(q)
  expectError('ENOENT', () => q.kevent([trigger(2)]))
})

scenario('a dispatched event waits for its enabling', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_CLEAR | EV_DISPATCH), trigger(1)])
  expectEvents(pending(q), { ident: 1, flags: EV_CLEAR | EV_DISPATCH })
  q.kevent([trigger(1)])
  expectNothing(q)
  q.kevent([enable(1, EVFILT_USER)])
  expectEvents(pending(q), { ident: 1, flags: EV_CLEAR | EV_DISPATCH })
  expectNothing(q)
})

scenario('a dispatched event that was not triggered again is enabled to nothing', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_CLEAR | EV_DISPATCH), trigger(1)])
  expectEvents(pending(q), { ident: 1 })
  q.kevent([enable(1, EVFILT_USER)])
  expectNothing(q)
  q.kevent([trigger(1)])
  expectEvents(pending(q), { ident: 1 })
})

scenario('one change can enable and trigger', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_CLEAR | EV_DISPATCH), trigger(1)])
  expectEvents(pending(q), { ident: 1 })
  for (let i = 0; i < 3; i++) {
    q.kevent([touch(NOTE_TRIGGER, EV_ENABLE)])
    expectEvents(pending(q), { ident: 1, flags: EV_CLEAR | EV_DISPATCH })
    expectNothing(q)
  }
})

scenario('a trigger of one queue is not seen by another', (w) => {
  const one = w.kqueue()
  const two = w.kqueue()
  one.kevent([add(1, EVFILT_USER, EV_CLEAR)])
  two.kevent([add(1, EVFILT_USER, EV_CLEAR)])
  one.kevent([trigger(1)])
  expectNothing(two)
  expectEvents(pending(one), { ident: 1 })
})

scenario('a deleted event that was triggered does not end a wait', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER), trigger(1), remove(1, EVFILT_USER)])
  const start = w.now()
  expectNothing(q, 20)
  const waited = w.now() - start
  assert.ok(waited >= 19 && waited < LONG)
})
