/** Queues that watch queues. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_RECEIPT,
  EV_SET,
  EVFILT_READ,
  EVFILT_USER,
  EVFILT_WRITE,
  type Kqueue,
  NOTE_TRIGGER,
} from 'kqueue/core'
import { assertSound, kevent, pending, TinyKernel } from './tiny.js'

/** Queues with descriptors. */
function queues(n: number) {
  const kernel = new TinyKernel()
  const all = Array.from({ length: n }, () => kernel.kqueue())
  const fds = all.map((kq) => kernel.open(kq))
  const watch = (watcher: number, watched: number, flags = 0): void => {
    kevent(all[watcher]!, [EV_SET(fds[watched]!, EVFILT_READ, EV_ADD | flags)])
  }
  return { kernel, all, fds, watch }
}

const trigger = (kq: Kqueue, ident = 1): void => {
  if (!kq.find(ident, EVFILT_USER)) kevent(kq, [EV_SET(ident, EVFILT_USER, EV_ADD | EV_CLEAR)])
  kevent(kq, [EV_SET(ident, EVFILT_USER, 0, NOTE_TRIGGER)])
}

describe('A queue that is watched', () => {
  it('is readable while events are pending in it, and says how many', () => {
    const { all, fds, watch } = queues(2)
    watch(1, 0)
    const data = () => kevent(all[1]!, [], 1)[0]?.data
    assert.equal(data(), undefined)
    trigger(all[0]!, 1)
    trigger(all[0]!, 2)
    assert.equal(data(), 2)
    assert.equal(data(), 2)
    pending(all[0]!, 1)
    assert.equal(data(), 1)
    pending(all[0]!, 1)
    assert.equal(data(), undefined)
    assert.deepEqual(kevent(all[1]!, [EV_SET(fds[0]!, EVFILT_READ, EV_DELETE)]), [])
  })

  it('is reported when events were pending before it was watched', () => {
    const { all, fds, watch } = queues(2)
    trigger(all[0]!)
    watch(1, 0)
    assert.deepEqual(pending(all[1]!), [fds[0]])
  })

  it('can be watched for reading only', () => {
    const { all, fds } = queues(2)
    assert.throws(() => kevent(all[1]!, [EV_SET(fds[0]!, EVFILT_WRITE, EV_ADD)]), {
      code: 'EINVAL',
      message: /EVFILT_READ/,
    })
    assertSound(all[1]!)
  })

  it('takes its watchers along when it is closed', () => {
    const { all, fds, watch } = queues(3)
    watch(1, 0)
    watch(2, 0)
    trigger(all[0]!)
    all[0]!.close()
    for (const kq of [all[1]!, all[2]!]) {
      assert.deepEqual([...kq.knotes()], [])
      assert.deepEqual(pending(kq), [])
      assertSound(kq)
    }
    assert.equal(all[0]!.closed, true)
    assert.ok(fds[0])
  })

  it('forgets a watcher that is closed', () => {
    const { all, watch } = queues(2)
    watch(1, 0)
    all[1]!.close()
    assert.equal(all[0]!.watchers.empty, true)
    trigger(all[0]!)
    assert.deepEqual(pending(all[0]!), [1])
  })

  it('wakes who waits for its watchers', () => {
    const { kernel, all, watch } = queues(3)
    watch(2, 1)
    watch(1, 0)
    trigger(all[0]!)
    assert.deepEqual(
      kernel.woken.map((kq) => all.indexOf(kq)),
      [0, 1, 2],
    )
  })

  it('does not wake a watcher that is disabled', () => {
    const { kernel, all, watch } = queues(2)
    watch(1, 0, EV_DISABLE)
    trigger(all[0]!)
    assert.deepEqual(kernel.woken, [all[0]])
    assert.deepEqual(pending(all[1]!), [])
  })
})

