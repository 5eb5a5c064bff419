/** Kqueue.scan: which of the active knotes are handed out, and in which order. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_ONESHOT,
  EV_SET,
  EventArray,
  type Kqueue,
} from 'kqueue/core'
import { assertSound, kevent, MINE, machine, pending } from './tiny.js'

const add = (ident: number, flags = 0) => EV_SET(ident, MINE, EV_ADD | flags)

/** `n` knotes, 0 to n-1, whose filter says what `ready` holds. */
function knotes(n: number, flags = 0) {
  const ready = new Set(Array.from({ length: n }, (_, i) => i))
  const m = machine({ event: (kn) => ready.has(kn.ident) })
  kevent(
    m.kq,
    Array.from({ length: n }, (_, i) => add(i, flags)),
  )
  return { ...m, ready }
}

/** Walks on in the pass that has begun. */
function more(kq: Kqueue, max: number): number[] {
  const sink = new EventArray()
  kq.scan(sink, max, true)
  return sink.events.map(({ ident }) => ident)
}

describe('Kqueue.scan', () => {
  it('hands out active knotes in the order in which they became active', () => {
    const { kq } = knotes(5)
    assert.deepEqual(pending(kq), [0, 1, 2, 3, 4])
  })

  it('hands out at most as many as there is room for, and nothing for no room', () => {
    const { kq } = knotes(5)
    assert.deepEqual(pending(kq, 2), [0, 1])
    assert.deepEqual(pending(kq, 0), [])
    assert.deepEqual(pending(kq, 2), [2, 3])
  })

  it('visits n ready knotes equally often, each at most once a call', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 60 }),
        (n, rooms) => {
          const { kq } = knotes(n)
          const visits = new Array<number>(n).fill(0)
          for (const room of rooms) {
            const idents = pending(kq, room)
            assert.equal(idents.length, Math.min(n, room))
            assert.equal(new Set(idents).size, idents.length, 'none twice in a call')
            for (const ident of idents) visits[ident]!++
            assert.ok(Math.max(...visits) - Math.min(...visits) <= 1, `visits ${visits}`)
          }
          assertSound(kq)
        },
      ),
      { numRuns: 200 },
    )
  })

  it('hands out what is ready and nothing else, whatever becomes of the knotes', () => {
    const step = fc.record({
      ident: fc.nat({ max: 11 }),
      act: fc.constantFrom('ready', 'quiet', 'disable', 'enable', 'delete', 'add', 'scan'),
      room: fc.integer({ min: 1, max: 14 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const { kq, list, ready } = knotes(12)
        const there = new Set(ready)
        const disabled = new Set<number>()
        for (const { ident, act, room } of steps) {
          const change = (flags: number) => kevent(kq, [EV_SET(ident, MINE, flags)])
          if (act === 'ready') {
            ready.add(ident)
            list.note(0)
          } else if (act === 'quiet') ready.delete(ident)
          else if (act === 'scan') {
            const expected = [...there].filter((i) => ready.has(i) && !disabled.has(i))
            const idents = pending(kq, room)
            assert.equal(idents.length, Math.min(room, expected.length))
            assert.equal(new Set(idents).size, idents.length)
            for (const i of idents) assert.ok(expected.includes(i), `${i} is to be reported`)
          } else if (act === 'add') {
            change(EV_ADD)
            there.add(ident)
          } else if (there.has(ident)) {
            change({ disable: EV_DISABLE, enable: EV_ENABLE, delete: EV_DELETE }[act])
            if (act === 'delete') there.delete(ident)
            if (act === 'disable') disabled.add(ident)
            else disabled.delete(ident)
          }
          assertSound(kq)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('takes off the list what no longer holds, without counting it', () => {
    const { kq, ready } = knotes(4)
    ready.delete(0)
    ready.delete(2)
    assert.deepEqual(pending(kq, 2), [1, 3])
    assert.equal(kq.count, 2)
    assertSound(kq)
  })

  it('counts what is pending: less of it after one-shot, clear, dispatch and delete', () => {
    for (const [flags, left] of [
      [0, 3],
      [EV_ONESHOT, 1],
      [EV_CLEAR, 1],
      [EV_DISPATCH, 1],
    ] as const) {
      const { kq } = knotes(3, flags)
      assert.equal(kq.count, 3)
      pending(kq, 2)
      assert.equal(kq.count, left)
      assertSound(kq)
    }
    const { kq } = knotes(3)
    kevent(kq, [EV_SET(1, MINE, EV_DELETE)])
    assert.equal(kq.count, 2)
    assertSound(kq)
  })

  it('leaves a disabled knote its place until it is looked at', () => {
    const { kernel, kq } = knotes(3)
    const woken = kernel.woken.length
    kevent(kq, [EV_SET(0, MINE, EV_DISABLE)])
    assert.equal(kq.count, 3)
    kevent(kq, [EV_SET(0, MINE, EV_ENABLE)])
    assert.equal(kernel.woken.length, woken, 'it was never away')
    assert.deepEqual(pending(kq), [0, 1, 2])
    kevent(kq, [EV_SET(0, MINE, EV_DISABLE)])
    assert.deepEqual(pending(kq), [1, 2])
    assert.equal(kq.count, 2)
    kevent(kq, [EV_SET(0, MINE, EV_ENABLE)])
    assert.equal(kernel.woken.length, woken + 1)
    assert.deepEqual(pending(kq), [1, 2, 0])
    assertSound(kq)
  })

  it('goes on in the same pass where it ended, and hands out nothing twice', () => {
    const { kq } = knotes(5)
    assert.deepEqual(pending(kq, 2), [0, 1])
    assert.deepEqual(more(kq, 2), [2, 3])
    assert.deepEqual(more(kq, 5), [4])
    assert.deepEqual(more(kq, 5), [])
    assert.deepEqual(pending(kq, 5), [0, 1, 2, 3, 4])
  })

  it('wakes who waits once for each knote that becomes active, not for one that stays', () => {
    const { kernel, kq, list } = knotes(2)
    assert.deepEqual(kernel.woken, [kq, kq])
    list.note(0)
    pending(kq)
    assert.equal(kernel.woken.length, 2)
  })

  it('scans a hundred thousand knotes', () => {
    const { kq } = knotes(100_000, EV_ONESHOT)
    assert.equal(pending(kq, 100_000).length, 100_000)
    assert.deepEqual([...kq.knotes()], [])
  })
})
