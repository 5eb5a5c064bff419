/**
 * Too much of everything: queues, descriptors, pipes; and no descriptor left.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import {
  EV_CLEAR,
  EV_ONESHOT,
  EVFILT_READ,
  EVFILT_WRITE,
  EventList,
  type Kqueue,
  kqueue,
} from 'kqueue'
import * as posix from '../native/posix.js'
import type { Cases } from '../programs/hostile.js'
import { type Case, casesOf, descriptors, run } from './processes.js'
import {
  assertWorks,
  cleanUp,
  closeRaw,
  fired,
  idents,
  pending,
  pipe,
  queue,
  read,
} from './queues.js'

cleanUp()

const exhausted = casesOf<Cases>('hostile')

/** RLIMIT_NOFILE of this process. */
const limit = Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1])

describe('Five thousand queues', () => {
  it('opened and closed one after another leave nothing', () => {
    const before = descriptors()
    for (let i = 0; i < 5000; i++) {
      using kq = kqueue()
      if (i % 2 === 0) kq.kevent([fired(1)])
      if (i % 3 === 0) kq.fd
    }
    assert.ok(descriptors() <= before)
  })

  it('open at the same time all work', { skip: limit < 6000 && `limit ${limit}` }, () => {
    const before = descriptors()
    const kqs: Kqueue[] = []
    try {
      for (let i = 0; i < 5000; i++) kqs.push(kqueue())
      for (const [i, kq] of kqs.entries()) kq.kevent([fired(i)])
      for (const [i, kq] of kqs.entries()) assert.deepEqual(pending(kq), [i])
    } finally {
      for (const kq of kqs) kq.close()
    }
    assert.ok(descriptors() <= before)
  })

  it('that watch one pipe are all told', { skip: limit < 6000 && `limit ${limit}` }, () => {
    const [r, w] = pipe()
    const kqs: Kqueue[] = []
    try {
      for (let i = 0; i < 5000; i++) {
        const kq = kqueue()
        kqs.push(kq)
        kq.kevent([read(r, EV_CLEAR)])
      }
      posix.write(w, 'x')
      for (const kq of kqs) assert.deepEqual(pending(kq), [r])
    } finally {
      for (const kq of kqs) kq.close()
    }
  })
})

describe('Nine thousand pipes', () => {
  const PIPES = 9000
  const skip =
    limit < 2 * PIPES + 100 && `needs ${2 * PIPES + 100} descriptors, the limit is ${limit}`

  it('are all reported by one queue, in one call or in many', { skip }, () => {
    const kq = queue()
    const pipes = Array.from({ length: PIPES }, pipe)
    assert.deepEqual(kq.kevent(pipes.map(([r]) => read(r))), [])
    for (const [i, [, w]] of pipes.entries()) posix.write(w, new Uint8Array(1 + (i % 7)))
    const sizes = new Map(pipes.map(([r], i) => [r, 1 + (i % 7)]))
    const all = kq.kevent([], PIPES, 0)
    assert.equal(all.length, PIPES)
    assert.equal(new Set(idents(all)).size, PIPES)
    for (const { ident, data } of all) assert.equal(data, sizes.get(ident))
    const list = new EventList(100)
    const seen = new Set<number>()
    for (let call = 0; call < PIPES / 100; call++) {
      assert.equal(kq.keventInto([], list, 0), 100)
      for (const { ident } of list) seen.add(ident)
    }
    assert.equal(seen.size, PIPES, 'every pipe had its turn')
  })

  it('are all reported for reading and for writing, and once when one-shot', { skip }, () => {
    const kq = queue()
    const pipes = Array.from({ length: PIPES }, pipe)
    for (const [, w] of pipes) posix.write(w, 'x')
    kq.kevent(
      pipes.flatMap(([r, w]) => [
        read(r, EV_ONESHOT),
        { ...read(w, EV_ONESHOT), filter: EVFILT_WRITE },
      ]),
    )
    const events = kq.kevent([], 2 * PIPES, 0)
    assert.equal(events.filter(({ filter }) => filter === EVFILT_READ).length, PIPES)
    assert.equal(events.filter(({ filter }) => filter === EVFILT_WRITE).length, PIPES)
    assert.deepEqual(kq.kevent([], 1, 0), [])
    assert.deepEqual(kq.knotes(), [])
  })

  it('may be closed without a word', { skip }, () => {
    const kq = queue()
    const pipes = Array.from({ length: PIPES }, pipe)
    kq.kevent(pipes.map(([r]) => read(r)))
    for (const [r, w] of pipes) {
      posix.write(w, 'x')
      closeRaw(r)
    }
    assert.deepEqual(pending(kq), [])
    assert.deepEqual(kq.knotes(), [])
    assertWorks(kq)
  })
})

/** A case comes to its end: until then the status is 13. */
function passes(what: Case, files = 64): void {
  const { status, stdout, stderr, signal } = run(what, { files })
  assert.equal(stderr, '')
  assert.deepEqual([status, signal, stdout], [0, null, ''])
}

describe('With no descriptor left', () => {
  it('kqueue answers EMFILE, and works when some are free again', () => {
    passes(exhausted('one queue, then none'))
  })

  it('the first kqueue of a process answers EMFILE, and works when some are free again', () => {
    passes(exhausted('no first queue'))
  })

  it('the first fork of a process answers EMFILE, and works when one is free again', () => {
    passes(exhausted('no first copy'))
  })

  it('what few programs need answers EMFILE when it is read, leaves nothing, and works afterwards', () => {
    passes(exhausted('no first file, process, mount, link, request or image'))
  })

  it('a first kqueue that fails halfway keeps no descriptor', () => {
    passes(exhausted('half of a first queue'))
  })

  it('a worker gets EMFILE as well, or does not start', () => {
    passes(exhausted('none in a worker'), 256)
  })

  it('queues that are there go on: pipes, timers, files, event counters', () => {
    passes(exhausted('queues that are there'))
  })

  it('queues survive that the kernel would like a fresh set of descriptors', () => {
    passes(exhausted('no fresh set of descriptors'), 800)
  })

  it('readable, writable and ticks reject with EMFILE', () => {
    passes(exhausted('the conveniences'))
  })
})
