/**
 * What the changes of a list ask of Linux is asked at once, before the first is applied: each of
 * them is answered as if it had been alone.
 */
import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { describe, it } from 'node:test'
import {
  type Change,
  EV_ADD,
  EV_DELETE,
  EV_DISABLE,
  EV_ENABLE,
  EV_KEEPUDATA,
  EV_RECEIPT,
  EV_SET,
  EVFILT_EXCEPT,
  EVFILT_READ,
  type Kqueue,
  kqueue,
  kqueue_add_filteropts,
  kqueue_del_filteropts,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { cleanUp, closeRaw, idents, keep, pending, pipe, queue } from './queues.js'

const C = posix.constants
const { EBADF, EINVAL, ENOENT } = constants.errno

cleanUp()

const COUNT = 8
const OWN = -100

const add = (fd: number): Change => EV_SET(fd, EVFILT_READ, EV_ADD)
const remove = (fd: number): Change => EV_SET(fd, EVFILT_READ, EV_DELETE)
const asked = (change: Change): Change => ({ ...change, flags: change.flags | EV_RECEIPT })

/** What each change of a list is answered with: its errno. */
function answers(kq: Kqueue, changes: readonly Change[]): number[] {
  return kq.kevent(changes.map(asked), changes.length).map(({ data }) => data)
}

interface Pipes {
  readonly readers: number[]
  readonly writers: number[]
}

function pipes(): Pipes {
  const all = Array.from({ length: COUNT }, pipe)
  return { readers: all.map(([r]) => r), writers: all.map(([, w]) => w) }
}

function write(fds: readonly number[]): void {
  for (const fd of fds) posix.write(fd, 'x')
}

const sorted = (numbers: readonly number[]): number[] => [...numbers].sort((a, b) => a - b)
const none = Array<number>(COUNT).fill(0)
const at = (i: number, errno: number): number[] => none.with(i, errno)

/** Those that are watched, deleted, and watched again. */
function parked(kq: Kqueue): Pipes {
  const made = pipes()
  kq.kevent(made.readers.map(add))
  kq.kevent(made.readers.map(remove))
  return made
}

/** A number is another pipe's, while a duplicate keeps the file that it was: its writing end. */
function replace(fd: number): number {
  keep(posix.dup(fd))
  const [r, w] = pipe()
  posix.dup2(r, fd)
  return w
}

describe('A changelist', () => {
  it('adds and deletes, again and again', () => {
    const kq = queue()
    const { readers, writers } = pipes()
    write(writers)
    for (let i = 0; i < 3; i++) {
      assert.deepEqual(answers(kq, readers.map(add)), none)
      assert.deepEqual(sorted(pending(kq)), sorted(readers))
      assert.deepEqual(answers(kq, readers.map(remove)), none)
      assert.deepEqual(pending(kq), [])
      assert.deepEqual(answers(kq, readers.map(remove)), Array(COUNT).fill(ENOENT))
    }
  })

  it('deletes nothing of a number that is another file by now', () => {
    const kq = queue()
    const { readers, writers } = pipes()
    kq.kevent(readers.map(add))
    replace(readers[3]!)
    assert.deepEqual(answers(kq, readers.map(remove)), at(3, ENOENT))
    write(writers)
    assert.deepEqual(pending(kq), [])
  })

  it('deletes nothing of a number that is closed', () => {
    const kq = queue()
    const { readers } = pipes()
    kq.kevent(readers.map(add))
    closeRaw(readers[3]!)
    assert.deepEqual(answers(kq, readers.map(remove)), at(3, EBADF))
  })

  it('watches the file that a number is by now', () => {
    const kq = queue()
    const { readers, writers } = parked(kq)
    const w = replace(readers[3]!)
    assert.deepEqual(answers(kq, readers.map(add)), none)
    write(writers)
    const others = readers.filter((_, i) => i !== 3)
    assert.deepEqual(sorted(pending(kq)), sorted(others))
    write([w])
    assert.deepEqual(sorted(pending(kq)), sorted(readers))
  })

  it('adds no number that is closed', () => {
    const kq = queue()
    const { readers, writers } = parked(kq)
    closeRaw(readers[3]!)
    assert.deepEqual(answers(kq, readers.map(add)), at(3, EBADF))
    write(writers.filter((_, i) => i !== 3))
    assert.equal(pending(kq).length, COUNT - 1)
  })

  it('that is refused in the middle leaves what follows as it was', () => {
    const kq = queue()
    const { readers, writers } = parked(kq)
    const changes = readers.map(add)
    changes[3] = EV_SET(readers[3]!, EVFILT_READ, EV_ADD | EV_ENABLE | EV_DISABLE)
    assert.throws(() => kq.kevent(changes), { errno: -EINVAL, index: 3 })
    write(writers)
    assert.deepEqual(sorted(pending(kq)), sorted(readers.slice(0, 3)))
    assert.deepEqual(answers(kq, readers.map(add)), none)
    assert.deepEqual(sorted(pending(kq)), sorted(readers))
    replace(readers[5]!)
    assert.throws(() => kq.kevent([...readers.map(remove), ...readers.map(remove)]), { index: 5 })
    replace(readers[7]!)
    assert.deepEqual(answers(kq, readers.slice(6).map(remove)), [0, ENOENT])
  })

  it('names a number more than once', () => {
    const kq = queue()
    const { readers, writers } = parked(kq)
    const [r] = readers as [number]
    write(writers)
    const twice = [add(r), add(r), remove(r), remove(r), add(r), remove(r), add(r)]
    assert.deepEqual(answers(kq, twice), [0, 0, 0, ENOENT, 0, 0, 0])
    assert.deepEqual(pending(kq), [r])
    const again = [remove(r), add(r), remove(r), add(r), add(r)]
    assert.deepEqual(answers(kq, again), [0, 0, 0, 0, 0])
    assert.deepEqual(pending(kq), [r])
  })

  it('heeds what a filter of the program closes in between', () => {
    const kq = queue()
    const { readers } = pipes()
    kq.kevent(readers.map(add))
    kqueue_add_filteropts(OWN, {
      isFd: false,
      attach() {
        closeRaw(readers[5]!)
        return 0
      },
      detach() {},
      event: () => false,
    })
    try {
      const changes = readers.map(remove)
      changes.splice(2, 0, EV_SET(1, OWN, EV_ADD))
      const wanted = none.with(5, EBADF)
      wanted.splice(2, 0, 0)
      assert.deepEqual(answers(kq, changes), wanted)
      kq.close()
    } finally {
      kqueue_del_filteropts(OWN)
    }
  })

  it('heeds what a filter of the program replaces after a change that is refused', () => {
    const kq = queue()
    const { readers } = parked(kq)
    const r = readers[3]!
    let w = -1
    kqueue_add_filteropts(OWN, {
      isFd: false,
      attach() {
        w = replace(r)
        return 0
      },
      detach() {},
      event: () => false,
    })
    try {
      const changes = [...readers.map(add), EV_SET(1, OWN, EV_ADD), add(r)]
      changes[3] = EV_SET(r, EVFILT_READ, EV_ADD | EV_KEEPUDATA)
      assert.deepEqual(answers(kq, changes), [...none.with(3, EINVAL), 0, 0])
      posix.write(w, 'x')
      assert.deepEqual(pending(kq), [r])
      kq.close()
    } finally {
      kqueue_del_filteropts(OWN)
    }
  })

  for (const what of ['a descriptor', 'a queue']) {
    it(`heeds what a filter of the program replaces when ${what} is found closed`, () => {
      const [kq, other] = [queue(), kqueue()]
      const { readers } = parked(kq)
      const r = readers[3]!
      let w = -1
      kqueue_add_filteropts(OWN, {
        isFd: true,
        attach: () => 0,
        detach() {
          w = replace(r)
        },
        event: () => false,
      })
      try {
        const [closed] = pipe()
        const gone = what === 'a queue' ? other.fd : closed
        other.kevent([EV_SET(closed, OWN, EV_ADD)])
        closeRaw(gone)
        // The number that was free is a file again by then.
        assert.deepEqual(answers(kq, [add(gone), ...readers.map(add)]), [0, ...none])
        posix.write(w, 'x')
        assert.deepEqual(pending(kq), [r])
      } finally {
        other.close()
        kqueue_del_filteropts(OWN)
      }
    })
  }

  it('is longer than what is asked at once', () => {
    const kq = queue()
    const [r, w] = pipe()
    posix.write(w, 'x')
    const changes = Array.from({ length: 1500 }, () => [add(r), remove(r)]).flat()
    kq.kevent(changes)
    assert.deepEqual(pending(kq), [])
    kq.kevent([...changes, add(r)])
    assert.deepEqual(pending(kq), [r])
  })
})

describe('A number that was watched', () => {
  it('is a socket where it was a pipe', () => {
    const kq = queue()
    const [r, w] = pipe()
    kq.kevent([add(r)])
    kq.kevent([remove(r)])
    // It has been asked what it is, and is refused.
    assert.throws(() => kq.kevent([EV_SET(r, EVFILT_EXCEPT, EV_ADD)]), { errno: -EINVAL })
    const socket = keep(posix.socket(C.AF_INET, C.SOCK_STREAM))
    posix.dup2(socket, r)
    closeRaw(w)
    // A socket that was never connected hangs up, and a pipe that does is at its end.
    kq.kevent([add(r)])
    assert.deepEqual(pending(kq), [])
  })
})

describe('What is added', () => {
  it('is told of at once, behind more that were deleted than epoll reports at once', () => {
    const kq = queue()
    const many = Array.from({ length: 1100 }, pipe)
    const readers = many.map(([r]) => r)
    write(many.map(([, w]) => w))
    kq.kevent(readers.map(add))
    kq.kevent(readers.map(remove))
    const [r, w] = pipe()
    posix.write(w, 'x')
    assert.deepEqual(idents(kq.kevent([add(r)], 8, 0)), [r])
  })
})

describe('A filter of the program that is told that its descriptor is closed', () => {
  it('may take events while others are still to be told of', () => {
    const [kq, other] = [queue(), queue()]
    const { readers, writers } = pipes()
    const [a, b, c, d] = readers as [number, number, number, number]
    kqueue_add_filteropts(OWN, {
      isFd: true,
      attach: () => 0,
      detach() {
        write(writers.slice(2, 4))
        other.kevent([], 8, 0)
      },
      event: () => false,
    })
    try {
      kq.kevent([add(a), add(b), EV_SET(a, OWN, EV_ADD)])
      other.kevent([add(c), add(d)])
      assert.deepEqual(pending(kq), [])
      replace(a)
      write(writers.slice(0, 2))
      assert.deepEqual(pending(kq), [b])
    } finally {
      kq.close()
      kqueue_del_filteropts(OWN)
    }
  })
})
