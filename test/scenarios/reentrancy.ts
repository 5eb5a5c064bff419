/**
 * Filters that change queues while they are asked: the list that is walked and
 * the queue that is scanned stay sound. See KNOTE(9) and "influx" in
 * `kern_event.c` of FreeBSD.
 */
import assert from 'node:assert/strict'
import type { Knote } from 'kqueue/core'
import { happening, withFilter } from './happening.js'
import {
  add,
  byIdent,
  chapter,
  expectEvents,
  expectGone,
  idents,
  pending,
  remove,
} from './scenario.js'

const scenario = chapter('Added filters at work', { needs: ['filters'] })

scenario('a knote that is deleted while its list is told is passed over', (w) => {
  const q = w.kqueue()
  const { filter, list, ops } = happening(w, {
    event(kn, hint) {
      if (hint === 0) return kn.fflags !== 0
      kn.fflags |= hint
      const other = kn.ident === 1 ? 2 : 1
      if (hint === 7) q.kevent([remove(other, filter)])
      return true
    },
  })
  withFilter(w, filter, ops, () => {
    q.kevent([add(1, filter), add(2, filter), add(3, filter)])
    q.kevent([remove(3, filter)])
    list.note(7)
    const events = pending(q)
    assert.equal(events.length, 1)
    expectGone(q, events[0]!.ident === 1 ? 2 : 1, filter)
    q.close()
  })
})

scenario('a knote that deletes itself while its list is told is not reported', (w) => {
  const q = w.kqueue()
  const { filter, list, ops } = happening(w, {
    event(kn, hint) {
      if (hint === 7 && kn.ident === 2) q.kevent([remove(2, filter)])
      return hint !== 0 || kn.ident !== 2
    },
  })
  withFilter(w, filter, ops, () => {
    q.kevent([1, 2, 3].map((i) => add(i, filter)))
    pending(q)
    list.note(7)
    assert.deepEqual(idents(byIdent(pending(q))), [1, 3])
    expectGone(q, 2, filter)
    q.close()
  })
})

scenario('a knote that is added while its list is told does no harm', (w) => {
  const q = w.kqueue()
  const { filter, list, ops } = happening(w, {
    event(kn, hint) {
      if (hint === 7 && kn.ident < 10) q.kevent([add(kn.ident + 10, filter)])
      if (hint !== 0) kn.fflags |= hint
      return kn.fflags !== 0
    },
  })
  withFilter(w, filter, ops, () => {
    q.kevent([add(1, filter), add(2, filter)])
    list.note(7)
    const told = idents(pending(q))
    assert.ok(told.includes(1) && told.includes(2))
    list.note(1)
    assert.deepEqual(idents(byIdent(pending(q))), [1, 2, 11, 12])
    q.close()
  })
})

scenario('a filter that notes another list while it is told wakes that one too', (w) => {
  const q = w.kqueue()
  const second = happening(w)
  const { filter, list, ops } = happening(w, {
    attach(kn: Knote) {
      ;(kn.ident === 1 ? list : second.list).add(kn)
      return 0
    },
    detach(kn: Knote) {
      ;(kn.ident === 1 ? list : second.list).remove(kn)
    },
    event(kn, hint) {
      if (kn.ident === 1 && hint !== 0) second.list.note(hint)
      if (hint !== 0) kn.fflags |= hint
      return kn.fflags !== 0
    },
  })
  withFilter(w, filter, ops, () => {
    q.kevent([add(1, filter), add(2, filter)])
    list.note(5)
    expectEvents(byIdent(pending(q)), { ident: 1, fflags: 5 }, { ident: 2, fflags: 5 })
    q.close()
  })
})

scenario('a knote that deletes itself while it is scanned is not reported', (w) => {
  const q = w.kqueue()
  let deleting = false
  const { filter, ops } = happening(w, {
    event(kn) {
      if (deleting && kn.ident === 1) q.kevent([remove(1, filter)])
      return true
    },
  })
  withFilter(w, filter, ops, () => {
    q.kevent([add(1, filter), add(2, filter)])
    deleting = true
    assert.deepEqual(idents(pending(q)), [2])
    expectGone(q, 1, filter)
    q.close()
  })
})
