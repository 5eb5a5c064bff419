/**
 * Filters that throw: the error reaches who called, the queue stays sound, and
 * the other events are neither lost nor kept back.
 */
import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { describe, it } from 'node:test'
import {
  EV_ADD,
  EV_DELETE,
  EV_DISABLE,
  EV_ERROR,
  EV_ONESHOT,
  EV_SET,
  EVENT_PROCESS,
  EVENT_REGISTER,
  EVFILT_READ,
  EVFILT_USER,
  EventArray,
  type FilterOps,
  type Kqueue,
  KqueueError,
  NOTE_TRIGGER,
} from 'kqueue/core'
import { assertSound, kevent, MINE, machine, pending, TinyKernel } from './tiny.js'

const { ENOSPC } = constants.errno

const add = (ident: number, flags = 0) => EV_SET(ident, MINE, EV_ADD | flags)
const remove = (ident: number) => EV_SET(ident, MINE, EV_DELETE)
const BROKEN = /^Error: broken filter$/

/** Calls until the error of the broken filter comes: what was handed out before it. */
function untilBroken(kq: Kqueue): number[] {
  const seen: number[] = []
  for (let call = 0; call < 4; call++) {
    try {
      seen.push(...pending(kq))
    } catch (error) {
      assert.match(String(error), BROKEN)
      return seen
    }
  }
  assert.fail('the error never came')
}

/** Knotes 1, 2 and 3; the filter throws for 2 while it is broken. */
function breaking(ops: (fail: (ident: number) => void) => Partial<FilterOps>) {
  const state = { broken: false }
  const m = machine(
    ops((ident) => {
      if (state.broken && ident === 2) throw new Error('broken filter')
    }),
  )
  return { ...m, state }
}

describe('A filter that throws in attach', () => {
  const broken = () =>
    breaking((fail) => ({
      attach(kn) {
        fail(kn.ident)
        return 0
      },
      detach() {},
    }))

  it('leaves nothing behind, with the changes before it applied and those after it not', () => {
    const { kernel, kq, state } = broken()
    state.broken = true
    assert.throws(() => kevent(kq, [add(1), add(2), add(3)]), BROKEN)
    assert.deepEqual(
      [...kq.knotes()].map(({ ident }) => ident),
      [1],
    )
    assertSound(kq)
    kevent(kq, [remove(1)])
    kernel.filters.remove(MINE)
  })

  it('refuses the change by a KqueueError, as by an errno, with its reason', () => {
    const m = machine({
      attach() {
        throw new KqueueError(ENOSPC, 'inner', { reason: 'the shelf is full' })
      },
      detach() {},
    })
    const [answer] = kevent(m.kq, [add(2)], 1)
    assert.deepEqual([answer?.flags, answer?.data], [EV_ERROR, ENOSPC])
    assert.throws(() => kevent(m.kq, [add(1), add(2)]), {
      code: 'ENOSPC',
      syscall: 'kevent',
      reason: 'the shelf is full',
      index: 0,
    })
    assertSound(m.kq)
    m.kernel.filters.remove(MINE)
  })

  it('can be added when it has recovered', () => {
    const { kq, state } = broken()
    state.broken = true
    assert.throws(() => kevent(kq, [add(2)]), BROKEN)
    state.broken = false
    kevent(kq, [add(2)])
    assert.deepEqual(pending(kq), [2])
  })
})

describe('A filter that throws in event', () => {
  const broken = (flags = 0) => {
    const m = breaking((fail) => ({
      event(kn) {
        fail(kn.ident)
        return true
      },
    }))
    kevent(m.kq, [add(1, flags), add(2, flags), add(3, flags)])
    return m
  }

  it('leaves a sound queue when it is scanned, noted or added', () => {
    const { kq, list, state } = broken()
    state.broken = true
    assert.deepEqual(untilBroken(kq), [1])
    assertSound(kq)
    assert.throws(() => list.note(1), BROKEN)
    assertSound(kq)
    assert.throws(() => kevent(kq, [add(2)]), BROKEN)
    assertSound(kq)
    state.broken = false
    assert.deepEqual(pending(kq).sort(), [1, 2, 3])
  })

  it('does not keep the others from being reported, sooner or later', () => {
    const { kq, state } = broken()
    state.broken = true
    const seen = new Set<number>()
    for (let call = 0; call < 8; call++) {
      try {
        for (const ident of pending(kq, 4)) seen.add(ident)
      } catch (error) {
        assert.match(String(error), BROKEN)
      }
    }
    assert.deepEqual([...seen].sort(), [1, 3])
  })

  it('loses no one-shot event that was handed out before it in the same call', () => {
    const { kq, state } = broken(EV_ONESHOT)
    state.broken = true
    const seen = untilBroken(kq)
    state.broken = false
    assert.deepEqual([...seen, ...pending(kq)].sort(), [1, 2, 3])
  })

  it('does not keep a note from the others on its list', () => {
    const noted: number[] = []
    let throws = false
    const m = machine({
      event(kn, hint) {
        if (throws && kn.ident === 2) throw new Error('broken filter')
        if (hint !== 0) noted.push(kn.ident)
        return false
      },
    })
    kevent(m.kq, [add(1), add(2), add(3)])
    throws = true
    assert.throws(() => m.list.note(1), BROKEN)
    assert.deepEqual(noted.sort(), [1, 3])
  })

  it('can be deleted', () => {
    const { kq, state, attached } = broken()
    state.broken = true
    kevent(kq, [remove(2)])
    assert.deepEqual(pending(kq), [1, 3])
    assert.equal(attached.size, 2)
  })
})

