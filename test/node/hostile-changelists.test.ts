/** Changelists that are proxies, that throw, that call back, that are huge or full of holes. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type Change,
  EV_ADD,
  EV_DELETE,
  EV_SET,
  EVFILT_USER,
  type Kqueue,
  KqueueError,
  kqueue_add_filteropts,
  kqueue_del_filteropts,
  NOTE_TRIGGER,
} from 'kqueue'
import { assertWorks, cleanUp, clear, fired, idents, pending, queue, user } from './queues.js'

cleanUp()

const missing = (ident: number): Change => EV_SET(ident, EVFILT_USER, EV_DELETE)

/** A change that does something when one of its fields is read. */
function acting(field: keyof Change, act: () => void, ident = 50): Change {
  const { [field]: value, ...rest } = EV_SET(ident, EVFILT_USER, EV_ADD)
  return Object.defineProperty(rest as Change, field, {
    enumerable: true,
    get() {
      act()
      return value
    },
  })
}

const FIELDS = ['ident', 'filter', 'flags', 'fflags', 'data', 'udata'] as const

describe('A changelist that is read', () => {
  it('passes on what a getter throws, and nothing is applied', () => {
    const kq = queue()
    for (const field of FIELDS) {
      for (const thrown of [new Error('getter'), 'a string', undefined, null]) {
        let caught: unknown = 'nothing'
        try {
          kq.kevent([
            user(1),
            acting(field, () => {
              throw thrown
            }),
            user(2),
          ])
        } catch (error) {
          caught = error
        }
        assert.equal(caught, thrown)
        assert.deepEqual(kq.knotes(), [])
      }
    }
    assertWorks(kq)
  })

  it('is refused as a whole when a getter closes the queue', async () => {
    for (const field of FIELDS) {
      const kq = queue()
      const changes = [user(1), acting(field, () => kq.close()), user(2)]
      assert.throws(() => kq.kevent(changes, 4, 0), { code: 'EBADF' })
      const other = queue()
      const more = [user(1), acting(field, () => other.close())]
      await assert.rejects(other.wait({ changelist: more }), { code: 'EBADF' })
    }
  })

  it('may call kevent on the same queue in the middle; the inner call comes first', () => {
    for (const field of FIELDS) {
      const kq = queue()
      const inner: number[] = []
      const changes = [
        EV_SET(1, EVFILT_USER, EV_ADD, 0, 0, 'outer'),
        acting(field, () => {
          inner.push(...idents(kq.kevent([EV_SET(1, EVFILT_USER, EV_ADD, 0, 0, 'inner')], 8, 0)))
          inner.push(...idents(kq.kevent([fired(7)], 8, 0)))
        }),
        fired(3),
      ]
      const outer = kq.kevent(changes, 8, 0)
      assert.deepEqual([inner, idents(outer)], [[7], [3]])
      assert.deepEqual(
        kq.knotes().map(({ ident, udata }) => [ident, udata]),
        [
          [1, 'outer'],
          [50, undefined],
        ],
      )
    }
  })

  it('may call kevent many levels deep', () => {
    const kq = queue()
    const nest = (depth: number): Change =>
      acting('ident', () => depth > 0 && kq.kevent([user(depth), nest(depth - 1)]), 1000 + depth)
    kq.kevent([nest(100)])
    assert.equal(kq.knotes().length, 201)
    assertWorks(kq)
  })

  it('has the length that it had when the call began', () => {
    const kq = queue()
    const longer: Change[] = [acting('ident', () => longer.push(user(2)), 1)]
    kq.kevent(longer)
    assert.deepEqual(idents(kq.knotes()), [1])
    const shorter: Change[] = [
      acting('ident', () => {
        shorter.length = 1
      }),
      user(4),
    ]
    assert.throws(() => kq.kevent(shorter), { name: 'TypeError', message: /changelist\[1\]/ })
    assert.deepEqual(idents(kq.knotes()), [1])
  })

  it('may be changed after the call, and its changes as well', () => {
    const kq = queue()
    const udata = { n: 1 }
    const change = EV_SET(1, EVFILT_USER, EV_ADD, 0, 5, udata)
    const changes = [change]
    kq.kevent(changes)
    Object.assign(change, { ident: 2, data: 6, udata: 'other' })
    changes.length = 0
    kq.kevent([EV_SET(1, EVFILT_USER, 0x200, NOTE_TRIGGER, 5)])
    const [event] = kq.kevent([], 1, 0)
    assert.deepEqual([event!.ident, event!.data], [1, 5])
    assert.equal(event!.udata, udata)
    Object.assign(event!, { ident: 9, udata: null })
    assert.deepEqual(pending(kq), [1])
  })

  it('may be frozen, and is not written to', () => {
    const kq = queue()
    const changes = Object.freeze([Object.freeze(EV_SET(1, EVFILT_USER, 0xf000 + EV_ADD))])
    kq.kevent(changes)
    assert.deepEqual(changes[0], EV_SET(1, EVFILT_USER, 0xf000 + EV_ADD))
    assert.deepEqual(idents(kq.knotes()), [1])
  })

  it('may be an array of another kind: a subclass, a proxy, one with inherited fields', () => {
    const kq = queue()
    class Changes extends Array<Change> {}
    kq.kevent(Changes.from([user(1)]))
    kq.kevent(new Proxy([new Proxy(user(2), {})], {}))
    kq.kevent([Object.create(user(3)) as Change])
    assert.deepEqual(idents(kq.knotes()), [1, 2, 3])
  })

  it('may be a proxy that lies about its length, and is read or refused', () => {
    const kq = queue()
    const lying = (length: unknown) =>
      new Proxy([user(1)], {
        get: (target, key, receiver) =>
          key === 'length' ? length : (Reflect.get(target, key, receiver) as unknown),
      })
    for (const length of [
      Number.NaN,
      -1,
      0.5,
      '1',
      2,
      2 ** 53,
      Number.POSITIVE_INFINITY,
      {},
      null,
    ]) {
      try {
        assert.deepEqual(kq.kevent(lying(length)), [])
      } catch (error) {
        assert.ok(error instanceof Error && error.message.length > 0)
      }
      assertWorks(kq)
    }
  })

  it('may not be a revoked proxy, an iterable or anything else', () => {
    const kq = queue()
    const revoked = Proxy.revocable([user(1)], {})
    revoked.revoke()
    const values: unknown[] = [
      revoked.proxy,
      new Set([user(1)]),
      { length: 1, 0: user(1) },
      'ab',
      user(1),
    ]
    for (const changes of values) {
      assert.throws(() => kq.kevent(changes as Change[]), { name: 'TypeError', message: /./ })
    }
    assert.deepEqual(kq.knotes(), [])
  })

  it('may not have holes', () => {
    const kq = queue()
    const sparse: Change[] = [user(1)]
    sparse[3] = user(2)
    assert.throws(() => kq.kevent(sparse), { name: 'TypeError', message: /changelist\[1\]/ })
    assert.throws(() => kq.kevent(new Array<Change>(2 ** 32 - 1)), {
      name: 'TypeError',
      message: /changelist\[0\]/,
    })
    assert.deepEqual(kq.knotes(), [])
  })

  it('names the entry and the field that are wrong', () => {
    const kq = queue()
    for (const field of ['ident', 'filter', 'flags', 'fflags', 'data'] as const) {
      for (const [value, code] of [
        ['1', 'ERR_INVALID_ARG_TYPE'],
        [null, 'ERR_INVALID_ARG_TYPE'],
        [1n, 'ERR_INVALID_ARG_TYPE'],
        [Number.NaN, 'EINVAL'],
        [0.5, 'EINVAL'],
        [2 ** 64, 'EINVAL'],
        [Number.NEGATIVE_INFINITY, 'EINVAL'],
      ] as const) {
        const changes = [user(1), { ...user(2), [field]: value }] as Change[]
        const message = new RegExp(`changelist\\[1\\]\\.${field}`)
        assert.throws(() => kq.kevent(changes), { code, message })
        assert.deepEqual(kq.knotes(), [])
      }
    }
  })

  it('may have masks as the bit operators of JavaScript make them', () => {
    const kq = queue()
    kq.kevent([{ ...clear(1), fflags: (0x80000000 | 5) & 0xffffffff }])
    kq.kevent([EV_SET(1, EVFILT_USER, 0, NOTE_TRIGGER | (0xc0000000 | 5))])
    assert.equal(kq.kevent([], 1, 0)[0]!.fflags, 5)
  })

  it('may have a hundred thousand changes, and more', () => {
    const kq = queue()
    const n = 100_000
    const changes = Array.from({ length: n }, (_, i) => clear(i))
    assert.deepEqual(kq.kevent(changes), [])
    const triggers = changes.map(({ ident }) => EV_SET(ident, EVFILT_USER, 0, NOTE_TRIGGER))
    assert.equal(kq.kevent(triggers, n, 0).length, n)
    const deletes = changes.map(({ ident }) => missing(ident))
    assert.deepEqual(kq.kevent(deletes, n, 0), [])
    assert.equal(kq.kevent(deletes, n, 0).length, n)
    assert.deepEqual(kq.knotes(), [])
  })
})

