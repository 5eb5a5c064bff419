/**
 * Filters that the program adds, by number as with kqueue_add_filteropts(9) of
 * FreeBSD or by name as with kfilter_register(9) of NetBSD, and KNOTE(9) on a
 * list of knotes.
 */
import assert from 'node:assert/strict'
import {
  EV_CLEAR,
  EV_DISABLE,
  EV_ONESHOT,
  EVENT_PROCESS,
  EVENT_REGISTER,
  EVFILT_READ,
  EVFILT_USER,
} from 'kqueue/core'
import { happening, withFilter } from './happening.js'
import {
  add,
  byIdent,
  change,
  chapter,
  enable,
  expectError,
  expectEvents,
  expectGone,
  expectNothing,
  idents,
  pending,
  remove,
  wait,
} from './scenario.js'

const scenario = chapter('Added filters', { needs: ['filters'] })

const all = { fflags: 0xff }

scenario('an added filter decides what its knotes report', (w) => {
  const { filter, list, ops, calls } = happening(w)
  withFilter(w, filter, ops, (q) => {
    q.kevent([add(1, filter, EV_CLEAR, { fflags: 6, udata: 'mine' })])
    expectNothing(q)
    list.note(1)
    expectNothing(q)
    list.note(2)
    list.note(4)
    expectEvents(pending(q), {
      ident: 1,
      filter,
      flags: EV_CLEAR,
      fflags: 6,
      data: 6,
      udata: 'mine',
    })
    expectNothing(q)
    list.note(2)
    expectEvents(pending(q), { ident: 1, fflags: 2, data: 2 })
    q.kevent([remove(1, filter)])
    assert.deepEqual(calls, ['attach 1', 'detach 1'])
  })
})

scenario('an added filter without EV_CLEAR reports until its event says no', (w) => {
  let holds = true
  const { filter, list, ops } = happening(w, { event: () => holds })
  withFilter(w, filter, ops, (q) => {
    q.kevent([add(1, filter)])
    list.note(1)
    expectEvents(pending(q), { ident: 1 })
    expectEvents(pending(q), { ident: 1 })
    holds = false
    expectNothing(q)
    holds = true
    expectNothing(q)
    list.note(1)
    expectEvents(pending(q), { ident: 1 })
  })
})

scenario('an event that holds when the knote is added is reported', (w) => {
  const { filter, ops } = happening(w, { event: () => true })
  withFilter(w, filter, ops, (q) => {
    expectEvents(q.kevent([add(1, filter)], 8, 0), { ident: 1 })
  })
})

scenario('the filter is asked with the hint, and with 0 by the machine', (w) => {
  const hints: number[] = []
  const { filter, list, ops } = happening(w, {
    event(_kn, hint) {
      hints.push(hint)
      return true
    },
  })
  withFilter(w, filter, ops, (q) => {
    q.kevent([add(1, filter)])
    assert.deepEqual(hints.splice(0), [0])
    list.note(0x42)
    assert.deepEqual(hints.splice(0), [0x42])
    pending(q)
    assert.deepEqual(hints.splice(0), [0])
  })
})

scenario('all knotes of a list are told, in every queue', (w) => {
  const { filter, list, ops } = happening(w)
  withFilter(w, filter, ops, () => {
    const one = w.kqueue()
    const two = w.kqueue()
    one.kevent([add(1, filter, 0, all), add(2, filter, 0, all)])
    two.kevent([add(1, filter, 0, all), add(3, filter, 0, { fflags: 0x100 })])
    list.note(1)
    assert.deepEqual(idents(byIdent(pending(one))), [1, 2])
    assert.deepEqual(idents(pending(two)), [1])
    one.close()
    two.close()
  })
})

scenario('what is noted while a knote is disabled is reported when it is enabled', (w) => {
  const { filter, list, ops } = happening(w)
  withFilter(w, filter, ops, (q) => {
    q.kevent([add(1, filter, EV_DISABLE, all)])
    list.note(8)
    expectNothing(q)
    q.kevent([{ ...enable(1, filter), ...all }])
    expectEvents(pending(q), { ident: 1, fflags: 8 })
  })
})

// Attaching and detaching.

scenario('an error of attach refuses the change and leaves nothing', (w) => {
  const EPERM = 1
  const { filter, ops, calls } = happening(w, { attach: () => EPERM })
  withFilter(w, filter, ops, (q) => {
    expectError('EPERM', () => q.kevent([add(1, filter)]))
    expectGone(q, 1, filter)
    assert.deepEqual(calls, [])
  })
})

scenario('adding again attaches once', (w) => {
  const { filter, ops, calls } = happening(w)
  withFilter(w, filter, ops, (q) => {
    q.kevent([add(1, filter), add(1, filter), add(2, filter)])
    assert.deepEqual(calls, ['attach 1', 'attach 2'])
  })
})

scenario('a one-shot knote is detached as it is handed out', (w) => {
  const { filter, list, ops, calls } = happening(w)
  withFilter(w, filter, ops, (q) => {
    q.kevent([add(1, filter, EV_ONESHOT, all)])
    list.note(1)
    expectEvents(pending(q), { ident: 1, flags: EV_ONESHOT, fflags: 1 })
    assert.deepEqual(calls, ['attach 1', 'detach 1'])
    list.note(1)
    expectNothing(q)
  })
})

scenario('closing the queue detaches its knotes', (w) => {
  const { filter, list, ops, calls } = happening(w)
  withFilter(w, filter, ops, () => {
    const q = w.kqueue()
    q.kevent([add(1, filter, 0, all), add(2, filter, 0, all)])
    list.note(1)
    q.close()
    assert.deepEqual(calls.slice(2).sort(), ['detach 1', 'detach 2'])
    list.note(1)
  })
})

