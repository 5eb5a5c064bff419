/**
 * Images of queues and the queues that are made of them: `image` and `fromImage`. What a
 * copy in another thread adds is in `test/node/image.test.ts`.
 */
import assert from 'node:assert/strict'
import type { Kqueue } from 'kqueue'
import {
  EV_CLEAR,
  EV_DISABLE,
  EV_DISPATCH,
  EV_EOF,
  EV_NOCPONFORK,
  EV_ONESHOT,
  EVFILT_NETDEV,
  EVFILT_PROC,
  EVFILT_READ,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_VNODE,
  EVFILT_WRITE,
  NOTE_EXIT,
  NOTE_EXTEND,
  NOTE_LINKUP,
  NOTE_NSECONDS,
  NOTE_RENAME,
  NOTE_WRITE,
} from 'kqueue/core'
import {
  add,
  chapter,
  enable,
  expectError,
  expectEvents,
  expectGone,
  expectNothing,
  idents,
  pending,
  remove,
  trigger,
  until,
  wait,
} from './scenario.js'
import type { World } from './world.js'

const scenario = chapter('Images', { filters: [EVFILT_USER], needs: ['images'] })

/** Runs `use` with a queue and a way to copy it. */
function withCopies(w: World, use: (kq: Kqueue, copy: () => Kqueue) => void): void {
  const calls = w.calls!
  const open: Kqueue[] = []
  const keep = (kq: Kqueue): Kqueue => {
    open.push(kq)
    return kq
  }
  try {
    const kq = keep(calls.kqueue())
    use(kq, () => keep(calls.Kqueue.fromImage(structuredClone(kq.image()))))
  } finally {
    for (const kq of open) kq.close()
  }
}

scenario('a copy has the events of the queue in their states', (w) => {
  withCopies(w, (kq, copy) => {
    kq.kevent([
      add(1, EVFILT_USER, EV_CLEAR, { udata: { deep: [1] }, data: 7, fflags: 5 }),
      add(2, EVFILT_USER, EV_DISABLE),
      add(3, EVFILT_USER, EV_DISPATCH),
      add(4, EVFILT_USER, EV_NOCPONFORK),
    ])
    kq.kevent([trigger(2), trigger(3)], 4, 0)
    const other = copy()
    assert.deepEqual(other.knotes(), kq.knotes())
    for (const each of [kq, other]) {
      each.kevent([trigger(1, 0, { udata: { deep: [1] }, data: 7 })])
      expectEvents(pending(each), { ident: 1, fflags: 5, data: 7, udata: { deep: [1] } })
      each.kevent([enable(2, EVFILT_USER)])
      expectEvents(pending(each), { ident: 2 })
    }
  })
})

scenario('what is pending is pending in the copy, in the same order, once each', (w) => {
  withCopies(w, (kq, copy) => {
    const order = [5, 3, 9, 1, 7]
    kq.kevent([1, 3, 5, 7, 9].map((i) => add(i, EVFILT_USER, EV_ONESHOT)))
    kq.kevent(order.map((i) => trigger(i)))
    const other = copy()
    assert.deepEqual(idents(pending(other, 2)), [5, 3])
    assert.deepEqual(idents(pending(other)), [9, 1, 7])
    expectNothing(other)
    assert.deepEqual(idents(pending(kq)), order)
  })
})

scenario('one image makes many queues, and none knows of the others', (w) => {
  withCopies(w, (kq, copy) => {
    kq.kevent([add(1, EVFILT_USER, EV_CLEAR), trigger(1)])
    const [first, second] = [copy(), copy()]
    expectEvents(pending(first), { ident: 1 })
    first.kevent([remove(1, EVFILT_USER)])
    expectEvents(pending(second), { ident: 1 })
    expectEvents(pending(kq), { ident: 1 })
    expectGone(first, 1, EVFILT_USER)
  })
})

scenario('a copy is imaged again', (w) => {
  withCopies(w, (kq, copy) => {
    kq.kevent([
      add(1, EVFILT_USER, EV_CLEAR, { udata: 'first' }),
      trigger(1, 0, { udata: 'first' }),
    ])
    const again = w.calls!.Kqueue.fromImage(copy().image())
    expectEvents(pending(again), { ident: 1, udata: 'first' })
    again.close()
  })
})

scenario('a closed queue has no image', (w) => {
  const kq = w.calls!.kqueue()
  kq.close()
  expectError('EBADF', () => kq.image())
})

