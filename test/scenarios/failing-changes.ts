/**
 * Changes that fail: which error, and whether it is thrown or told in an
 * `EV_ERROR` event. kqueue(2), "RETURN VALUES" and "ERRORS".
 */
import assert from 'node:assert/strict'
import {
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_ENABLE,
  EV_KEEPUDATA,
  EV_ONESHOT,
  EVFILT_READ,
  EVFILT_SENDFILE,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_WRITE,
  type Kevent,
} from 'kqueue/core'
import {
  add,
  change,
  chapter,
  ERRNO,
  errorEvent,
  expectError,
  expectEvents,
  expectGone,
  expectNothing,
  pending,
  remove,
  trigger,
} from './scenario.js'

const scenario = chapter('Failing changes', { filters: [EVFILT_USER] })

/** A filter number that no system has. */
const NO_FILTER = -1000

scenario('a filter that nobody has is refused with EINVAL', (w) => {
  const q = w.kqueue()
  expectError('EINVAL', () => q.kevent([add(1, NO_FILTER)]))
  expectError('EINVAL', () => q.kevent([remove(1, NO_FILTER)]))
})

scenario('a number of the system that has no filter is refused with ENXIO', (w) => {
  const q = w.kqueue()
  const error = expectError('ENXIO', () => q.kevent([add(1, EVFILT_SENDFILE)]))
  assert.match(error.message, /no filter -12/)
  expectError('ENOENT', () => q.kevent([remove(1, EVFILT_SENDFILE)]))
  const exclusive = EV_ENABLE | EV_DISABLE
  expectError('EINVAL', () => q.kevent([add(1, EVFILT_SENDFILE, exclusive)]))
  expectNothing(q)
})

scenario('a positive filter number is refused with EINVAL', (w) => {
  const q = w.kqueue()
  expectError('EINVAL', () => q.kevent([add(1, 5)]))
})

scenario(
  'changing, enabling, disabling or deleting what is not registered fails with ENOENT',
  (w) => {
    const q = w.kqueue()
    for (const flags of [0, EV_ENABLE, EV_DISABLE, EV_DELETE, EV_ONESHOT, EV_CLEAR, EV_KEEPUDATA]) {
      expectError('ENOENT', () => q.kevent([change(1, EVFILT_USER, flags)]))
    }
    expectNothing(q)
  },
)

scenario('changing a descriptor that is not watched fails with ENOENT', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  expectError('ENOENT', () => q.kevent([change(r, EVFILT_READ, 0)]))
  w.write(wr, 'x')
  expectNothing(q)
  expectGone(q, r, EVFILT_READ)
})

scenario('enabling and disabling at once is refused with EINVAL', (w) => {
  const q = w.kqueue()
  expectError('EINVAL', () => q.kevent([add(1, EVFILT_USER, EV_ENABLE | EV_DISABLE)]))
  expectGone(q, 1, EVFILT_USER)
})

scenario('enabling and disabling at once leaves an existing knote as it was', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER), trigger(1)])
  expectError('EINVAL', () => q.kevent([change(1, EVFILT_USER, EV_ENABLE | EV_DISABLE)]))
  expectEvents(pending(q), { ident: 1 })
})

scenario('adding while keeping the udata is refused with EINVAL', (w) => {
  const q = w.kqueue()
  expectError('EINVAL', () => q.kevent([add(1, EVFILT_USER, EV_KEEPUDATA)]))
  expectGone(q, 1, EVFILT_USER)
})

scenario('adding while keeping the udata is refused even if the knote exists', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, 0, { udata: 'mine' })])
  expectError('EINVAL', () => q.kevent([add(1, EVFILT_USER, EV_KEEPUDATA)]))
  q.kevent([change(1, EVFILT_USER, EV_KEEPUDATA), { ...trigger(1), flags: EV_KEEPUDATA }])
  expectEvents(pending(q), { udata: 'mine' })
})

scenario('a number that is no open descriptor is refused with EBADF', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  w.close(r)
  for (const filter of [EVFILT_READ, EVFILT_WRITE]) {
    expectError('EBADF', () => q.kevent([add(r, filter)]))
    expectError('EBADF', () => q.kevent([remove(r, filter)]))
  }
  w.close(wr)
})

scenario('a negative descriptor is refused with EBADF', (w) => {
  const q = w.kqueue()
  expectError('EBADF', () => q.kevent([add(-1, EVFILT_READ)]))
})

scenario('a descriptor number beyond every table is refused with EBADF', (w) => {
  const q = w.kqueue()
  expectError('EBADF', () => q.kevent([add(2 ** 31, EVFILT_READ)]))
  expectError('EBADF', () => q.kevent([add(2 ** 32 + 1, EVFILT_READ)]))
})

