/** EVFILT_PROCDESC on the system itself. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import {
  EV_ADD,
  EV_DELETE,
  EV_SET,
  EVFILT_PROCDESC,
  EVFILT_READ,
  NOTE_EXIT,
  NOTE_FORK,
  NOTE_REAP,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { lacksLateStatus } from '../native/system.js'
import { spawn, untilBlocking } from '../patience.js'
import { descriptors } from './processes.js'
import { cleanUpPuppets, next, puppet, reap } from './puppets.js'
import { cleanUp, LONG, pipe, queue } from './queues.js'

cleanUp()
cleanUpPuppets()

const watch = (fd: number, notes = NOTE_EXIT) => EV_SET(fd, EVFILT_PROCDESC, EV_ADD, notes)

describe('A pidfd', () => {
  it('tells how its process ended, also when its number was closed by then to others', {
    skip: lacksLateStatus,
  }, async () => {
    const kq = queue()
    const child = spawn('sh', ['-c', 'read x; exit 9'])
    const fd = posix.pidfdOpen(child.pid!)
    kq.kevent([watch(fd)])
    child.stdin.write('go\n')
    await once(child, 'exit')
    assert.deepEqual(
      [next(kq)].map(({ ident, data }) => [ident, data]),
      [[fd, 9 << 8]],
    )
    kq.kevent([watch(fd)])
    assert.equal(next(kq).data, 9 << 8, 'long after it was reaped')
    posix.close(fd)
  })

  it('tells that its process was reaped', () => {
    const kq = queue()
    const child = puppet()
    const fd = posix.pidfdOpen(child.pid)
    kq.kevent([watch(fd, (NOTE_EXIT | NOTE_REAP) >>> 0)])
    child.exit(1)
    assert.equal(next(kq).data, 1 << 8)
    reap(child.pid)
    assert.equal(next(kq).fflags, NOTE_REAP)
    posix.close(fd)
  })

  it('is watched for reading beside', () => {
    const kq = queue()
    const child = puppet()
    const fd = posix.pidfdOpen(child.pid)
    kq.kevent([watch(fd), EV_SET(fd, EVFILT_READ, EV_ADD)])
    child.exit(1)
    const filters = new Set<number>()
    const both = () => {
      for (const { filter } of kq.kevent([], 8, LONG)) filters.add(filter)
      return filters.size === 2
    }
    untilBlocking(both, 'both are reported')
    assert.deepEqual(filters, new Set([EVFILT_PROCDESC, EVFILT_READ]))
    posix.close(fd)
  })

  it('leaves no descriptor behind, deleted or closed', () => {
    const kq = queue()
    const before = descriptors()
    const child = puppet()
    const during = descriptors()
    const fd = posix.pidfdOpen(child.pid)
    kq.kevent([watch(fd)])
    kq.kevent([EV_SET(fd, EVFILT_PROCDESC, EV_DELETE)])
    assert.equal(descriptors(), during + 1)
    kq.kevent([watch(fd)])
    posix.close(fd)
    assert.deepEqual(kq.knotes(), [])
    assert.equal(descriptors(), during)
    assert.ok(during > before)
  })

  it('whose number is a pipe now is not reported', () => {
    const kq = queue()
    const child = puppet()
    const fd = posix.pidfdOpen(child.pid)
    kq.kevent([watch(fd)])
    const [r] = pipe()
    posix.dup2(r, fd)
    child.exit(1)
    assert.deepEqual(kq.kevent([], 8, 20), [])
    posix.close(fd)
  })

  it('does not tell of forks', () => {
    const kq = queue()
    const fd = posix.pidfdOpen(puppet().pid)
    assert.throws(() => kq.kevent([watch(fd, NOTE_FORK)]), { code: 'EINVAL', message: /NOTE_EXIT/ })
    posix.close(fd)
  })
})

describe('What is no pidfd', () => {
  it('is EINVAL, and what is no descriptor EBADF', () => {
    const kq = queue()
    const [r] = pipe()
    assert.throws(() => kq.kevent([watch(r)]), { code: 'EINVAL' })
    assert.throws(() => kq.kevent([watch(kq.fd)]), { code: 'EINVAL' })
    assert.throws(() => kq.kevent([watch(queue().fd)]), { code: 'EINVAL' })
    assert.throws(() => kq.kevent([watch(999_999)]), { code: 'EBADF' })
    assert.throws(() => kq.kevent([watch(-1)]), { code: 'EBADF' })
  })
})
