/** The calls of copy on fork as a simulated process has them, in `p.system`. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as kqueue from 'kqueue'
import {
  EV_ADD,
  EV_CLEAR,
  EV_SET,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  KQUEUE_CPONFORK,
  KQUEUE_CPONFORKFD,
  KqueueError,
  NOTE_TRIGGER,
  SimKernel,
  type SimProcess,
} from 'kqueue/sim'

const trigger = (ident: number) => EV_SET(ident, EVFILT_USER, EV_ADD | EV_CLEAR, NOTE_TRIGGER)

/** Of a refusal. */
function errorOf(call: () => unknown): KqueueError {
  try {
    call()
  } catch (error) {
    assert.ok(error instanceof KqueueError)
    return error
  }
  return assert.fail('nothing is thrown')
}

describe('p.system', () => {
  it("has every export of 'kqueue', and the same constants", () => {
    const { system } = new SimKernel().init
    assert.deepEqual(Object.keys(system).sort(), Object.keys(kqueue).sort())
    for (const [name, value] of Object.entries(kqueue)) {
      const own = system[name as keyof typeof system]
      assert.equal(typeof own, typeof value, name)
      if (typeof value === 'number') assert.equal(own, value, name)
    }
  })

  it('starts no module: what is a program there is a function', () => {
    const kernel = new SimKernel()
    const { system } = kernel.init
    system.kqueuex(KQUEUE_CPONFORK).kevent([trigger(1)])
    for (const call of [
      () => system.fork('program.mjs'),
      () => system.fork('program.mjs', ['--flag'], { stdio: 'ignore' }),
      () => system.forkOptions(),
    ]) {
      const { code, message } = errorOf(call)
      assert.equal(code, 'ENOSYS')
      assert.match(message, /p\.fork\(program\)/)
    }
    assert.equal(kernel.processes.length, 1)
  })
})

describe('inheritedKqueues() of a simulated process', () => {
  const numbers = ({ system }: SimProcess): number[] => [...system.inheritedKqueues().keys()]

  it('is empty where nothing was copied', () => {
    const { init } = new SimKernel()
    init.system.kqueue().kevent([trigger(1)])
    assert.deepEqual(numbers(init.fork()), [])
    init.system.kqueuex(KQUEUE_CPONFORK)
    assert.deepEqual(numbers(init), [])
  })

  it('has the copies by the numbers of the originals, and is the same at each call', () => {
    const { init } = new SimKernel()
    const [first, left, second] = [KQUEUE_CPONFORK, 0, KQUEUE_CPONFORKFD].map((flags) =>
      init.system.kqueuex(flags),
    ) as [kqueue.Kqueue, kqueue.Kqueue, kqueue.Kqueue]
    for (const kq of [first, left, second]) kq.kevent([trigger(1)])
    const child = init.fork()
    assert.deepEqual(numbers(child), [first.fd, second.fd])
    const kq = child.system.inheritedKqueues().get(first.fd)!
    assert.ok(kq instanceof child.system.Kqueue)
    assert.equal(kq.fd, first.fd)
    assert.equal(child.system.inheritedKqueues().get(first.fd), kq)
    assert.deepEqual(
      kq.kevent([], 8, 0).map(({ ident }) => ident),
      [1],
    )
    assert.equal(child.system.inheritedKqueues().get(second.fd)!.knotes().length, 0)
    assert.deepEqual(numbers(init), [])
    assert.equal(first.kevent([], 8, 0).length, 1)
  })

  it('has the two numbers of one queue, and none that was closed before', () => {
    const { init } = new SimKernel()
    const kq = init.system.kqueuex(KQUEUE_CPONFORK)
    const other = init.dup(kq.fd)
    const gone = init.system.kqueuex(KQUEUE_CPONFORK)
    kq.kevent([trigger(1)])
    const child = init.fork()
    child.close(gone.fd)
    assert.deepEqual(numbers(child), [kq.fd, other])
    const copies = child.system.inheritedKqueues()
    assert.equal(copies.get(other)!.kevent([], 8, 0).length, 1)
    assert.equal(copies.get(kq.fd)!.kevent([], 8, 0).length, 0)
  })

  it('is of one process: a number that is given out again is not the copy', () => {
    const { init } = new SimKernel()
    const { fd } = init.system.kqueuex(KQUEUE_CPONFORK)
    const child = init.fork()
    const copy = child.system.inheritedKqueues().get(fd)!
    const grandchild = child.fork()
    child.close(fd)
    assert.equal(child.system.kqueue().fd, fd)
    assert.equal(errorOf(() => copy.kevent([], 8, 0)).code, 'EBADF')
    assert.deepEqual(numbers(grandchild), [fd])
    assert.equal(grandchild.system.inheritedKqueues().get(fd)!.kevent([], 8, 0).length, 0)
  })

  it('is found by a program, which awaits what its parent has registered', async () => {
    const kernel = new SimKernel()
    const { init } = kernel
    const kq = init.system.kqueuex(KQUEUE_CPONFORK)
    const [r, w] = init.pipe()
    kq.kevent([EV_SET(r, EVFILT_READ, EV_ADD), EV_SET(1, EVFILT_TIMER, EV_ADD, 0, 100)])
    kernel.advance(30)
    const told: [number, number, number][] = []
    init.fork(async (p) => {
      const copy = p.system.inheritedKqueues().get(kq.fd)!
      for (let left = 2; left > 0; ) {
        for (const { filter, data } of await copy.wait()) {
          told.push([filter, data, kernel.uptime() / 1e6])
          if (filter === EVFILT_READ) p.read(r, 8)
          left--
        }
      }
    })
    init.write(w, 'hello')
    await kernel.run()
    assert.deepEqual(told, [
      [EVFILT_READ, 5, 30],
      [EVFILT_TIMER, 1, 100],
    ])
  })
})

describe('An image of a queue of a simulated process', () => {
  it('is of that process, and of no other', () => {
    const { init } = new SimKernel()
    const kq = init.system.kqueuex(KQUEUE_CPONFORK)
    kq.kevent([trigger(1)])
    const image = structuredClone(kq.image())
    const child = init.fork()
    const { code, message } = errorOf(() => child.system.Kqueue.fromImage(image))
    assert.equal(code, 'EINVAL')
    assert.match(message, /pid/)
    assert.equal(errorOf(() => kqueue.Kqueue.fromImage(image)).code, 'EINVAL')
    assert.equal(init.system.Kqueue.fromImage(image).kevent([], 8, 0).length, 1)
  })

  it('makes in a child a copy of its copy, which a fork copies again', () => {
    const { init } = new SimKernel()
    const kq = init.system.kqueuex(KQUEUE_CPONFORK)
    kq.kevent([trigger(2), trigger(1)])
    const child = init.fork()
    const copy = child.system.inheritedKqueues().get(kq.fd)!
    const again = child.system.Kqueue.fromImage(structuredClone(copy.image()))
    const grandchild = child.fork()
    for (const each of [grandchild.system.inheritedKqueues().get(again.fd)!, again, copy, kq]) {
      assert.deepEqual(
        each.kevent([], 8, 0).map(({ ident }) => ident),
        [2, 1],
      )
    }
  })
})
