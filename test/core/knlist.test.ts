/** Knlist: telling the knotes of an object that something happened. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  EV_ADD,
  EV_DELETE,
  EV_DISABLE,
  EV_SET,
  type FilterOps,
  Knlist,
  type Knote,
} from 'kqueue/core'
import { assertSound, filterOn, kevent, MINE, machine, pending, TinyKernel } from './tiny.js'

const add = (ident: number, flags = 0) => EV_SET(ident, MINE, EV_ADD | flags)
const remove = (ident: number) => EV_SET(ident, MINE, EV_DELETE)

/** Knotes 1 to `n` on a list, not active; `told` is called for each hint. */
function listOf(n: number, told: (kn: Knote, hint: number) => boolean) {
  const m = machine({ event: (kn, hint) => hint !== 0 && told(kn, hint) })
  kevent(
    m.kq,
    Array.from({ length: n }, (_, i) => add(i + 1)),
  )
  return m
}

const queued = ({ kq }: { kq: { first: Knote | null } }): number[] => {
  const idents: number[] = []
  for (let kn = kq.first; kn !== null; kn = kn.queueNext) idents.push(kn.ident)
  return idents
}

describe('Knlist', () => {
  it('is empty until a knote is added and after the last one is removed', () => {
    const { kq, list } = machine({ event: () => false })
    assert.equal(list.empty, true)
    kevent(kq, [add(1), add(2)])
    assert.equal(list.empty, false)
    kevent(kq, [remove(1)])
    assert.equal(list.empty, false)
    kevent(kq, [remove(2)])
    assert.equal(list.empty, true)
  })

  it('asks every knote once, newest first, with the hint', () => {
    const asked: [number, number][] = []
    const m = listOf(3, (kn, hint) => asked.push([kn.ident, hint]) > 0)
    m.list.note(7)
    assert.deepEqual(asked, [
      [3, 7],
      [2, 7],
      [1, 7],
    ])
  })

  it('activates those whose filter says yes and no others', () => {
    const m = listOf(4, (kn) => kn.ident % 2 === 0)
    m.list.note(1)
    assert.deepEqual(queued(m), [4, 2])
    assertSound(m.kq)
  })

  it('does nothing when it is empty', () => {
    assert.doesNotThrow(() => new Knlist().note(1))
    assert.doesNotThrow(() => new Knlist().clear())
  })

  for (const [what, victim] of [
    ['the one that is asked', 3],
    ['the next one', 2],
    ['one after the next', 1],
    ['one that was asked before', 4],
  ] as const) {
    it(`goes on when a filter removes ${what}`, () => {
      const asked: number[] = []
      const m = listOf(4, (kn) => {
        asked.push(kn.ident)
        if (kn.ident === 3) kevent(m.kq, [remove(victim)])
        return true
      })
      m.list.note(1)
      assert.deepEqual(
        asked,
        [4, 3, 2, 1].filter((ident) => ident >= 3 || ident !== victim),
      )
      assert.deepEqual(
        queued(m),
        [4, 3, 2, 1].filter((ident) => ident !== victim),
      )
      assertSound(m.kq)
    })
  }

  it('ends when a filter removes all knotes', () => {
    const asked: number[] = []
    const m = listOf(5, (kn) => {
      asked.push(kn.ident)
      if (kn.ident === 4) kevent(m.kq, [1, 2, 3, 4, 5].map(remove))
      return true
    })
    m.list.note(1)
    assert.deepEqual(asked, [5, 4])
    assert.equal(m.list.empty, true)
    assert.equal(m.kq.count, 0)
  })

  it('ends when a filter clears the list', () => {
    const asked: number[] = []
    const m = listOf(3, (kn) => {
      asked.push(kn.ident)
      m.list.clear()
      return true
    })
    m.list.note(1)
    assert.deepEqual(asked, [3])
    assert.deepEqual([...m.kq.knotes()], [])
    assertSound(m.kq)
  })

  it('does not ask a knote that is added while it is walked', () => {
    const asked: number[] = []
    const m = listOf(2, (kn) => {
      asked.push(kn.ident)
      if (kn.ident < 10) kevent(m.kq, [add(kn.ident + 10)])
      return true
    })
    m.list.note(1)
    assert.deepEqual(asked, [2, 1])
    asked.length = 0
    m.list.note(1)
    assert.deepEqual(asked, [11, 12, 2, 1])
  })

  it('can be noted again by a filter that it asks', () => {
    const asked: [number, number][] = []
    const m = listOf(2, (kn, hint) => {
      asked.push([kn.ident, hint])
      if (kn.ident === 2 && hint === 1) m.list.note(2)
      return true
    })
    m.list.note(1)
    assert.deepEqual(asked, [
      [2, 1],
      [2, 2],
      [1, 2],
      [1, 1],
    ])
    assertSound(m.kq)
  })

  it('goes on with every walk when the innermost removes what all come to next', () => {
    const asked: [number, number][] = []
    const m = listOf(4, (kn, hint) => {
      asked.push([kn.ident, hint])
      if (kn.ident === 4 && hint < 3) m.list.note(hint + 1)
      if (kn.ident === 4 && hint === 3) kevent(m.kq, [remove(3), remove(2)])
      return true
    })
    m.list.note(1)
    assert.deepEqual(asked, [
      [4, 1],
      [4, 2],
      [4, 3],
      [1, 3],
      [1, 2],
      [1, 1],
    ])
    assert.deepEqual(queued(m).sort(), [1, 4])
  })

  it('can be walked again after a filter threw', () => {
    let broken = true
    const m = listOf(3, (kn) => {
      if (broken && kn.ident === 2) throw new Error('broken filter')
      return true
    })
    assert.throws(() => m.list.note(1), /broken filter/)
    assertSound(m.kq)
    broken = false
    m.list.note(1)
    assert.deepEqual(queued(m).sort(), [1, 2, 3])
    kevent(m.kq, [2, 3].map(remove))
    assert.deepEqual(pending(m.kq), [])
  })

  it('holds knotes of several queues and drops all of them when its object goes', () => {
    const kernel = new TinyKernel()
    const list = new Knlist()
    let detached = 0
    const ops: Partial<FilterOps> = {
      detach(kn) {
        detached++
        list.remove(kn)
      },
    }
    kernel.filters.add(MINE, filterOn(list, ops))
    const one = kernel.kqueue()
    const two = kernel.kqueue()
    kevent(one, [add(1), add(2, EV_DISABLE)])
    kevent(two, [add(1)])
    list.clear()
    assert.equal(detached, 3)
    assert.equal(list.empty, true)
    for (const kq of [one, two]) {
      assert.deepEqual([...kq.knotes()], [])
      assert.deepEqual(pending(kq), [])
      assertSound(kq)
    }
  })

  it('lets a knote go even when its filter forgets to remove it', () => {
    const kernel = new TinyKernel()
    const list = new Knlist()
    kernel.filters.add(MINE, filterOn(list, { detach() {} }))
    const kq = kernel.kqueue()
    kevent(kq, [add(1), add(2)])
    list.clear()
    assert.equal(list.empty, true)
    assert.deepEqual([...kq.knotes()], [])
  })

  it('leaves alone a knote that is on another list', () => {
    const m = listOf(1, () => true)
    const kn = m.kq.find(1, MINE)!
    new Knlist().remove(kn)
    assert.equal(kn.list, m.list)
    m.list.remove(kn)
    m.list.remove(kn)
    assert.equal(kn.list, null)
    assert.equal(m.list.empty, true)
  })
})
