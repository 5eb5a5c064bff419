/** Kqueue.register: the order in which a change is found wanting, and what it leaves. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  applyChanges,
  type Change,
  EBADF,
  EINVAL,
  ENOENT,
  EPERM,
  ESRCH,
  EV_ADD,
  EV_DELETE,
  EV_DISABLE,
  EV_ENABLE,
  EV_ERROR,
  EV_KEEPUDATA,
  EV_RECEIPT,
  EV_SET,
  EV_SYSFLAGS,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_WRITE,
  EventArray,
  type Kevent,
  Knlist,
  type Knote,
  type Kqueue,
  KqueueError,
  NOTE_TRIGGER,
  type OpenFile,
  refuse,
} from 'kqueue/core'
import { assertSound, filterOn, kevent, MINE, machine, pending, TinyKernel } from './tiny.js'

/** A file whose EVFILT_READ is always ready; it has no EVFILT_WRITE. */
class ReadyFile implements OpenFile {
  readonly list = new Knlist()

  kqfilter(kn: Parameters<OpenFile['kqfilter']>[0]): number {
    if (kn.filter !== EVFILT_READ) return refuse(EINVAL, 'this file is only read')
    kn.ops = filterOn(this.list, { isFd: true })
    return kn.ops.attach(kn)
  }
}

function withFile() {
  const kernel = new TinyKernel()
  const file = new ReadyFile()
  return { kernel, kq: kernel.kqueue(), file, fd: kernel.open(file) }
}

/** The errno of one change. */
const errno = (kq: Kqueue, change: Change): number =>
  kevent(kq, [{ ...change, flags: change.flags | EV_RECEIPT }], 1)[0]!.data

/** That a change is refused, as an event and as an exception, and why. */
function assertRefused(kq: Kqueue, change: Kevent, error: number, reason: RegExp): void {
  assert.equal(errno(kq, change), error)
  assert.throws(
    () => kq.register(change),
    (thrown: unknown) =>
      thrown instanceof KqueueError &&
      thrown.errno === -error &&
      thrown.syscall === 'kevent' &&
      reason.test(thrown.reason ?? '') &&
      thrown.change === change,
  )
}

