/** kqueue, kqueuex, kqueue1, keventInto, knotes and sysctl. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_ERROR,
  EV_SET,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EventList,
  KQUEUE_CLOEXEC,
  KQUEUE_CPONFORK,
  KQUEUE_CPONFORKFD,
  KQUEUE_CPONFORKNONFD,
  KQUEUE_TRUSTFD,
  Kqueue,
  kqueue,
  kqueue1,
  kqueuex,
  NOTE_TRIGGER,
  sysctl,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { assertWorks, cleanUp, closeRaw, fired, idents, pipe, queue, read, user } from './queues.js'

cleanUp()

const { O_CLOEXEC, O_NONBLOCK, O_RDWR } = posix.constants

/** Numbers that are no flags, whatever the flags are. */
const NO_FLAGS = [
  -1,
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  -(2 ** 31),
  2 ** 32,
  2 ** 32 + 1,
  -(2 ** 32),
  2 ** 53,
]

describe('kqueuex', () => {
  it('takes every combination of its flags', () => {
    const flags = [
      KQUEUE_CLOEXEC,
      KQUEUE_CPONFORK,
      KQUEUE_CPONFORKFD,
      KQUEUE_CPONFORKNONFD,
      KQUEUE_TRUSTFD,
    ]
    for (let mask = 0; mask < 32; mask++) {
      using kq = kqueuex(flags.reduce((sum, flag, i) => (mask & (1 << i) ? sum | flag : sum), 0))
      assertWorks(kq)
    }
  })

  it('refuses all others', () => {
    for (const flags of [4, 8, 0x80000, 0x80000000, 0xffffffff, ...NO_FLAGS]) {
      assert.throws(
        () => kqueuex(flags).close(),
        { code: 'EINVAL', syscall: 'kqueuex' },
        `${flags}`,
      )
    }
    for (const flags of [undefined, null, '1', 1n, {}, true]) {
      assert.throws(() => kqueuex(flags as number).close(), { code: 'ERR_INVALID_ARG_TYPE' })
    }
  })
})

describe('kqueue1', () => {
  it('takes O_CLOEXEC and O_NONBLOCK', () => {
    for (const flags of [0, O_CLOEXEC, O_NONBLOCK, O_CLOEXEC | O_NONBLOCK]) {
      using kq = kqueue1(flags)
      assertWorks(kq)
    }
  })

  it('refuses all others', () => {
    for (const flags of [1, O_RDWR, O_CLOEXEC + 1, ...NO_FLAGS]) {
      assert.throws(
        () => kqueue1(flags).close(),
        { code: 'EINVAL', syscall: 'kqueue1' },
        `${flags}`,
      )
    }
    for (const flags of [undefined, null, '0', 0n, {}]) {
      assert.throws(() => kqueue1(flags as number).close(), { code: 'ERR_INVALID_ARG_TYPE' })
    }
  })
})

describe('class Kqueue', () => {
  it('is made by the calls and not by new', () => {
    assert.ok(queue() instanceof Kqueue)
    assert.throws(() => new Kqueue(Symbol('make')), { name: 'TypeError', message: /kqueue\(\)/ })
    assert.throws(() => new Kqueue(undefined as never), TypeError)
  })

  it('has methods that refuse another this', () => {
    for (const method of ['kevent', 'knotes', 'ref', 'unref', 'close'] as const) {
      const call: () => unknown = Kqueue.prototype[method]
      assert.throws(() => Reflect.apply(call, {}, []), TypeError)
    }
  })
})

