/**
 * A queue watched by another: EVFILT_READ, `data` is the number of pending
 * events. See kqueue(2), "EVFILT_READ", and `filt_kqueue` of FreeBSD.
 */
import assert from 'node:assert/strict'
import {
  EV_CLEAR,
  EV_DISABLE,
  EV_DISPATCH,
  EV_FORCEONESHOT,
  EV_ONESHOT,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_VNODE,
  EVFILT_WRITE,
  NOTE_LOWAT,
} from 'kqueue/core'
import {
  add,
  byIdent,
  change,
  chapter,
  disable,
  drain,
  ERRNO,
  enable,
  errorEvent,
  expectError,
  expectEvents,
  expectGone,
  expectNothing,
  LONG,
  pending,
  remove,
  trigger,
  wait,
} from './scenario.js'
import type { Queue, World } from './world.js'

const scenario = chapter('A queue in a queue', { filters: [EVFILT_READ, EVFILT_USER] })

/** An outer queue that watches an inner one, which has a user event 1. */
function nest(w: World, flags = 0): { outer: Queue; inner: Queue } {
  const outer = w.kqueue()
  const inner = w.kqueue()
  inner.kevent([add(1, EVFILT_USER, EV_CLEAR)])
  outer.kevent([add(inner.fd, EVFILT_READ, flags)])
  return { outer, inner }
}

scenario('a queue reports that another has something pending', (w) => {
  const { outer, inner } = nest(w)
  expectNothing(outer)
  inner.kevent([trigger(1)])
  expectEvents(pending(outer), { ident: inner.fd, filter: EVFILT_READ, flags: 0, data: 1 })
})

scenario('the data is the number of pending events', (w) => {
  const { outer, inner } = nest(w)
  inner.kevent([2, 3, 4].map((i) => add(i, EVFILT_USER)))
  inner.kevent([2, 3, 4].map((i) => trigger(i)))
  expectEvents(pending(outer), { ident: inner.fd, data: 3 })
  inner.kevent([remove(2, EVFILT_USER)])
  expectEvents(pending(outer), { ident: inner.fd, data: 2 })
})

scenario('what is pending before the outer queue watches is reported', (w) => {
  const outer = w.kqueue()
  const inner = w.kqueue()
  inner.kevent([add(1, EVFILT_USER), trigger(1)])
  outer.kevent([add(inner.fd, EVFILT_READ)])
  expectEvents(pending(outer), { ident: inner.fd, data: 1 })
})

scenario('the outer queue takes nothing from the inner one', (w) => {
  const { outer, inner } = nest(w)
  inner.kevent([trigger(1)])
  expectEvents(pending(outer), { ident: inner.fd })
  expectEvents(pending(outer), { ident: inner.fd })
  expectEvents(pending(inner), { ident: 1 })
  expectNothing(outer)
})

scenario('an inner queue that was emptied before the scan is not reported', (w) => {
  const { outer, inner } = nest(w)
  inner.kevent([trigger(1)])
  expectEvents(pending(inner), { ident: 1 })
  expectNothing(outer)
  inner.kevent([trigger(1)])
  expectEvents(pending(outer), { ident: inner.fd, data: 1 })
})

scenario('with EV_CLEAR the outer queue reports each new event', (w) => {
  const { outer, inner } = nest(w, EV_CLEAR)
  inner.kevent([add(2, EVFILT_USER)])
  inner.kevent([trigger(1)])
  expectEvents(pending(outer), { ident: inner.fd, flags: EV_CLEAR, data: 1 })
  expectNothing(outer)
  inner.kevent([trigger(2)])
  expectEvents(pending(outer), { ident: inner.fd, data: 2 })
  expectNothing(outer)
})

scenario('one-shot and dispatched watches of a queue work as others do', (w) => {
  const once = w.kqueue()
  const { outer, inner } = nest(w, EV_DISPATCH)
  once.kevent([add(inner.fd, EVFILT_READ, EV_ONESHOT)])
  inner.kevent([trigger(1)])
  expectEvents(pending(once), { ident: inner.fd })
  expectGone(once, inner.fd, EVFILT_READ)
  expectEvents(pending(outer), { ident: inner.fd })
  expectNothing(outer)
  outer.kevent([enable(inner.fd, EVFILT_READ)])
  expectEvents(pending(outer), { ident: inner.fd, data: 1 })
})