describe('Kqueue.register', () => {
  it('finds the first thing wrong first', () => {
    const { kq, fd } = withFile()
    const both = EV_ENABLE | EV_DISABLE
    // Each change has the fault that it is refused for and all that are looked for later.
    for (const [change, error, reason] of [
      [EV_SET(99, -200, EV_ADD | both | EV_KEEPUDATA), EINVAL, /no filter -200/],
      [EV_SET(99, EVFILT_READ, EV_ADD | both | EV_KEEPUDATA), EINVAL, /EV_ENABLE and EV_DISABLE/],
      [EV_SET(99, EVFILT_READ, EV_ADD | EV_KEEPUDATA), EINVAL, /EV_KEEPUDATA/],
      [EV_SET(99, EVFILT_READ, EV_ADD), EBADF, /99/],
      [EV_SET(99, EVFILT_READ, EV_DELETE), EBADF, /99/],
      [EV_SET(fd, EVFILT_READ, EV_DELETE), ENOENT, /nothing is registered/],
      [EV_SET(fd, EVFILT_WRITE, EV_ADD), EINVAL, /only read/],
    ] as const) {
      assertRefused(kq, change, error, reason)
      assert.deepEqual([...kq.knotes()], [])
    }
    kq.close()
    assertRefused(kq, EV_SET(99, -200, EV_ADD | both), EBADF, /closed/)
  })

  it('answers ENOENT for every action on what is not there', () => {
    const { kq } = withFile()
    for (const flags of [0, EV_DELETE, EV_ENABLE, EV_DISABLE, EV_KEEPUDATA]) {
      assert.equal(errno(kq, EV_SET(1, EVFILT_USER, flags)), ENOENT)
    }
    assert.equal(errno(kq, EV_SET(1, EVFILT_USER, 0, NOTE_TRIGGER)), ENOENT)
  })

  it('refuses a queue that watches itself, for whatever filter', () => {
    const { kernel, kq } = withFile()
    const fd = kernel.open(kq)
    for (const filter of [EVFILT_READ, EVFILT_WRITE]) {
      for (const flags of [EV_ADD, EV_DELETE]) {
        assertRefused(kq, EV_SET(fd, filter, flags), EINVAL, /itself/)
      }
    }
  })

  it('passes on what attach throws or answers and leaves nothing behind', () => {
    const { kernel, kq, attached } = machine({
      attach: (kn) => (kn.ident === 1 ? refuse(EPERM, 'not you') : ESRCH),
      detach() {},
    })
    assertRefused(kq, EV_SET(1, MINE, EV_ADD), EPERM, /^not you$/)
    assertRefused(kq, EV_SET(2, MINE, EV_ADD), ESRCH, /^$/)
    assert.equal(kq.find(1, MINE), undefined)
    assert.equal(attached.size, 0)
    kernel.filters.remove(MINE)
  })

  it('leaves nothing behind of a knote that became active before attach refused it', () => {
    const { kq } = machine({
      attach(kn) {
        kn.activate()
        return EPERM
      },
    })
    assert.equal(errno(kq, EV_SET(1, MINE, EV_ADD)), EPERM)
    assertSound(kq)
    assert.deepEqual(pending(kq), [])
  })

  it('does not hear of flags of the system', () => {
    const { kq } = withFile()
    kevent(kq, [EV_SET(1, EVFILT_USER, EV_ADD | EV_SYSFLAGS, NOTE_TRIGGER)])
    const [event] = kevent(kq, [], 1)
    assert.equal(event!.flags & EV_SYSFLAGS, 0)
    assert.deepEqual(pending(kq), [1])
  })

  it('tells knotes of the same ident apart by their filter', () => {
    const { kq } = withFile()
    kevent(kq, [EV_SET(1, EVFILT_USER, EV_ADD), EV_SET(1, EVFILT_TIMER, EV_ADD, 0, 5)])
    kevent(kq, [EV_SET(1, EVFILT_TIMER, EV_DELETE)])
    assert.ok(kq.find(1, EVFILT_USER))
    assert.equal(kq.find(1, EVFILT_TIMER), undefined)
  })

  it('lists each knote once, those of a filter together', () => {
    const { kq } = withFile()
    const add = (ident: number, filter: number) => EV_SET(ident, filter, EV_ADD, 0, 5)
    kevent(kq, [add(3, EVFILT_USER), add(9, EVFILT_TIMER), add(1, EVFILT_USER)])
    kevent(kq, [add(3, EVFILT_USER), add(-7, EVFILT_USER), add(2 ** 53 - 1, EVFILT_USER)])
    const listed = [...kq.knotes()].map((kn) => [kn.filter, kn.ident] as const)
    assert.deepEqual(
      listed.map(([filter]) => filter),
      [EVFILT_USER, EVFILT_USER, EVFILT_USER, EVFILT_USER, EVFILT_TIMER],
    )
    assert.deepEqual(
      listed.map(([, ident]) => ident).sort((a, b) => a - b),
      [-7, 1, 3, 9, 2 ** 53 - 1],
    )
  })

  it('finds every ident that a number can be', () => {
    const { kq } = withFile()
    const idents = [0, 1, 65535, 65536, 2 ** 31, 2 ** 32, 2 ** 53 - 1].flatMap((i) => [i, -i - 1])
    for (const ident of idents) kevent(kq, [EV_SET(ident, EVFILT_USER, EV_ADD)])
    for (const ident of idents) {
      kevent(kq, [EV_SET(ident, EVFILT_USER, 0, NOTE_TRIGGER)])
      assert.deepEqual(pending(kq), [ident])
      kevent(kq, [EV_SET(ident, EVFILT_USER, EV_DELETE)])
    }
    assert.deepEqual([...kq.knotes()], [])
  })

  it('drops the knotes of a descriptor whose file says that it is gone', () => {
    const { kq, file, fd } = withFile()
    kevent(kq, [EV_SET(fd, EVFILT_READ, EV_ADD)])
    assert.deepEqual(pending(kq), [fd])
    file.list.clear()
    assert.deepEqual(pending(kq), [])
    assert.equal(kq.find(fd, EVFILT_READ), undefined)
    assertSound(kq)
  })
})

describe('A queue', () => {
  it('costs what its events cost, whatever their numbers', () => {
    const { kernel } = withFile()
    const listing = (ident: number): number => {
      const kq = kernel.kqueue()
      kevent(kq, [EV_SET(ident, EVFILT_USER, EV_ADD)])
      const start = performance.now()
      for (let i = 0; i < 300; i++) for (const kn of kq.knotes()) assert.equal(kn.ident, ident)
      kq.close()
      return performance.now() - start
    }
    // The best of some: others may have taken the processor in between.
    const best = (ident: number): number =>
      Math.min(...Array.from({ length: 7 }, () => listing(ident)))
    const small = best(1)
    for (const ident of [60_000, 2 ** 40]) {
      const ms = best(ident)
      assert.ok(ms < 20 * small + 50, `${ms} ms for ${ident}, ${small} ms for 1`)
    }
  })
})