scenario('a udata that cannot be cloned is refused, and the queue is as before', (w) => {
  withCopies(w, (kq) => {
    kq.kevent([add(1, EVFILT_USER), trigger(1), add(2, EVFILT_USER, 0, { udata: () => 1 })])
    expectError('EINVAL', () => kq.image())
    assert.throws(() => kq.image(), /udata of ident 2, filter -11/)
    expectEvents(pending(kq), { ident: 1 })
  })
})

const timers = { filters: [EVFILT_TIMER] }

/** The state of the first knote, a timer: its period, and when it expires next, in ns. */
function periodOf(kq: Kqueue) {
  return kq.image().knotes[0]!.state as { period: number; time: number }
}

scenario('a timer goes on at the same moments', timers, (w) => {
  withCopies(w, (kq, copy) => {
    kq.kevent([
      add(1, EVFILT_TIMER, 0, { data: 40 }),
      add(2, EVFILT_TIMER, EV_ONESHOT, { data: 25e6 + 1, fflags: NOTE_NSECONDS }),
    ])
    w.sleep(10)
    const image = kq.image()
    w.sleep(50)
    const other = w.calls!.Kqueue.fromImage(image)
    const [here, there] = [kq, other].map(periodOf)
    assert.equal(there!.period, here!.period)
    assert.equal(Math.abs(there!.time - here!.time) % here!.period, 0)
    for (const each of [kq, other]) {
      assert.deepEqual(idents(wait(each)).sort(), [1, 2])
      expectGone(each, 2, EVFILT_TIMER)
    }
    other.close()
    expectEvents(wait(copy()), { ident: 1 })
  })
})

scenario('what can be read is pending in the copy', { filters: [EVFILT_READ] }, (w) => {
  withCopies(w, (kq, copy) => {
    const [r, end] = w.pipe()
    kq.kevent([add(r, EVFILT_READ), add(end, EVFILT_WRITE)])
    const image = kq.image()
    w.write(end, 'abc')
    const other = w.calls!.Kqueue.fromImage(image)
    expectEvents(
      pending(other).filter(({ ident }) => ident === r),
      { ident: r, data: 3 },
    )
    w.read(r, 8)
    assert.deepEqual(idents(pending(other)), [end])
    other.close()
    w.close(end)
    expectEvents(wait(copy()), { ident: r, flags: EV_EOF })
  })
})

scenario('an edge of a descriptor is not lost', { filters: [EVFILT_READ] }, (w) => {
  withCopies(w, (kq) => {
    const [r, end] = w.pipe()
    kq.kevent([add(r, EVFILT_READ, EV_CLEAR)])
    w.write(end, 'a')
    const image = kq.image()
    w.write(end, 'b')
    const other = w.calls!.Kqueue.fromImage(image)
    expectEvents(wait(other), { ident: r, data: 2 })
    expectNothing(other)
    other.close()
  })
})

scenario('a number that is another file by now is left out', { filters: [EVFILT_READ] }, (w) => {
  withCopies(w, (kq) => {
    const [r] = w.pipe()
    const [other, end] = w.pipe()
    kq.kevent([add(r, EVFILT_READ), add(1, EVFILT_USER)])
    const image = kq.image()
    w.dup2(other, r)
    w.write(end, 'of the other')
    const copy = w.calls!.Kqueue.fromImage(image)
    expectGone(copy, r, EVFILT_READ)
    expectNothing(copy)
    assert.equal(copy.knotes().length, 1)
    copy.close()
  })
})

const files = { filters: [EVFILT_VNODE], needs: ['file'] } as const

scenario('notes of a file travel, and what happens meanwhile is added', files, (w) => {
  withCopies(w, (kq) => {
    const fd = w.open('file', 'rw')
    const fflags = NOTE_WRITE | NOTE_EXTEND | NOTE_RENAME
    kq.kevent([add(fd, EVFILT_VNODE, EV_CLEAR, { fflags })])
    w.rename('file', 'other')
    const image = kq.image()
    w.write(fd, 'more')
    const copy = w.calls!.Kqueue.fromImage(image)
    expectEvents(pending(copy), { ident: fd, fflags: NOTE_WRITE | NOTE_EXTEND | NOTE_RENAME })
    w.write(fd, 'again')
    expectEvents(wait(copy), { ident: fd, fflags: NOTE_WRITE | NOTE_EXTEND })
    copy.close()
    w.close(fd)
  })
})

scenario('a file to which nothing has happened is not reported', files, (w) => {
  withCopies(w, (kq, copy) => {
    const fd = w.open('file', 'rw')
    kq.kevent([add(fd, EVFILT_VNODE, EV_CLEAR, { fflags: NOTE_WRITE | NOTE_EXTEND })])
    const other = copy()
    expectNothing(other)
    w.close(fd)
  })
})