scenario('a disabled watch of a queue lets nothing through', (w) => {
  const { outer, inner } = nest(w, EV_DISABLE)
  inner.kevent([trigger(1)])
  expectNothing(outer)
  outer.kevent([enable(inner.fd, EVFILT_READ)])
  expectEvents(pending(outer), { ident: inner.fd })
})

scenario('disabled knotes of the inner queue do not count', (w) => {
  const { outer, inner } = nest(w)
  inner.kevent([add(2, EVFILT_USER, EV_DISABLE), trigger(2)])
  expectNothing(outer)
  inner.kevent([trigger(1)])
  expectEvents(pending(outer), { ident: inner.fd, data: 1 })
})

scenario('what is disabled while it is pending counts until the inner queue is looked at', (w) => {
  const { outer, inner } = nest(w)
  inner.kevent([trigger(1), disable(1, EVFILT_USER)])
  expectEvents(pending(outer), { ident: inner.fd, data: 1 })
  expectNothing(inner)
  expectNothing(outer)
  inner.kevent([enable(1, EVFILT_USER)])
  expectEvents(pending(outer), { ident: inner.fd, data: 1 })
})

scenario('EV_FORCEONESHOT with EV_DISABLE tells the outer queue first, then disables', (w) => {
  const { outer, inner } = nest(w, EV_CLEAR)
  inner.kevent([change(1, EVFILT_USER, EV_FORCEONESHOT | EV_DISABLE)])
  expectEvents(pending(outer), { ident: inner.fd, data: 1 })
  expectNothing(outer)
  expectNothing(inner)
})

scenario('what has happened but is no event does not count', { needs: ['fifo'] }, (w) => {
  const outer = w.kqueue()
  const inner = w.kqueue()
  const [r, wr] = w.pipe()
  w.mkfifo('fifo')
  const other = w.open('fifo', 'r')
  const otherEnd = w.open('fifo', 'w')
  inner.kevent([add(r, EVFILT_READ, 0, { fflags: NOTE_LOWAT, data: 3 })])
  inner.kevent([add(otherEnd, EVFILT_READ)])
  w.write(wr, 'f')
  expectNothing(outer)
  outer.kevent([add(inner.fd, EVFILT_READ)])
  expectNothing(outer)
  w.write(wr, 'o')
  w.close(other)
  expectNothing(outer)
  w.write(wr, 'o')
  expectEvents(pending(outer), { ident: inner.fd, data: 1 })
  expectEvents(pending(inner), { ident: r, data: 3 })
})

scenario('descriptors that were closed do not count', (w) => {
  const outer = w.kqueue()
  const inner = w.kqueue()
  const pipes = [w.pipe(), w.pipe(), w.pipe()]
  for (const [r, wr] of pipes) {
    inner.kevent([add(r, EVFILT_READ), add(wr, EVFILT_WRITE)])
    w.write(wr, 'x')
  }
  outer.kevent([add(inner.fd, EVFILT_READ)])
  expectEvents(pending(outer), { ident: inner.fd, data: 6 })
  for (const fd of pipes[0]!) w.close(fd)
  w.close(pipes[2]![0])
  expectEvents(pending(outer), { ident: inner.fd, data: 3 })
  for (const fd of [...pipes[1]!, pipes[2]![1]]) w.close(fd)
  expectNothing(outer)
})

scenario('a watch of a queue that is deleted reports nothing', (w) => {
  const { outer, inner } = nest(w)
  inner.kevent([trigger(1)])
  outer.kevent([remove(inner.fd, EVFILT_READ)])
  expectNothing(outer)
  expectGone(outer, inner.fd, EVFILT_READ)
})

// What is refused.

