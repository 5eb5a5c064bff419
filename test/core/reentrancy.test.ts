/**
 * Filters that work on queues from within attach, touch, event and detach: the
 * queue stays sound, and nothing is attached without being detached once.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_ONESHOT,
  EV_SET,
  EVENT_PROCESS,
  EVENT_REGISTER,
  type FilterOps,
  type Kevent,
  type Knote,
  type Kqueue,
} from 'kqueue/core'
import { assertSound, kevent, MINE, machine, pending } from './tiny.js'

const add = (ident: number, flags = 0) => EV_SET(ident, MINE, EV_ADD | flags)
const remove = (ident: number) => EV_SET(ident, MINE, EV_DELETE)

type Method = 'attach' | 'touch' | 'event' | 'detach'
type Machine = ReturnType<typeof machine>

/** A machine whose filter does `act` once, in `method`, for ident 1, when it is armed. */
function acting(method: Method, act: (m: Machine, kn: Knote) => void) {
  const state = { armed: false }
  const strike = (on: Method, kn: Knote): void => {
    if (!state.armed || on !== method || kn.ident !== 1) return
    state.armed = false
    act(m, kn)
  }
  const ops: Partial<FilterOps> = {
    attach(kn) {
      m.list.add(kn)
      strike('attach', kn)
      return 0
    },
    detach(kn) {
      m.list.remove(kn)
      strike('detach', kn)
    },
    event(kn) {
      strike('event', kn)
      return true
    },
  }
  if (method === 'touch') {
    ops.touch = (kn, kev, type) => {
      strike('touch', kn)
      if (type === EVENT_PROCESS) copyOut(kn, kev)
      else kn.sdata = kev.data
      return 0
    }
  }
  const m: Machine = machine(ops)
  return { m, state }
}

function copyOut(kn: Knote, kev: Kevent): void {
  const { ident, filter, flags, fflags, data, udata } = kn
  Object.assign(kev, { ident, filter, flags, fflags, data, udata })
}

/** How each method comes to be called for ident 1, with 2 and 3 around it. */
const ways: Record<string, [Method, (kq: Kqueue) => void]> = {
  'attach, when it is added': ['attach', (kq) => kevent(kq, [add(1)])],
  'event, when it is added': ['event', (kq) => kevent(kq, [add(1)])],
  'event, when it is noted': ['event', (kq) => kq.find(1, MINE)!.list!.note(1)],
  'event, when it is scanned': ['event', (kq) => pending(kq)],
  'touch, when it is modified': ['touch', (kq) => kevent(kq, [EV_SET(1, MINE, 0)])],
  'touch, when it is handed out': ['touch', (kq) => pending(kq)],
  'detach, when it is deleted': ['detach', (kq) => kevent(kq, [remove(1)])],
}

const acts: Record<string, (m: Machine) => void> = {
  'deletes itself': ({ kq }) => {
    if (kq.find(1, MINE)) kevent(kq, [remove(1)])
  },
  'deletes the others': ({ kq }) => kevent(kq, [remove(2), remove(3)]),
  'deletes all': ({ kq }) =>
    kevent(
      kq,
      [...kq.knotes()].map((kn) => remove(kn.ident)),
    ),
  'disables itself': ({ kq }) => {
    if (kq.find(1, MINE)) kevent(kq, [EV_SET(1, MINE, EV_DISABLE)])
  },
  'adds itself again': ({ kq }) => kevent(kq, [add(1)]),
  'deletes itself and adds itself again': ({ kq }) => {
    if (kq.find(1, MINE)) kevent(kq, [remove(1)])
    kevent(kq, [add(1)])
  },
  'registers others': ({ kq }) =>
    kevent(
      kq,
      [4, 5, 6].map((ident) => add(ident)),
    ),
  'notes its list': ({ list }) => list.note(1),
  'takes events from its queue': ({ kq }) => pending(kq),
  'closes its queue': ({ kq }) => kq.close(),
}

describe('A filter may work on its queue', () => {
  for (const [way, [method, call]] of Object.entries(ways)) {
    for (const [what, act] of Object.entries(acts)) {
      it(`${what} in ${way}`, () => {
        const { m, state } = acting(method, act)
        kevent(m.kq, [add(2), add(3)])
        if (!way.endsWith('added')) kevent(m.kq, [add(1)])
        state.armed = true
        call(m.kq)
        assert.equal(state.armed, false, 'the filter acted')
        assertSound(m.kq)
        for (const kn of m.kq.knotes()) assert.ok(m.attached.has(kn), `${kn.ident} is attached`)
        assert.equal(m.attached.size, [...m.kq.knotes()].length, 'attached and not detached')
        m.kq.close()
        assertSound(m.kq)
        assert.equal(m.attached.size, 0, 'the end detaches all')
        m.kernel.filters.remove(MINE)
      })
    }
  }
})