const processes = { filters: [EVFILT_PROC], needs: ['processes'] } as const

scenario('a process that ends after the image is reported', processes, (w) => {
  withCopies(w, (kq, copy) => {
    const child = w.processes!.spawn()
    kq.kevent([add(child.pid, EVFILT_PROC, 0, { fflags: NOTE_EXIT })])
    const image = kq.image()
    const early = copy()
    expectNothing(early)
    child.exit(3)
    expectEvents(wait(early), { ident: child.pid, fflags: NOTE_EXIT, data: 3 << 8 })
    const late = w.calls!.Kqueue.fromImage(image)
    expectEvents(wait(late), { ident: child.pid, fflags: NOTE_EXIT, data: 3 << 8 })
    expectGone(late, child.pid, EVFILT_PROC)
    late.close()
  })
})

scenario('an exit that has not been handed out is in the copy', processes, (w) => {
  withCopies(w, (kq, copy) => {
    const child = w.processes!.spawn()
    kq.kevent([add(child.pid, EVFILT_PROC, 0, { fflags: NOTE_EXIT })])
    child.exit(0)
    until(w, () => kq.image().queued.length === 1, 'the exit is pending')
    const other = copy()
    w.processes!.waitpid(child.pid)
    expectEvents(pending(other), { ident: child.pid, fflags: NOTE_EXIT, data: 0 })
  })
})

scenario(
  'signals are counted on from the image',
  { filters: [EVFILT_SIGNAL], needs: ['processes', 'sigaction'] },
  (w) => {
    withCopies(w, (kq) => {
      const { kill, pid, sigaction } = w.processes!
      const SIGUSR1 = 10
      sigaction('SIGUSR1', 'ignore')
      kq.kevent([add(SIGUSR1, EVFILT_SIGNAL)])
      kill(pid, 'SIGUSR1')
      const image = kq.image()
      kill(pid, 'SIGUSR1')
      const copy = w.calls!.Kqueue.fromImage(image)
      expectEvents(pending(copy), { ident: SIGUSR1, data: 2 })
      kill(pid, 'SIGUSR1')
      expectEvents(pending(copy), { ident: SIGUSR1, data: 1 })
      copy.close()
    })
  },
)

scenario(
  'a link that changes after the image is reported',
  { filters: [EVFILT_NETDEV], needs: ['network'] },
  (w) => {
    withCopies(w, (kq) => {
      const { network } = w
      const { ifindex } = network!
      network!.link('down')
      kq.kevent([add(ifindex, EVFILT_NETDEV, EV_CLEAR, { fflags: NOTE_LINKUP })])
      const image = kq.image()
      network!.link('up')
      const copy = w.calls!.Kqueue.fromImage(image)
      expectEvents(pending(copy), { ident: ifindex, fflags: NOTE_LINKUP })
      copy.close()
    })
  },
)

scenario('a queue that watches another watches it in the copy', { filters: [EVFILT_READ] }, (w) => {
  withCopies(w, (kq, copy) => {
    const watched = w.calls!.kqueue()
    watched.kevent([add(1, EVFILT_USER)])
    kq.kevent([add(watched.fd, EVFILT_READ)])
    const other = copy()
    expectNothing(other)
    watched.kevent([trigger(1)])
    expectEvents(pending(other), { ident: watched.fd, data: 1 })
    watched.close()
  })
})

const added = { needs: ['filters', 'images'] } as const

scenario('a filter of the program is copied by its `copy`, with what it keeps', added, (w) => {
  withCopies(w, (kq, copy) => {
    const calls = w.calls!
    const ops = {
      isFd: false,
      attach(kn: { hook: unknown }) {
        kn.hook = { kept: 1 }
        return 0
      },
      detach() {},
      event: () => true,
    }
    const filter = calls.kfilter_register('copied', { ...ops, copy: (kn) => (kn.hook ? 0 : 22) })
    const plain = calls.kfilter_register('not copied', ops)
    kq.kevent([add(1, filter), add(1, plain)])
    const other = copy()
    assert.deepEqual(
      other.knotes().map((each) => each.filter),
      [filter],
    )
    expectEvents(pending(other), { ident: 1, filter })
    const image = kq.image()
    other.close()
    kq.close()
    calls.kfilter_unregister('copied')
    assert.throws(() => calls.Kqueue.fromImage(image), /EINVAL.*'copied'/)
    calls.kfilter_unregister('not copied')
  })
})
