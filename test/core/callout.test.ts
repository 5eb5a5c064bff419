/** CalloutQueue: what is due is called in order, whatever was set and taken back. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Callout, CalloutQueue } from 'kqueue/core'

/** Callouts by number, in a queue, that write down when they are called. */
function recorded(n: number) {
  const queue = new CalloutQueue()
  const called: number[] = []
  const callouts = Array.from({ length: n }, (_, i) => new Callout(() => called.push(i)))
  return { queue, called, callouts }
}

/** What a queue does, with a sorted array. */
class Model {
  order = 0
  entries: { id: number; time: number; order: number }[] = []

  cancel(id: number): void {
    this.entries = this.entries.filter((entry) => entry.id !== id)
  }

  schedule(id: number, time: number): void {
    this.cancel(id)
    this.entries.push({ id, time, order: this.order++ })
    this.entries.sort((a, b) => a.time - b.time || a.order - b.order)
  }

  run(now: number): number[] {
    const due = this.entries.filter(({ time }) => time <= now)
    this.entries = this.entries.filter(({ time }) => time > now)
    return due.map(({ id }) => id)
  }
}

const N = 24
const id = fc.nat({ max: N - 1 })
const time = fc.oneof(fc.nat({ max: 50 }), fc.nat({ max: 2 ** 31 - 1 }), fc.constant(2 ** 53))
const step = fc.oneof(
  fc.record({ do: fc.constant('schedule' as const), id, time }),
  fc.record({ do: fc.constant('schedule' as const), id, time }),
  fc.record({ do: fc.constant('cancel' as const), id, time }),
  fc.record({ do: fc.constant('run' as const), id, time }),
  fc.record({ do: fc.constant('first' as const), id, time }),
)

describe('CalloutQueue', () => {
  it('is empty at first: nothing is due, ever', () => {
    const queue = new CalloutQueue()
    assert.equal(queue.size, 0)
    assert.equal(queue.next, Number.POSITIVE_INFINITY)
    queue.run(Number.MAX_VALUE)
    queue.runFirst()
  })

  it('calls what is due in the order of time, and keeps the rest', () => {
    const { queue, called, callouts } = recorded(4)
    for (const [i, at] of [30, 10, 20, 40].entries()) queue.schedule(callouts[i]!, at)
    queue.run(29)
    assert.deepEqual(called, [1, 2])
    assert.equal(queue.next, 30)
    assert.deepEqual(
      callouts.map(({ scheduled }) => scheduled),
      [true, false, false, true],
    )
    queue.run(30)
    assert.deepEqual(called, [1, 2, 0])
  })

  it('calls those of the same time in the order in which they were set', () => {
    const { queue, called, callouts } = recorded(100)
    for (const callout of callouts) queue.schedule(callout, 5)
    queue.schedule(callouts[0]!, 5)
    queue.run(5)
    assert.deepEqual(called, [...Array.from({ length: 99 }, (_, i) => i + 1), 0])
  })

  it('calls a callout that is set anew once, at the new time', () => {
    const { queue, called, callouts } = recorded(1)
    queue.schedule(callouts[0]!, 10)
    queue.schedule(callouts[0]!, 20)
    assert.equal(queue.size, 1)
    queue.run(19)
    assert.deepEqual(called, [])
    queue.schedule(callouts[0]!, 5)
    queue.run(19)
    queue.run(20)
    assert.deepEqual(called, [0])
  })

  it('does not call what was taken back, twice as little', () => {
    const { queue, called, callouts } = recorded(2)
    queue.schedule(callouts[0]!, 1)
    queue.schedule(callouts[1]!, 2)
    queue.cancel(callouts[0]!)
    queue.cancel(callouts[0]!)
    queue.run(3)
    queue.cancel(callouts[1]!)
    assert.deepEqual(called, [1])
    assert.equal(queue.size, 0)
  })

  it('lets a callout set itself again', () => {
    const queue = new CalloutQueue()
    const times: number[] = []
    const callout: Callout = new Callout(() => {
      times.push(callout.time)
      queue.schedule(callout, callout.time + 10)
    })
    queue.schedule(callout, 10)
    queue.run(45)
    assert.deepEqual(times, [10, 20, 30, 40])
    assert.equal(queue.next, 50)
  })

  it('calls what a callout sets for now, and not what it takes back', () => {
    const { queue, called, callouts } = recorded(3)
    const first = new Callout(() => {
      queue.cancel(callouts[0]!)
      queue.schedule(callouts[1]!, 1)
      queue.schedule(callouts[2]!, 3)
    })
    queue.schedule(first, 1)
    queue.schedule(callouts[0]!, 2)
    queue.run(2)
    assert.deepEqual(called, [1])
    assert.equal(queue.size, 1)
  })

  it('keeps the others when one throws', () => {
    const { queue, called, callouts } = recorded(2)
    const broken = new Callout(() => {
      throw new Error('broken callout')
    })
    queue.schedule(callouts[0]!, 1)
    queue.schedule(broken, 2)
    queue.schedule(callouts[1]!, 3)
    assert.throws(() => queue.run(5), /broken callout/)
    assert.equal(broken.scheduled, false)
    queue.run(5)
    assert.deepEqual(called, [0, 1])
  })

  it('does what a sorted array does', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const { queue, called, callouts } = recorded(N)
        const model = new Model()
        for (const s of steps) {
          called.length = 0
          let expected: number[] = []
          if (s.do === 'schedule') {
            queue.schedule(callouts[s.id]!, s.time)
            model.schedule(s.id, s.time)
          } else if (s.do === 'cancel') {
            queue.cancel(callouts[s.id]!)
            model.cancel(s.id)
          } else if (s.do === 'run') {
            queue.run(s.time)
            expected = model.run(s.time)
          } else {
            queue.runFirst()
            expected = model.entries.splice(0, 1).map((entry) => entry.id)
          }
          assert.deepEqual(called, expected)
          assert.equal(queue.size, model.entries.length)
          assert.equal(queue.next, model.entries[0]?.time ?? Number.POSITIVE_INFINITY)
          const set = new Set(model.entries.map((entry) => entry.id))
          for (const [i, callout] of callouts.entries()) {
            assert.equal(callout.scheduled, set.has(i))
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  it('sorts any number of times', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 500 }), (times) => {
        const { queue, called, callouts } = recorded(times.length)
        for (const [i, at] of times.entries()) queue.schedule(callouts[i]!, at)
        queue.run(Number.MAX_SAFE_INTEGER)
        const sorted = times.map((at, i) => [at, i] as const).sort((a, b) => a[0] - b[0])
        assert.deepEqual(
          called,
          sorted.map(([, i]) => i),
        )
      }),
      { numRuns: 100 },
    )
  })
})