describe('A changelist that fails in the middle', () => {
  it('says which change it was; those before it are applied, those after it are not', () => {
    const kq = queue()
    for (const index of [0, 1, 5, 9]) {
      const changes = Array.from({ length: 10 }, (_, i) => (i === index ? missing(i) : user(i)))
      assert.throws(
        () => kq.kevent(changes),
        (error) => {
          assert.ok(error instanceof KqueueError)
          assert.deepEqual([error.code, error.index], ['ENOENT', index])
          assert.deepEqual(error.change, changes[index])
          assert.match(error.message, new RegExp(`changelist\\[${index}\\]`))
          return true
        },
      )
      const applied = idents(kq.knotes())
      assert.deepEqual(
        applied,
        Array.from({ length: index }, (_, i) => i),
      )
      kq.kevent(applied.map(missing))
    }
  })

  it('says so when wait is given it, and when the room for answers is used up', async () => {
    const kq = queue()
    const changelist = [missing(1), user(2), missing(3), user(4)]
    await assert.rejects(kq.wait({ changelist, nevents: 1 }), { code: 'ENOENT', index: 2 })
    assert.deepEqual(idents(kq.knotes()), [2])
  })

  it('says which change it was when a filter throws in attach', () => {
    const kq = queue()
    const filter = -100
    const attach = (kn: { ident: number }) => {
      if (kn.ident === 2) throw new Error('broken filter')
      return 0
    }
    kqueue_add_filteropts(filter, { isFd: false, attach, detach() {}, event: () => false })
    try {
      const add = (ident: number) => EV_SET(ident, filter, EV_ADD)
      assert.throws(() => kq.kevent([add(1), add(2), add(3)]), /broken filter/)
      assert.deepEqual(idents(kq.knotes()), [1])
      kq.close()
    } finally {
      kqueue_del_filteropts(filter)
    }
  })
})

describe('A closed queue', () => {
  it('answers EBADF to every call, and lets itself be closed again', async () => {
    const kq = queue()
    kq.kevent([user(1)])
    kq.close()
    const calls: ((kq: Kqueue) => unknown)[] = [
      (kq) => kq.kevent(),
      (kq) => kq.kevent([user(1)], 1, 0),
      (kq) => kq.kevent([missing(1)]),
      (kq) => kq.knotes(),
      (kq) => kq.fd,
    ]
    for (const call of calls) assert.throws(() => call(kq), { name: 'KqueueError', code: 'EBADF' })
    await assert.rejects(kq.wait(), { code: 'EBADF' })
    assert.doesNotThrow(() => kq.ref().unref().close())
    assert.doesNotThrow(() => kq[Symbol.dispose]())
  })
})