scenario('a filter of descriptors is given only open ones', (w) => {
  const { filter, ops, calls } = happening(w, { isFd: true })
  withFilter(w, filter, ops, (q) => {
    const [r] = w.pipe()
    const [closed] = w.pipe()
    w.close(closed)
    expectError('EBADF', () => q.kevent([add(closed, filter)]))
    q.kevent([add(r, filter)])
    assert.deepEqual(calls, [`attach ${r}`])
    q.kevent([remove(r, filter)])
  })
})

// touch.

scenario('touch takes over what changes do to a knote', (w) => {
  const seen: number[] = []
  const { filter, list, ops } = happening(w, {
    touch(kn, kev, type) {
      if (type === EVENT_REGISTER) {
        seen.push(kev.data)
        if (kev.data < 0) return 22
        kn.sdata += kev.data
      } else {
        assert.equal(type, EVENT_PROCESS)
        Object.assign(kev, {
          ident: kn.ident,
          filter: kn.filter,
          flags: kn.flags,
          fflags: kn.fflags,
          data: kn.sdata * 2,
          udata: kn.udata,
        })
      }
      return 0
    },
  })
  withFilter(w, filter, ops, (q) => {
    q.kevent([add(1, filter, 0, { ...all, data: 1 })])
    q.kevent([change(1, filter, 0, { data: 10 })])
    expectError('EINVAL', () => q.kevent([change(1, filter, 0, { data: -1 })]))
    list.note(4)
    expectEvents(pending(q), { ident: 1, fflags: 4, data: 22 })
    assert.deepEqual(seen, [10, -1])
  })
})

// The table.

scenario('a number that is taken is refused with EEXIST', (w) => {
  const { filter, ops } = happening(w)
  withFilter(w, filter, ops, () => {
    expectError('EEXIST', () => w.filters.kqueue_add_filteropts(filter, ops))
    for (const system of [EVFILT_READ, EVFILT_USER]) {
      expectError('EEXIST', () => w.filters.kqueue_add_filteropts(system, ops))
    }
  })
})

scenario('a number that is no filter number is refused with EINVAL', (w) => {
  const { ops } = happening(w)
  for (const filter of [0, 1, 1000, -40000]) {
    expectError('EINVAL', () => w.filters.kqueue_add_filteropts(filter, ops))
  }
})

scenario('a filter cannot be removed while a knote uses it', (w) => {
  const { filter, list, ops } = happening(w)
  withFilter(w, filter, ops, (q) => {
    q.kevent([add(1, filter, 0, all)])
    expectError('EBUSY', () => w.filters.kqueue_del_filteropts(filter))
    list.note(1)
    expectEvents(pending(q), { ident: 1 })
    q.kevent([remove(1, filter)])
  })
})

scenario('a filter whose adding of a knote failed is not in use', (w) => {
  const { filter, ops } = happening(w, { attach: () => 1 })
  withFilter(w, filter, ops, (q) => {
    expectError('EPERM', () => q.kevent([add(1, filter)]))
    expectError('ENOENT', () => q.kevent([remove(1, filter)]))
  })
})

scenario('a removed filter is unknown, and its number free', (w) => {
  const { filter, ops } = happening(w)
  withFilter(w, filter, ops, () => {})
  const q = w.kqueue()
  expectError('EINVAL', () => q.kevent([add(1, filter)]))
  expectError('EINVAL', () => w.filters.kqueue_del_filteropts(filter))
  withFilter(w, filter, ops, (again) => {
    again.kevent([add(1, filter), remove(1, filter)])
  })
})

scenario('a filter of descriptors may add another event of its descriptor', (w) => {
  const [r, wr] = w.pipe()
  const { filter, list, ops } = happening(w, {
    isFd: true,
    attach(kn) {
      q.kevent([add(r, EVFILT_READ)])
      list.add(kn)
      return 0
    },
  })
  const q = w.kqueue()
  w.filters.kqueue_add_filteropts(filter, ops)
  q.kevent([add(r, filter, 0, all)])
  w.write(wr, 'x')
  expectEvents(pending(q), { ident: r, filter: EVFILT_READ, data: 1 })
  w.close(r)
  expectNothing(q)
  w.filters.kqueue_del_filteropts(filter)
})

scenario('a filter registered by name has a number of its own', (w) => {
  const first = happening(w)
  const second = happening(w)
  const one = w.filters.kfilter_register('first', first.ops)
  const two = w.filters.kfilter_register('second', second.ops)
  try {
    assert.ok(one < 0 && two < 0 && one !== two)
    const q = w.kqueue()
    q.kevent([add(1, one, 0, all), add(1, two, 0, all)])
    second.list.note(2)
    expectEvents(wait(q), { ident: 1, filter: two, fflags: 2 })
    q.kevent([remove(1, one), remove(1, two)])
  } finally {
    w.filters.kfilter_unregister('first')
    w.filters.kfilter_unregister('second')
  }
})

scenario('a name that is taken is refused with EEXIST, an unknown one with EINVAL', (w) => {
  const { ops } = happening(w)
  const filter = w.filters.kfilter_register('mine', ops)
  expectError('EEXIST', () => w.filters.kfilter_register('mine', ops))
  const q = w.kqueue()
  q.kevent([add(1, filter)])
  expectError('EBUSY', () => w.filters.kfilter_unregister('mine'))
  q.kevent([remove(1, filter)])
  w.filters.kfilter_unregister('mine')
  expectError('EINVAL', () => w.filters.kfilter_unregister('mine'))
  expectError('EINVAL', () => q.kevent([add(1, filter)]))
})
