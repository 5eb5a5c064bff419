/**
 * Numbers that the machine takes for descriptors of its own, which the program had for
 * files that it watched: what was there is gone, and what is there works.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readlinkSync } from 'node:fs'
import { afterEach, before, describe, it } from 'node:test'
import {
  type Change,
  EV_ADD,
  EV_DELETE,
  EV_SET,
  EVFILT_PROC,
  EVFILT_READ,
  type Kqueue,
  NOTE_EXIT,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { cleanUp, closeRaw, idents, keep, LONG, pending, pipe, queue, read } from './queues.js'
import { openOnce, SIGRTMIN, signal } from './signals.js'

before(openOnce)
// What Node.js opens for the first child, and keeps.
before(() => once(spawn('true', { stdio: 'ignore' }), 'exit'))
cleanUp()

const SIGNAL = SIGRTMIN + 2

const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

interface Source {
  readonly what: string
  /** What the number is then, as /proc says. */
  readonly link: RegExp
  /** The change that makes the machine open it, which takes one number. */
  prepare(): { change: Change; fire(): void }
}

const SOURCES: readonly Source[] = [
  {
    what: 'signals',
    link: /eventfd/,
    prepare: () => ({
      change: signal(SIGNAL),
      fire: () => posix.kill(process.pid, SIGNAL),
    }),
  },
  {
    what: 'a process',
    link: /pidfd/,
    prepare() {
      const child = spawn('sleep', ['1000'], { stdio: 'ignore' })
      children.push(child)
      return {
        change: EV_SET(child.pid!, EVFILT_PROC, EV_ADD, NOTE_EXIT),
        fire: () => child.kill('SIGKILL'),
      }
    },
  },
]

/** Closes a descriptor, and has the machine take its number. */
function takeOver(kq: Kqueue, fd: number, change: Change, link: RegExp): void {
  closeRaw(fd)
  kq.kevent([change])
  assert.match(readlinkSync(`/proc/self/fd/${fd}`), link, 'the number is used again')
}

/** What the source is for is reported, and nothing else. */
function reports(kq: Kqueue, { ident, filter }: Change): void {
  const events = kq.kevent([], 8, LONG)
  assert.deepEqual(
    events.map((event) => [event.ident, event.filter]),
    [[ident, filter]],
  )
}

describe('A number that the machine takes for itself', () => {
  for (const { what, link, prepare } of SOURCES) {
    it(`has no event of what it was: for ${what}`, () => {
      for (const look of [false, true]) {
        const { change, fire } = prepare()
        const kq = queue()
        const [r, w] = pipe()
        posix.write(w, 'x')
        kq.kevent([read(r)])
        if (look) assert.deepEqual(pending(kq), [r])
        takeOver(kq, r, change, link)
        assert.deepEqual(idents(kq.knotes()), [change.ident])
        fire()
        reports(kq, change)
        assert.deepEqual(pending(kq), [])
        kq.close()
      }
    })

    it(`is EBADF for the program: for ${what}`, () => {
      const { change, fire } = prepare()
      const kq = queue()
      const [r] = pipe()
      kq.kevent([read(r)])
      takeOver(kq, r, change, link)
      for (const again of [read(r), EV_SET(r, EVFILT_READ, EV_DELETE)]) {
        assert.throws(() => kq.kevent([again]), { code: 'EBADF' })
      }
      fire()
      reports(kq, change)
      assert.deepEqual(pending(kq), [])
      kq.close()
    })

    it(`goes on when the file that had it still tells of itself: for ${what}`, () => {
      const { change, fire } = prepare()
      const kq = queue()
      const [r, w] = pipe()
      keep(posix.dup(r))
      kq.kevent([read(r)])
      kq.kevent([EV_SET(r, EVFILT_READ, EV_DELETE)])
      takeOver(kq, r, change, link)
      posix.write(w, 'x')
      assert.deepEqual(pending(kq), [])
      fire()
      reports(kq, change)
      kq.close()
    })

    it(`goes on when many descriptors come and go: for ${what}`, () => {
      const { change, fire } = prepare()
      const kq = queue()
      const [r] = pipe()
      kq.kevent([read(r)])
      kq.kevent([EV_SET(r, EVFILT_READ, EV_DELETE)])
      takeOver(kq, r, change, link)
      const [other] = pipe()
      for (let fd = 2000; fd < 3100; fd++) {
        posix.dup2(other, fd)
        kq.kevent([read(fd)])
        kq.kevent([EV_SET(fd, EVFILT_READ, EV_DELETE)])
        posix.close(fd)
      }
      fire()
      reports(kq, change)
      kq.close()
    })
  }
})

describe('A number that the program takes from the machine', () => {
  /** A process that is watched, and the pidfd, whose number becomes a pipe of the program's. */
  function taken(kq: Kqueue): { change: Change; fd: number } {
    const { change } = SOURCES[1]!.prepare()
    const [free] = pipe()
    closeRaw(free)
    kq.kevent([change])
    assert.match(readlinkSync(`/proc/self/fd/${free}`), /pidfd/)
    const [r] = pipe()
    posix.dup2(r, free)
    return { change, fd: keep(free) }
  }

  it('is not closed when nobody watches the process any more', () => {
    const kq = queue()
    const { change, fd } = taken(kq)
    kq.kevent([{ ...change, flags: EV_DELETE }])
    assert.match(readlinkSync(`/proc/self/fd/${fd}`), /^pipe:/)
  })

  it('is not taken for the pidfd when the machine starts afresh', () => {
    const kq = queue()
    const { change, fd } = taken(kq)
    const [r, w] = pipe()
    kq.kevent([read(r)])
    keep(posix.dup(r))
    closeRaw(r)
    // What is reported of a file that no number names any more is borne for a while.
    for (let i = 0; i < 100; i++) {
      posix.write(w, 'x')
      assert.deepEqual(pending(kq), [])
    }
    kq.kevent([{ ...change, flags: EV_DELETE }])
    assert.match(readlinkSync(`/proc/self/fd/${fd}`), /^pipe:/)
  })

  it('leaves the others to be closed', () => {
    const kq = queue()
    taken(kq)
    const before = readdirSync('/proc/self/fd').length
    const { change, fire } = SOURCES[1]!.prepare()
    kq.kevent([change])
    fire()
    reports(kq, change)
    assert.equal(readdirSync('/proc/self/fd').length, before)
  })
})
