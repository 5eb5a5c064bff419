/** EventList and EventArray: where events go. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { EventArray, EventList, KqueueError } from 'kqueue/core'

describe('EventList', () => {
  it('holds what is put, field by field and as events', () => {
    const list = new EventList(3)
    const udata = {}
    list.put(2 ** 53 - 1, -32768, 0xffff, 0xffffffff, -(2 ** 53 - 1), udata)
    list.put(-5, -11, 1, 2, 3, undefined)
    assert.equal(list.length, 2)
    assert.equal(list.capacity, 3)
    assert.deepEqual([...list.ident.subarray(0, 2)], [2 ** 53 - 1, -5])
    const first = {
      ident: 2 ** 53 - 1,
      filter: -32768,
      flags: 0xffff,
      fflags: 0xffffffff,
      data: -(2 ** 53 - 1),
      udata,
    }
    assert.deepEqual(list.at(0), first)
    assert.equal(list.at(0)!.udata, udata)
    assert.deepEqual(
      [...list],
      [first, { ident: -5, filter: -11, flags: 1, fflags: 2, data: 3, udata: undefined }],
    )
  })

  it('has nothing at positions where there is no event', () => {
    const list = new EventList(3)
    list.put(1, -1, 0, 0, 0, null)
    for (const i of [-1, 1, 2, 3, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.equal(list.at(i), undefined)
    }
  })

  it('passes over what there is no room for', () => {
    const list = new EventList(1)
    list.put(1, -1, 0, 0, 0, null)
    list.put(2, -1, 0, 0, 0, null)
    assert.equal(list.length, 1)
    assert.equal(list.at(0)!.ident, 1)
  })

  it('lets go of udata when it is cleared, and can be used again', () => {
    const list = new EventList(2)
    list.put(1, -1, 0, 0, 0, {})
    list.clear()
    assert.equal(list.length, 0)
    assert.equal(list.udata[0], undefined)
    assert.deepEqual([...list], [])
    list.put(2, -1, 0, 0, 0, 'x')
    assert.equal(list.at(0)!.udata, 'x')
  })

  it('takes every capacity from 1 to 2^24 and no other value', () => {
    for (const capacity of [1, 2, 2 ** 16]) assert.equal(new EventList(capacity).capacity, capacity)
    for (const capacity of [0, -1, 1.5, 2 ** 24 + 1, 2 ** 53, Number.NaN, Number.MAX_VALUE]) {
      assert.throws(() => new EventList(capacity), { code: 'EINVAL', message: /capacity/ })
    }
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withNullPrototype: true, withTypedArray: true }),
        (capacity) => {
          fc.pre(typeof capacity !== 'number')
          assert.throws(() => new EventList(capacity as number), { name: /Error$/, message: /./ })
        },
      ),
    )
  })

  it('refuses a capacity that cannot be turned into text with an error that says so', () => {
    for (const capacity of [Symbol('s'), Object.create(null), { toString: null }]) {
      assert.throws(
        () => new EventList(capacity),
        (error) => error instanceof KqueueError && error.code === 'EINVAL',
      )
    }
  })
})

describe('EventArray', () => {
  it('makes an event of its own for each that is put', () => {
    const sink = new EventArray()
    sink.put(1, -1, 2, -1, 3, 'a')
    sink.put(1, -1, 2, 4, 3, 'b')
    assert.deepEqual(sink.events, [
      { ident: 1, filter: -1, flags: 2, fflags: 0xffffffff, data: 3, udata: 'a' },
      { ident: 1, filter: -1, flags: 2, fflags: 4, data: 3, udata: 'b' },
    ])
  })
})