describe('keventInto', () => {
  it('fills the list and answers how many', () => {
    const kq = queue()
    const list = new EventList(4)
    const udata = {}
    kq.kevent([EV_SET(1, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0, udata)])
    const change = EV_SET(1, EVFILT_USER, 0, NOTE_TRIGGER, 9, udata)
    assert.equal(kq.keventInto([change], list, 0), 1)
    assert.deepEqual(
      [...list],
      [{ ident: 1, filter: EVFILT_USER, flags: EV_CLEAR, fflags: 0, data: 9, udata }],
    )
    assert.equal(list.udata[0], udata)
    assert.equal(kq.keventInto(null, list, 0), 0)
    assert.equal(list.length, 0)
  })

  it('hands out at most what there is room for, and the rest the next time', () => {
    const kq = queue()
    const list = new EventList(2)
    kq.kevent([1, 2, 3].map(fired))
    assert.equal(kq.keventInto(undefined, list, 0), 2)
    assert.deepEqual(idents([...list]), [1, 2])
    assert.equal(kq.keventInto(undefined, list, 0), 1)
    assert.deepEqual(idents([...list]), [3])
  })

  it('puts failed changes into the list, and throws when it is full', () => {
    const kq = queue()
    const list = new EventList(1)
    const missing = (ident: number) => EV_SET(ident, EVFILT_USER, EV_DELETE)
    assert.equal(kq.keventInto([missing(5)], list), 1)
    assert.deepEqual([list.flags[0], list.data[0]], [EV_ERROR, 2])
    assert.throws(() => kq.keventInto([missing(5), missing(6)], list), {
      code: 'ENOENT',
      index: 1,
    })
  })

  it('waits as kevent does', () => {
    const kq = queue()
    const list = new EventList(1)
    const start = performance.now()
    assert.equal(kq.keventInto(undefined, list, 20), 0)
    assert.ok(performance.now() - start >= 20)
  })

  it('reports what kevent reports, for a hundred pipes', () => {
    const kq = queue()
    const list = new EventList(128)
    const pipes = Array.from({ length: 100 }, pipe)
    kq.kevent(pipes.map(([r]) => read(r)))
    for (const [i, [, w]] of pipes.entries()) posix.write(w, new Uint8Array(i + 1))
    assert.equal(kq.keventInto(undefined, list, 0), 100)
    const byIdent = new Map([...list].map((event) => [event.ident, event.data]))
    for (const [i, [r]] of pipes.entries()) assert.equal(byIdent.get(r), i + 1)
    assert.deepEqual(
      kq.kevent([], 128, 0).sort((a, b) => a.ident - b.ident),
      [...list].sort((a, b) => a.ident - b.ident),
    )
  })

  it('can be called in a changelist that it reads, with the same list', () => {
    const kq = queue()
    const list = new EventList(8)
    kq.kevent([user(1), EV_SET(2, EVFILT_USER, EV_ADD, NOTE_TRIGGER)])
    const change = {
      get ident() {
        kq.keventInto([], list, 0)
        return 3
      },
      filter: EVFILT_USER,
      flags: EV_ADD,
    }
    const n = kq.keventInto([change], list, 0)
    assert.equal(n, 1)
    assert.equal(list.length, n)
    assert.deepEqual(idents([...list]), [2])
  })

  it('needs an EventList', () => {
    const kq = queue()
    for (const list of [undefined, null, [], {}, 'list', new Int32Array(8)]) {
      assert.throws(() => kq.keventInto([], list as unknown as EventList, 0), {
        name: /Error$/,
        message: /./,
      })
    }
    assertWorks(kq)
  })
})

describe('knotes', () => {
  it('says what is registered, and in which state', () => {
    const kq = queue()
    const [r, w] = pipe()
    const udata = Symbol('udata')
    kq.kevent([
      EV_SET(1, EVFILT_USER, EV_ADD | EV_CLEAR, NOTE_TRIGGER | 5, 6, udata),
      EV_SET(2, EVFILT_TIMER, EV_ADD | EV_DISABLE, 0, 1000),
      read(r),
    ])
    posix.write(w, 'x')
    const found = new Map(kq.knotes().map((info) => [info.filter, info]))
    assert.equal(found.size, 3)
    const event = found.get(EVFILT_USER)!
    assert.deepEqual(
      [event.ident, event.udata, event.sfflags, event.sdata, event.active, event.queued],
      [1, udata, 5, 6, true, true],
    )
    const expiry = found.get(EVFILT_TIMER)!
    assert.deepEqual([expiry.disabled, expiry.active, expiry.sdata], [true, false, 1000])
    assert.equal(found.get(EVFILT_READ)!.ident, r)
  })

  it('does not list closed descriptors', () => {
    const kq = queue()
    const [r] = pipe()
    kq.kevent([read(r), user(1)])
    closeRaw(r)
    assert.deepEqual(idents(kq.knotes()), [1])
  })

  it('is a copy: what is done to it changes nothing', () => {
    const kq = queue()
    kq.kevent([user(1)])
    Object.assign(kq.knotes()[0]!, { ident: 2, disabled: true })
    assert.deepEqual(idents(kq.knotes()), [1])
    assertWorks(kq)
  })
})

describe('sysctl.kq_calloutmax', () => {
  it('limits the timers of all queues of the thread', () => {
    const most = sysctl.kq_calloutmax
    assert.equal(most, 4096)
    const kq = queue()
    const other = queue()
    const add = (ident: number) => EV_SET(ident, EVFILT_TIMER, EV_ADD, 0, 1e6)
    try {
      sysctl.kq_calloutmax = 2
      kq.kevent([add(1)])
      other.kevent([add(1)])
      assert.throws(() => kq.kevent([add(2)]), { code: 'ENOMEM', message: /kq_calloutmax/ })
      sysctl.kq_calloutmax = 3
      kq.kevent([add(2)])
      other.close()
      kq.kevent([add(3)])
      sysctl.kq_calloutmax = 0
      assert.throws(() => kq.kevent([add(4)]), { code: 'ENOMEM' })
      assert.equal(kq.knotes().length, 3)
    } finally {
      sysctl.kq_calloutmax = most
    }
  })

  it('takes whole numbers and nothing else', () => {
    const most = sysctl.kq_calloutmax
    try {
      for (const value of ['many', Number.NaN, -1, 1.5, null, undefined, {}]) {
        assert.throws(
          () => {
            sysctl.kq_calloutmax = value as number
          },
          { name: /Error$/, message: /./ },
        )
        assert.equal(sysctl.kq_calloutmax, most)
      }
    } finally {
      sysctl.kq_calloutmax = most
    }
  })
})

describe('close', () => {
  it('may be called again', () => {
    const kq = kqueue()
    kq.close()
    kq.close()
  })
})