scenario('a queue can be watched for reading only', (w) => {
  const outer = w.kqueue()
  const inner = w.kqueue()
  for (const filter of [EVFILT_WRITE, EVFILT_VNODE]) {
    expectError('EINVAL', () => outer.kevent([add(inner.fd, filter)]))
    expectError('ENOENT', () => outer.kevent([remove(inner.fd, EVFILT_READ)]))
  }
})

scenario('a queue cannot watch itself', (w) => {
  const q = w.kqueue()
  expectError('EINVAL', () => q.kevent([add(q.fd, EVFILT_READ)]))
  expectEvents(
    q.kevent([add(q.fd, EVFILT_READ)], 1, 0),
    errorEvent(q.fd, EVFILT_READ, ERRNO.EINVAL),
  )
  expectNothing(q)
})

scenario('two queues cannot watch each other', (w) => {
  const { outer, inner } = nest(w)
  expectError('ELOOP', () => inner.kevent([add(outer.fd, EVFILT_READ)]))
  expectGone(inner, outer.fd, EVFILT_READ)
  inner.kevent([trigger(1)])
  expectEvents(pending(outer), { ident: inner.fd, data: 1 })
})

scenario('a longer circle is refused as well', (w) => {
  const queues = Array.from({ length: 5 }, () => w.kqueue())
  for (let i = 0; i < 4; i++) queues[i]!.kevent([add(queues[i + 1]!.fd, EVFILT_READ)])
  for (const upper of queues.slice(0, 4)) {
    expectError('ELOOP', () => queues[4]!.kevent([add(upper.fd, EVFILT_READ)]))
  }
  queues[4]!.kevent([add(1, EVFILT_USER), trigger(1)])
  expectEvents(wait(queues[0]!), { ident: queues[1]!.fd })
})

scenario('a circle that is opened first is no circle', (w) => {
  const { outer, inner } = nest(w)
  outer.kevent([remove(inner.fd, EVFILT_READ)])
  inner.kevent([add(outer.fd, EVFILT_READ)])
  outer.kevent([add(7, EVFILT_USER), trigger(7)])
  expectEvents(pending(inner), { ident: outer.fd, data: 1 })
})

// Shapes.

scenario('two queues that watch one are both told', (w) => {
  const { outer, inner } = nest(w)
  const second = w.kqueue()
  second.kevent([add(inner.fd, EVFILT_READ)])
  inner.kevent([trigger(1)])
  expectEvents(pending(outer), { ident: inner.fd })
  expectEvents(pending(second), { ident: inner.fd })
})

scenario('a queue that watches two tells them apart', (w) => {
  const { outer, inner } = nest(w)
  const second = w.kqueue()
  second.kevent([add(5, EVFILT_USER), add(6, EVFILT_USER)])
  outer.kevent([add(second.fd, EVFILT_READ)])
  second.kevent([trigger(5), trigger(6)])
  expectEvents(pending(outer), { ident: second.fd, data: 2 })
  inner.kevent([trigger(1)])
  expectEvents(byIdent(pending(outer)), { ident: inner.fd, data: 1 }, { ident: second.fd, data: 2 })
})

scenario('a queue reached by two ways is reported by both', (w) => {
  const top = w.kqueue()
  const middle = [w.kqueue(), w.kqueue()]
  const bottom = w.kqueue()
  for (const q of middle) {
    q.kevent([add(bottom.fd, EVFILT_READ)])
    top.kevent([add(q.fd, EVFILT_READ)])
  }
  bottom.kevent([add(1, EVFILT_USER), trigger(1)])
  expectEvents(byIdent(wait(top)), ...middle.map((q) => ({ ident: q.fd, data: 1 })))
})

scenario('an event goes up a chain of a hundred queues', (w) => {
  const [r, wr] = w.pipe()
  const chain: Queue[] = []
  let below = r
  for (let i = 0; i < 100; i++) {
    const q = w.kqueue()
    q.kevent([add(below, EVFILT_READ)])
    chain.push(q)
    below = q.fd
  }
  const top = chain.at(-1)!
  expectNothing(top)
  w.write(wr, 'x')
  expectEvents(wait(top), { ident: chain.at(-2)!.fd, data: 1 })
  drain(w, r)
  expectNothing(chain[0]!)
})