describe('A filter that works on its queue while it is scanned', () => {
  const scanned = (act: (m: Machine) => void, flags = 0) => {
    const { m, state } = acting('event', act)
    kevent(
      m.kq,
      [1, 2, 3].map((ident) => add(ident, flags)),
    )
    state.armed = true
    return m
  }

  it('is not reported when it deletes itself', () => {
    const { kq } = scanned(({ kq }) => kevent(kq, [remove(1)]))
    assert.deepEqual(pending(kq), [2, 3])
  })

  it('is not reported when it disables itself', () => {
    const { kq } = scanned(({ kq }) => kevent(kq, [EV_SET(1, MINE, EV_DISABLE)]))
    assert.deepEqual(pending(kq), [2, 3])
  })

  it('keeps others from being reported by deleting them', () => {
    const { kq } = scanned(({ kq }) => kevent(kq, [remove(2)]))
    assert.deepEqual(pending(kq), [1, 3])
  })

  it('may add others, which are reported in the same call or the next', () => {
    const { kq } = scanned(({ kq }) => kevent(kq, [add(4, EV_CLEAR)]), EV_CLEAR)
    assert.deepEqual([...pending(kq), ...pending(kq)].sort(), [1, 2, 3, 4])
  })

  it('ends the scan when it closes the queue', () => {
    const { kq } = scanned(({ kq }) => kq.close())
    assert.deepEqual(kevent(kq, [], 0), [])
    assert.equal(kq.closed, false)
    kq.scan({ put: () => assert.fail('nothing is handed out') }, 8)
    assert.equal(kq.closed, true)
  })

  it('gives the inner call one-shot events that the outer one then does not get', () => {
    const inner: number[] = []
    const { kq } = scanned(({ kq }) => inner.push(...pending(kq)), EV_ONESHOT)
    const outer = pending(kq)
    assert.deepEqual([...inner, ...outer].sort(), [1, 2, 3])
  })

  it('visits no knote twice in a call, even when filters take events themselves', () => {
    let inside = false
    const m = machine({
      event() {
        if (armed && !inside) {
          inside = true
          pending(m.kq)
          inside = false
        }
        return true
      },
    })
    let armed = false
    kevent(
      m.kq,
      [1, 2, 3].map((ident) => add(ident)),
    )
    armed = true
    const idents = pending(m.kq, 64)
    assert.equal(new Set(idents).size, idents.length, `handed out: ${idents}`)
  })
})

describe('A filter that attaches', () => {
  it('may register the same event itself; there is one knote in the end', () => {
    let first = true
    const m = machine({
      attach(kn) {
        m.list.add(kn)
        if (first) {
          first = false
          kevent(m.kq, [add(1)])
        }
        return 0
      },
    })
    try {
      kevent(m.kq, [add(1)])
    } catch (error) {
      assert.match(String(error), /^KqueueError: E/)
    }
    assert.equal(m.attached.size, [...m.kq.knotes()].length)
    kevent(m.kq, [remove(1)])
    assert.equal(m.attached.size, 0)
    m.kernel.filters.remove(MINE)
  })

  it('may not be removed from the table meanwhile', () => {
    const m = machine({
      attach(kn) {
        m.list.add(kn)
        m.kernel.filters.remove(MINE)
        return 0
      },
    })
    try {
      kevent(m.kq, [add(1)])
    } catch {}
    for (const kn of m.kq.knotes()) assert.ok(m.kernel.filters.find(kn.filter))
  })
})

describe('touch', () => {
  it('sees changes to an existing knote, and what is handed out', () => {
    const types: number[] = []
    const { kq } = machine({
      touch(kn, kev, type) {
        types.push(type)
        if (type === EVENT_PROCESS) copyOut(kn, kev)
        return 0
      },
    })
    kevent(kq, [add(1)])
    assert.deepEqual(types, [])
    kevent(kq, [EV_SET(1, MINE, 0, 7, 8)])
    assert.deepEqual(types, [EVENT_REGISTER])
    assert.equal(kq.find(1, MINE)!.sfflags, 0, 'what it does not take is not taken')
    assert.deepEqual(pending(kq), [1])
    assert.deepEqual(types, [EVENT_REGISTER, EVENT_PROCESS])
  })

  it('says by an errno that a change is refused, and the event goes on as it was', () => {
    const { kq } = machine({
      touch(kn, kev, type) {
        if (type === EVENT_REGISTER) return 22
        copyOut(kn, kev)
        return 0
      },
    })
    kevent(kq, [EV_SET(1, MINE, EV_ADD, 0, 0, 'first')])
    assert.throws(() => kevent(kq, [EV_SET(1, MINE, EV_DISABLE, 0, 0, 'second')]), {
      code: 'EINVAL',
    })
    assert.deepEqual(
      kevent(kq, [], 1).map(({ udata }) => udata),
      ['first'],
    )
  })
})