scenario('the answer to a change that fails has its fflags, 0 where it is for a new event', (w) => {
  const q = w.kqueue()
  const rest = { fflags: 5, data: -1, udata: 'mine' }
  const events = q.kevent(
    [
      add(1, EVFILT_TIMER, 0, rest),
      change(2, EVFILT_TIMER, EV_DELETE, rest),
      add(3, NO_FILTER, 0, rest),
    ],
    3,
    0,
  )
  expectEvents(
    events,
    { ...errorEvent(1, EVFILT_TIMER, ERRNO.EINVAL), fflags: 0, udata: 'mine' },
    { ...errorEvent(2, EVFILT_TIMER, ERRNO.ENOENT), fflags: 5, udata: 'mine' },
    { ...errorEvent(3, NO_FILTER, ERRNO.EINVAL), fflags: 5, udata: 'mine' },
  )
  const error = expectError('EINVAL', () => q.kevent([add(1, EVFILT_TIMER, 0, rest)]))
  assert.equal((error as NodeJS.ErrnoException & { change: Kevent }).change.fflags, 5)
})

scenario('an error says its code, its negative errno, the call and the change', (w) => {
  const q = w.kqueue()
  const bad = remove(17, EVFILT_USER)
  const error = expectError('ENOENT', () =>
    q.kevent([add(1, EVFILT_USER), bad]),
  ) as NodeJS.ErrnoException & { change?: { ident: number; filter: number } }
  assert.equal(error.name, 'KqueueError')
  assert.equal(error.errno, -ERRNO.ENOENT)
  assert.equal(error.syscall, 'kevent')
  assert.equal(error.change?.ident, 17)
  assert.equal(error.change?.filter, EVFILT_USER)
})

scenario(
  'without room the first failing change throws, and the ones before it stay applied',
  (w) => {
    const q = w.kqueue()
    expectError('ENOENT', () => q.kevent([add(1, EVFILT_USER), trigger(9), add(2, EVFILT_USER)]))
    q.kevent([remove(1, EVFILT_USER)])
    expectGone(q, 2, EVFILT_USER)
  },
)

scenario('with room a failing change is an event and the changes after it are applied', (w) => {
  const q = w.kqueue()
  const events = q.kevent([trigger(9), add(NO_FILTER, NO_FILTER), add(2, EVFILT_USER)], 8, 0)
  expectEvents(
    events,
    errorEvent(9, EVFILT_USER, ERRNO.ENOENT),
    errorEvent(NO_FILTER, NO_FILTER, ERRNO.EINVAL),
  )
  q.kevent([remove(2, EVFILT_USER)])
})

scenario('an error event carries the udata of its change', (w) => {
  const q = w.kqueue()
  const mine = { any: 'thing' }
  const [event] = q.kevent([{ ...remove(9, EVFILT_USER), udata: mine }], 1, 0)
  assert.equal(event?.udata, mine)
})

scenario('a bad descriptor is told in an error event', (w) => {
  const q = w.kqueue()
  const [r] = w.pipe()
  w.close(r)
  expectEvents(q.kevent([add(r, EVFILT_READ)], 1, 0), errorEvent(r, EVFILT_READ, ERRNO.EBADF))
})

scenario('a call that has an error to tell drains no events', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_CLEAR), trigger(1)])
  expectEvents(q.kevent([trigger(9)], 8, 0), errorEvent(9, EVFILT_USER, ERRNO.ENOENT))
  expectEvents(pending(q), { ident: 1, flags: EV_CLEAR })
})

scenario('a call that has an error to tell does not wait', (w) => {
  const q = w.kqueue()
  expectEvents(q.kevent([trigger(9)], 8, null), errorEvent(9, EVFILT_USER, ERRNO.ENOENT))
})

scenario('when the room for errors is used up the next failing change throws', (w) => {
  const q = w.kqueue()
  const error = expectError('EINVAL', () =>
    q.kevent([trigger(9), add(3, NO_FILTER), add(2, EVFILT_USER)], 1, 0),
  )
  assert.equal(error.errno, -ERRNO.EINVAL)
  expectGone(q, 2, EVFILT_USER)
})

scenario('what the filter refuses leaves nothing behind', { filters: [EVFILT_TIMER] }, (w) => {
  const q = w.kqueue()
  expectError('EINVAL', () => q.kevent([add(1, EVFILT_TIMER, 0, { data: -1 })]))
  expectGone(q, 1, EVFILT_TIMER)
})

scenario('an ident or data that is no whole number is refused with EINVAL', (w) => {
  const q = w.kqueue()
  for (const ident of [0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    expectError('EINVAL', () => q.kevent([add(ident, EVFILT_USER)]))
    expectError('EINVAL', () => q.kevent([add(1, EVFILT_USER, 0, { data: ident })]))
  }
  expectGone(q, 1, EVFILT_USER)
})
