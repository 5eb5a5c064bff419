/** Queues of programs that delete events before they close descriptors: KQUEUE_TRUSTFD. */
import assert from 'node:assert/strict'
import type { Kqueue } from 'kqueue'
import { EV_CLEAR, EVFILT_READ, EVFILT_WRITE, KQUEUE_TRUSTFD } from 'kqueue/core'
import { add, chapter, expectEvents, remove } from './scenario.js'
import type { World } from './world.js'

const scenario = chapter('KQUEUE_TRUSTFD', {
  filters: [EVFILT_READ, EVFILT_WRITE],
  needs: ['images'],
})

/** Runs `use` with a queue that trusts and one that does not. */
function withQueues(w: World, use: (trusting: Kqueue, other: Kqueue) => void): void {
  const { kqueuex } = w.calls!
  const [trusting, other] = [kqueuex(KQUEUE_TRUSTFD), kqueuex(0)]
  try {
    use(trusting, other)
  } finally {
    trusting.close()
    other.close()
  }
}

scenario('a queue that trusts reports what others do', (w) => {
  withQueues(w, (kq, other) => {
    const [r, wr] = w.pipe()
    const changes = [add(r, EVFILT_READ), add(wr, EVFILT_WRITE, EV_CLEAR)]
    for (const each of [kq, other]) each.kevent(changes)
    for (let i = 1; i <= 200; i++) {
      w.write(wr, 'x')
      for (const each of [kq, other]) {
        const [event] = each.kevent([], 8, 0).filter(({ filter }) => filter === EVFILT_READ)
        assert.deepEqual([event?.ident, event?.data], [r, i])
      }
    }
  })
})

scenario('its events end as those of others', (w) => {
  withQueues(w, (kq) => {
    const [r, wr] = w.pipe()
    kq.kevent([add(r, EVFILT_READ)])
    w.write(wr, 'x')
    expectEvents(kq.kevent([], 8, 0), { ident: r, data: 1 })
    w.read(r, 1)
    assert.deepEqual(kq.kevent([], 8, 0), [])
    kq.kevent([remove(r, EVFILT_READ)])
    w.write(wr, 'x')
    assert.deepEqual(kq.kevent([], 8, 0), [])
  })
})

scenario('a descriptor that is closed without a duplicate is gone at once', (w) => {
  withQueues(w, (kq) => {
    const [r, wr] = w.pipe()
    kq.kevent([add(r, EVFILT_READ)])
    w.write(wr, 'x')
    w.close(r)
    assert.deepEqual(kq.kevent([], 8, 0), [])
  })
})

scenario('a copy of it trusts as well', (w) => {
  withQueues(w, (kq) => {
    const image = kq.image()
    assert.equal(image.flags, KQUEUE_TRUSTFD)
    const copy = w.calls!.Kqueue.fromImage(image)
    assert.equal(copy.image().flags, KQUEUE_TRUSTFD)
    copy.close()
  })
})