describe('Queues nested 10,000 deep', () => {
  const DEPTH = 10_000
  const tower = () => {
    const q = queues(DEPTH)
    // From the top, so that each queue is watched before it watches.
    for (let i = DEPTH - 1; i > 0; i--) q.watch(i, i - 1)
    return q
  }

  it('tell the topmost what happens in the lowest', () => {
    const { all, fds } = tower()
    trigger(all[0]!)
    assert.deepEqual(
      kevent(all[DEPTH - 1]!, [], 1).map(({ ident, data }) => [ident, data]),
      [[fds[DEPTH - 2], 1]],
    )
    for (let i = DEPTH - 1; i > 0; i--) assert.deepEqual(pending(all[i]!), [fds[i - 1]])
    assert.deepEqual(pending(all[0]!), [1])
    for (let i = 1; i < DEPTH; i++) assert.deepEqual(pending(all[i]!), [])
    trigger(all[0]!)
    assert.equal(all[DEPTH - 1]!.count, 1)
  })

  it('close from the bottom, from the top and from the middle', () => {
    for (const order of [(i: number) => i, (i: number) => DEPTH - 1 - i]) {
      const { all } = tower()
      trigger(all[0]!)
      all[DEPTH / 2]!.close()
      for (let i = 0; i < DEPTH; i++) all[order(i)]!.close()
      assert.ok(all.every((kq) => kq.closed && kq.count === 0))
    }
  })

  it('refuse to be closed to a ring', () => {
    const { all, fds } = tower()
    assert.throws(() => kevent(all[0]!, [EV_SET(fds[DEPTH - 1]!, EVFILT_READ, EV_ADD)]), {
      code: 'ELOOP',
    })
    assert.deepEqual([...all[0]!.knotes()], [])
    assert.equal(all[DEPTH - 1]!.watchers.empty, true)
  })

  it('can be built from the bottom as well, in time that grows with the square at most', () => {
    const HEIGHT = 700
    const q = queues(HEIGHT)
    const start = performance.now()
    for (let i = 1; i < HEIGHT; i++) q.watch(i, i - 1)
    const ms = performance.now() - start
    trigger(q.all[0]!)
    assert.equal(pending(q.all[HEIGHT - 1]!).length, 1)
    assert.ok(ms < 1500, `took ${ms} ms`)
  })
})

describe('A queue watched by 10,000 others', () => {
  it('tells all of them', () => {
    const { all, watch } = queues(10_001)
    for (let i = 1; i < all.length; i++) watch(i, 0)
    trigger(all[0]!)
    assert.ok(all.slice(1).every((kq) => pending(kq).length === 1))
  })
})

describe('ELOOP', () => {
  it('refuses exactly the watches that would close a ring', () => {
    const N = 8
    const node = fc.nat({ max: N - 1 })
    const step = fc.tuple(fc.constantFrom('watch', 'watch', 'delete'), node, node)
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { all, fds } = queues(N)
        const edges = new Set<number>()
        const reaches = (from: number, to: number, seen = new Set<number>()): boolean => {
          if (from === to) return true
          if (seen.has(from)) return false
          seen.add(from)
          for (let next = 0; next < N; next++) {
            if (edges.has(from * N + next) && reaches(next, to, seen)) return true
          }
          return false
        }
        for (const [act, watcher, watched] of steps) {
          const flags = act === 'watch' ? EV_ADD : EV_DELETE
          const there = edges.has(watcher * N + watched)
          const [event] = kevent(
            all[watcher]!,
            [EV_SET(fds[watched]!, EVFILT_READ, flags | EV_RECEIPT)],
            1,
          )
          let expected = 0
          if (watcher === watched) expected = 22
          else if (act === 'delete') expected = there ? 0 : 2
          else if (!there && reaches(watched, watcher)) expected = 40
          assert.equal(event!.data, expected, `${watcher} ${act} ${watched}`)
          if (expected !== 0) continue
          if (act === 'watch') edges.add(watcher * N + watched)
          else edges.delete(watcher * N + watched)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('allows one queue to be reached on many ways', () => {
    const { all, watch } = queues(4)
    watch(1, 0)
    watch(2, 0)
    watch(3, 1)
    watch(3, 2)
    trigger(all[0]!)
    assert.equal(pending(all[3]!).length, 2)
  })
})
