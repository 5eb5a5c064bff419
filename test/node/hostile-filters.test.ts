/** Filters of the program that close, throw and call back while queues are waited for. */
import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import {
  EV_ADD,
  EV_DELETE,
  EV_SET,
  type FilterOps,
  Knlist,
  type Kqueue,
  kqueue,
  kqueue_add_filteropts,
  kqueue_del_filteropts,
} from 'kqueue'
import type { Cases } from '../programs/filters.js'
import { casesOf, descriptors, run } from './processes.js'
import { assertWorks, cleanUp, fired, idents, pending, queue } from './queues.js'

cleanUp()

const filters = casesOf<Cases>('filters')

/** Each test adds a filter with a number of its own, for some cannot be removed again. */
let filter = -1000
const add = (ident: number, flags = 0) => EV_SET(ident, filter, EV_ADD | flags)

function added(more: Partial<FilterOps> = {}): Knlist {
  const list = new Knlist()
  filter--
  kqueue_add_filteropts(filter, {
    isFd: false,
    attach(kn) {
      list.add(kn)
      return 0
    },
    detach: (kn) => list.remove(kn),
    event: () => true,
    ...more,
  })
  return list
}

afterEach(() => {
  try {
    kqueue_del_filteropts(filter)
  } catch {}
})

/** A queue with knote 1 whose filter, once armed, closes it. */
function closing(): Kqueue {
  const kq = queue()
  let armed = false
  added({
    event() {
      if (armed) kq.close()
      return true
    },
  })
  kq.kevent([add(1)])
  armed = true
  return kq
}

describe('A filter that closes its queue while it is asked', () => {
  it('ends a kevent that would block, with EBADF', () => {
    const kq = closing()
    assert.throws(() => kq.kevent([], 1, 200), { code: 'EBADF' })
  })

  it('ends a kevent that would block for ever', () => {
    const { stdout } = run(filters('closes its queue while it is asked'))
    assert.equal(stdout, 'EBADF\n')
  })

  it('ends a wait that begins, with EBADF', async () => {
    await assert.rejects(closing().wait({ timeout: 200 }), { code: 'EBADF' })
  })

  it('ends a wait that is served, with EBADF', async () => {
    const kq = queue()
    let armed = false
    const list = added({
      event(_kn, hint) {
        if (armed && hint === 0) kq.close()
        return armed
      },
    })
    kq.kevent([add(1)])
    const waits = [kq.wait({ timeout: 500 }), kq.wait({ timeout: 500 })]
    armed = true
    list.note(1)
    for (const waiting of waits) await assert.rejects(waiting, { code: 'EBADF' })
  })
})

describe('A filter that closes its queue while it attaches', () => {
  it('is detached, and can be removed', () => {
    const kq = queue()
    let detached = 0
    added({
      attach() {
        kq.close()
        return 0
      },
      detach: () => detached++,
    })
    try {
      kq.kevent([add(1)])
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EBADF')
    }
    assert.equal(detached, 1)
    kqueue_del_filteropts(filter)
  })
})

describe('A filter that throws', () => {
  it('while a wait is served rejects that wait and nothing else', () => {
    const { status, stdout, stderr } = run(filters('throws while a wait is served'))
    assert.deepEqual([status, stdout, stderr], [0, 'broken filter 1\n', ''])
  })

  it('does not keep a queue from being closed, nor its descriptor from being free', () => {
    added({
      detach() {
        throw new Error('broken filter')
      },
    })
    const before = descriptors()
    const kq = kqueue()
    kq.kevent([add(1), add(2)])
    try {
      kq.close()
    } catch (error) {
      assert.match(String(error), /broken filter/)
    }
    kq.close()
    assert.ok(descriptors() <= before)
    assert.throws(() => kq.kevent(), { code: 'EBADF' })
  })

  it('leaves the other events of its queue to be reported', () => {
    const kq = queue()
    let broken = false
    added({
      event() {
        if (broken) throw new Error('broken filter')
        return true
      },
    })
    kq.kevent([add(1), fired(2), fired(3)])
    broken = true
    const seen: number[] = []
    for (let call = 0; call < 6; call++) {
      try {
        seen.push(...pending(kq))
      } catch (error) {
        assert.match(String(error), /broken filter/)
      }
    }
    assert.deepEqual(seen, [2, 3])
  })

  it('does not disturb other queues', async () => {
    const kq = queue()
    const other = queue()
    let broken = false
    added({
      event() {
        if (broken) throw new Error('broken filter')
        return true
      },
    })
    kq.kevent([add(1)])
    broken = true
    assert.throws(() => kq.kevent([], 1, 0), /broken filter/)
    await assert.rejects(kq.wait(), /broken filter/)
    assertWorks(other)
    assert.deepEqual(idents(await other.wait({ changelist: [fired(1)] })), [1])
    kq.kevent([EV_SET(1, filter, EV_DELETE)])
    assertWorks(kq)
  })
})

describe('A filter that calls kevent on its queue while it is asked', () => {
  it('lets every event be handed out once a call', () => {
    const kq = queue()
    let inside = true
    added({
      event() {
        if (!inside) {
          inside = true
          kq.kevent([], 8, 0)
          inside = false
        }
        return true
      },
    })
    kq.kevent([add(1), add(2), add(3)])
    inside = false
    const events = idents(kq.kevent([], 64, 0))
    assert.equal(new Set(events).size, events.length, `handed out: ${events}`)
  })
})