describe('applyChanges', () => {
  const user = (ident: number, flags: number) => EV_SET(ident, EVFILT_USER, flags)

  it('skips filter 0, whatever else the change says', () => {
    const { kq } = withFile()
    const nothing = EV_SET(99, 0, EV_DELETE | EV_RECEIPT)
    assert.deepEqual(kevent(kq, [nothing, user(1, EV_ADD), nothing], 8), [])
    assert.ok(kq.find(1, EVFILT_USER))
  })

  it('answers failures and receipts in order while there is room', () => {
    const { kq } = withFile()
    const answers = kevent(
      kq,
      [user(1, EV_DELETE), user(2, EV_ADD | EV_RECEIPT), user(3, EV_ADD), user(4, EV_DELETE)],
      3,
    )
    assert.deepEqual(
      answers.map(({ ident, flags, data }) => [ident, flags, data]),
      [
        [1, EV_ERROR, ENOENT],
        [2, EV_ERROR, 0],
        [4, EV_ERROR, ENOENT],
      ],
    )
  })

  it('throws the failure for which there is no room, with the change and its place', () => {
    const { kq } = withFile()
    const udata = {}
    const changes = [
      user(1, EV_DELETE),
      user(2, EV_ADD),
      EV_SET(3, EVFILT_USER, EV_DELETE, 4, 5, udata),
      user(6, EV_ADD),
    ]
    const sink = new EventArray()
    assert.throws(
      () => applyChanges(kq, changes, changes.length, sink, 1),
      (error) => {
        assert.ok(error instanceof KqueueError)
        assert.equal(error.code, 'ENOENT')
        assert.equal(error.index, 2)
        assert.deepEqual(error.change, changes[2])
        assert.equal(error.change!.udata, udata)
        assert.match(error.message, /ident 3.*changelist\[2\]/)
        return true
      },
    )
    assert.deepEqual(
      sink.events.map(({ ident }) => ident),
      [1],
    )
    assert.ok(kq.find(2, EVFILT_USER), 'the changes before it are applied')
    assert.equal(kq.find(6, EVFILT_USER), undefined, 'those after it are not')
  })

  it('goes on after a receipt for which there is no room', () => {
    const { kq } = withFile()
    assert.deepEqual(kevent(kq, [user(1, EV_ADD | EV_RECEIPT), user(2, EV_ADD)]), [])
    assert.ok(kq.find(2, EVFILT_USER))
  })

  it('drains nothing when it has answered anything', () => {
    const { kq } = withFile()
    kevent(kq, [EV_SET(1, EVFILT_USER, EV_ADD, NOTE_TRIGGER)])
    const events = kevent(kq, [user(2, EV_ADD | EV_RECEIPT)], 8)
    assert.deepEqual(
      events.map(({ ident }) => ident),
      [2],
    )
    assert.deepEqual(pending(kq), [1])
  })
})

describe('A filter with modify', () => {
  it('hears of a change before it is taken, and can refuse it', () => {
    const kernel = new TinyKernel()
    const kq = kernel.kqueue()
    const list = new Knlist()
    const heard: [number, number, unknown][] = []
    const modify = (kn: Knote, kev: Kevent): number => {
      heard.push([kn.sfflags, kev.fflags, kn.udata])
      return kev.fflags === 3 ? EPERM : 0
    }
    const fd = kernel.open({
      kqfilter(kn) {
        kn.ops = { ...filterOn(list, { isFd: true }), modify }
        return kn.ops.attach(kn)
      },
    })
    const change = (flags: number, fflags: number, udata: unknown): number =>
      errno(kq, EV_SET(fd, EVFILT_READ, flags, fflags, 0, udata))
    assert.equal(change(EV_ADD, 1, 'first'), 0)
    assert.equal(change(EV_ADD, 2, 'second'), 0)
    assert.equal(change(EV_DISABLE, 3, 'third'), EPERM)
    assert.deepEqual(heard, [
      [1, 2, 'first'],
      [2, 3, 'second'],
    ])
    const kn = kq.find(fd, EVFILT_READ)!
    assert.deepEqual([kn.sfflags, kn.udata], [2, 'second'])
    assert.equal(change(EV_DELETE, 3, null), 0)
    assertSound(kq)
  })
})