scenario('a chain may be built from the top, and closed from either end', (w) => {
  for (const order of ['top', 'bottom']) {
    const chain = Array.from({ length: 20 }, () => w.kqueue())
    for (const [i, q] of chain.entries()) {
      const below = chain[i + 1]
      if (below !== undefined) q.kevent([add(below.fd, EVFILT_READ)])
    }
    chain.at(-1)!.kevent([add(1, EVFILT_USER), trigger(1)])
    expectEvents(wait(chain[0]!), { ident: chain[1]!.fd })
    for (const q of order === 'top' ? chain : chain.reverse()) q.close()
  }
})

// Waking.

scenario('a descriptor that becomes ready in the inner queue ends a wait of the outer', (w) => {
  const outer = w.kqueue()
  const inner = w.kqueue()
  const [r, wr] = w.pipe()
  inner.kevent([add(r, EVFILT_READ)])
  outer.kevent([add(inner.fd, EVFILT_READ)])
  expectNothing(outer)
  w.write(wr, 'x')
  expectEvents(wait(outer), { ident: inner.fd, data: 1 })
  expectEvents(pending(inner), { ident: r, data: 1 })
  drain(w, r)
  expectNothing(inner)
  expectNothing(outer)
})

scenario(
  'a timer of the inner queue ends a wait of the outer',
  { filters: [EVFILT_TIMER] },
  (w) => {
    const { outer, inner } = nest(w)
    inner.kevent([add(2, EVFILT_TIMER, EV_ONESHOT, { data: 20 })])
    const start = w.now()
    expectEvents(wait(outer), { ident: inner.fd, data: 1 })
    const waited = w.now() - start
    assert.ok(waited >= 19 && waited < LONG)
    expectEvents(pending(inner), { ident: 2 })
  },
)

scenario('the outermost queue is readable by poll', { needs: ['poll'] }, (w) => {
  const top = w.kqueue()
  const { outer, inner } = nest(w)
  top.kevent([add(outer.fd, EVFILT_READ)])
  assert.equal(w.readable(top.fd), false)
  inner.kevent([trigger(1)])
  assert.equal(w.readable(top.fd, LONG), true)
  expectEvents(pending(inner), { ident: 1 })
  expectNothing(outer)
  expectNothing(top)
  assert.equal(w.readable(top.fd), false)
})

// Closing.

scenario('closing the inner queue removes the watch of it', (w) => {
  const { outer, inner } = nest(w)
  const { fd } = inner
  inner.kevent([trigger(1)])
  inner.close()
  expectNothing(outer)
  expectError('EBADF', () => outer.kevent([remove(fd, EVFILT_READ)]))
})

scenario('closing the descriptor of the inner queue removes the watch of it', (w) => {
  const { outer, inner } = nest(w)
  inner.kevent([trigger(1)])
  w.close(inner.fd)
  expectNothing(outer)
  expectNothing(outer, 5)
})

scenario('a queue that gets the number of a closed one is not watched', (w) => {
  const { outer, inner } = nest(w)
  inner.close()
  const again = [w.kqueue(), w.kqueue(), w.kqueue()]
  for (const q of again) {
    q.kevent([add(1, EVFILT_USER), trigger(1)])
    expectGone(outer, q.fd, EVFILT_READ)
  }
  expectNothing(outer)
})

scenario('closing the outer queue leaves the inner one', (w) => {
  const { outer, inner } = nest(w)
  inner.kevent([trigger(1)])
  outer.close()
  expectEvents(pending(inner), { ident: 1 })
  inner.kevent([trigger(1)])
  expectEvents(pending(inner), { ident: 1 })
})

scenario('closing the outer queue frees the inner one to watch others', (w) => {
  const { outer, inner } = nest(w)
  outer.close()
  const other = w.kqueue()
  inner.kevent([add(other.fd, EVFILT_READ)])
  other.kevent([add(3, EVFILT_USER), trigger(3)])
  expectEvents(pending(inner), { ident: other.fd, data: 1 })
})