describe('A filter that throws in touch', () => {
  it('refuses the change by a KqueueError, as by an errno', () => {
    const m = machine({
      touch() {
        throw new KqueueError(ENOSPC, 'inner', { reason: 'the shelf is full' })
      },
    })
    kevent(m.kq, [EV_SET(2, MINE, EV_ADD | EV_DISABLE)])
    const [answer] = kevent(m.kq, [add(2)], 1)
    assert.deepEqual([answer?.flags, answer?.data], [EV_ERROR, ENOSPC])
    assertSound(m.kq)
  })

  it('refuses the change, and the event stays as it was', () => {
    const { kq, state } = breaking((fail) => ({
      touch(kn, kev, type) {
        if (type === EVENT_REGISTER) fail(kn.ident)
        else Object.assign(kev, { ident: kn.ident, udata: kn.udata })
        return 0
      },
    }))
    kevent(kq, [EV_SET(2, MINE, EV_ADD, 0, 0, 'first')])
    state.broken = true
    assert.throws(() => kevent(kq, [EV_SET(2, MINE, 0, 0, 0, 'second')]), BROKEN)
    assertSound(kq)
    assert.deepEqual(
      kevent(kq, [], 1).map(({ ident, udata }) => [ident, udata]),
      [[2, 'first']],
    )
  })

  it('leaves a sound queue when it is handed out', () => {
    const { kq, state } = breaking((fail) => ({
      touch(kn, kev, type) {
        if (type === EVENT_PROCESS) fail(kn.ident)
        Object.assign(kev, { ident: kn.ident })
        return 0
      },
    }))
    kevent(kq, [add(1), add(2), add(3)])
    state.broken = true
    assert.deepEqual(untilBroken(kq), [1])
    assertSound(kq)
    state.broken = false
    assert.deepEqual(pending(kq).sort(), [1, 2, 3])
  })
})

describe('A filter that throws in detach', () => {
  const broken = (flags = 0) => {
    const m = breaking((fail) => ({ detach: (kn) => fail(kn.ident) }))
    kevent(m.kq, [add(1, flags), add(2, flags), add(3, flags)])
    m.state.broken = true
    return m
  }

  it('is gone all the same when it is deleted', () => {
    const { kq } = broken()
    assert.throws(() => kevent(kq, [remove(2)]), BROKEN)
    assertSound(kq)
    assert.equal(kq.find(2, MINE), undefined)
    assert.deepEqual(pending(kq), [1, 3])
  })

  it('is handed out once when it is one-shot', () => {
    const { kq, state } = broken(EV_ONESHOT)
    const seen: number[] = []
    for (let call = 0; call < 4; call++) {
      const sink = new EventArray()
      try {
        kq.scan(sink, 8)
      } catch (error) {
        assert.match(String(error), BROKEN)
      }
      seen.push(...sink.events.map(({ ident }) => ident))
    }
    state.broken = false
    seen.push(...pending(kq))
    assert.deepEqual(seen.sort(), [1, 2, 3])
    assertSound(kq)
  })

  it('does not keep close from detaching the others and the number of its filter from being free', () => {
    const { kernel, kq, attached } = broken()
    try {
      kq.close()
    } catch (error) {
      assert.match(String(error), BROKEN)
    }
    assert.equal(kq.closed, true)
    assert.equal(attached.size, 0)
    assertSound(kq)
    kernel.filters.remove(MINE)
  })

  it('does not keep the list of an object from being cleared', () => {
    const { kq, list } = broken()
    try {
      list.clear()
    } catch (error) {
      assert.match(String(error), BROKEN)
    }
    assert.deepEqual([...kq.knotes()], [])
    assertSound(kq)
  })
})

describe('A filter that answers what is no errno', () => {
  for (const [what, answer] of [
    ['nothing', undefined],
    ['a promise', Promise.resolve(0)],
    ['NaN', Number.NaN],
    ['a string', 'EINVAL'],
    ['a negative errno', -22],
  ] as const) {
    it(`is refused with an error that names the fault, when attach answers ${what}`, () => {
      const { kq } = machine({ attach: () => answer as number, detach() {} })
      assert.throws(
        () => kevent(kq, [add(1)]),
        (error: Error & { code?: unknown }) => {
          assert.doesNotMatch(error.message, /undefined|NaN|\[object|E-|EEINVAL/)
          return true
        },
      )
      assertSound(kq)
    })
  }
})

describe('A kernel that throws when it is to wake who waits', () => {
  it('does not deafen queues that watch others', () => {
    const kernel = new TinyKernel()
    const inner = kernel.kqueue()
    const outer = kernel.kqueue()
    kevent(outer, [EV_SET(kernel.open(inner), EVFILT_READ, EV_ADD)])
    kevent(inner, [EV_SET(1, EVFILT_USER, EV_ADD), EV_SET(2, EVFILT_USER, EV_ADD)])
    let broken = true
    kernel.wakeup = (kq) => {
      if (broken && kq === outer) throw new Error('broken kernel')
    }
    const trigger = (ident: number) => kevent(inner, [EV_SET(ident, EVFILT_USER, 0, NOTE_TRIGGER)])
    assert.throws(() => trigger(1), /broken kernel/)
    broken = false
    pending(outer)
    kevent(inner, [EV_SET(1, EVFILT_USER, EV_DELETE)])
    pending(outer)
    trigger(2)
    assert.equal(pending(outer).length, 1)
  })
})
