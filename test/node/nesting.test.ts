/** Epoll instances in each other: Linux allows no loop, and five; what is refused, and when. */
import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import { describe, it } from 'node:test'
import {
  type Change,
  EV_ADD,
  EV_DELETE,
  EV_DISABLE,
  EV_SET,
  EVFILT_READ,
  EVFILT_WRITE,
} from 'kqueue'
import * as posix from '../native/posix.js'
import type { Cases as Refused } from '../programs/refused.js'
import type { Cases as Sources } from '../programs/sources.js'
import { casesOf, run } from './processes.js'
import { assertWorks, cleanUp, fired, idents, keep, once, pipe, queue, read } from './queues.js'

/** The epoll instances of Node.js, among them the event loop's. */
const LOOPS = readdirSync('/proc/self/fd').filter(isEpoll).map(Number)

/** The number of epoll_ctl(2), which has an older and a newer one. */
const EPOLL_CTL = process.arch === 'x64' ? 233 : 21

function isEpoll(fd: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`) === 'anon_inode:[eventpoll]'
  } catch {
    return false
  }
}

cleanUp()

const refused = casesOf<Refused>('refused')
const sources = casesOf<Sources>('sources')

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const remove = (fd: number, filter = EVFILT_READ): Change => EV_SET(fd, filter, EV_DELETE)

/** So many epoll instances in each other: the outermost, and one end of a pipe that fires it. */
function chain(length: number): [number, number] {
  const [r, w] = pipe()
  let inner = r
  for (let i = 0; i < length; i++) {
    const outer = keep(posix.epoll())
    posix.epollAdd(outer, inner)
    inner = outer
  }
  return [inner, w]
}

describe('An epoll instance that is added while somebody waits', () => {
  it('is reported when it is the fifth with those in it', async () => {
    const kq = queue()
    const waiting = kq.wait()
    const [outer, w] = chain(3)
    kq.kevent([read(outer)])
    await turn()
    posix.write(w, 'x')
    assert.deepEqual(idents(await waiting), [outer])
  })

  for (const [filter, length] of [
    [EVFILT_READ, 4],
    [EVFILT_WRITE, 3],
  ] as const) {
    for (const [when, pause] of [
      ['in the same turn', async () => {}],
      ['later', turn],
    ] as const) {
      it(`is refused when it is too deep for filter ${filter}, ${when}`, async () => {
        const kq = queue()
        const waiting = kq.wait()
        const [outer] = chain(length)
        await pause()
        const add = EV_SET(outer, filter, EV_ADD)
        assert.throws(() => kq.kevent([add]), {
          code: 'ELOOP',
          message: new RegExp(`descriptor ${outer} is an epoll instance`),
        })
        assert.deepEqual(kq.knotes(), [])
        await turn()
        kq.kevent([fired(1)])
        assert.deepEqual(idents(await waiting), [1])
        // Nobody waits, so nothing is too deep.
        await turn()
        assertWorks(queue())
      })
    }
  }

  it('is refused when it is the event loop itself', async () => {
    const kq = queue()
    const waiting = kq.wait()
    const codes = LOOPS.map((fd) => {
      const [event] = kq.kevent([read(fd)], 1, 0)
      return event === undefined ? 0 : event.data
    })
    assert.ok(codes.includes(40), `${codes}`)
    await turn()
    kq.kevent([fired(1)])
    assert.deepEqual(idents(await waiting), [1])
  })
})

describe('A wait that cannot begin', () => {
  it('rejects with what is in its way, and is over when that is gone', async () => {
    const kq = queue()
    const [outer] = chain(4)
    const [harmless] = chain(1)
    kq.kevent([read(harmless), read(outer), once(1)])
    const reason = { code: 'ELOOP', message: new RegExp(`descriptor ${outer}, an epoll instance`) }
    await assert.rejects(kq.wait(), reason)
    await assert.rejects(kq.wait({ timeout: 5 }), reason)
    kq.kevent([remove(outer)])
    assert.deepEqual(await kq.wait({ timeout: 5 }), [])
    const waiting = kq.wait()
    kq.kevent([fired(1)])
    assert.deepEqual(idents(await waiting), [1])
  })

  it('is no waiter, and takes no event from others', async () => {
    const kq = queue()
    const other = queue()
    const [outer] = chain(4)
    other.kevent([read(outer)])
    await assert.rejects(kq.wait(), { code: 'ELOOP' })
    kq.kevent([fired(1)])
    await turn()
    assert.deepEqual(idents(kq.kevent([], 1, 0)), [1])
  })

  it('begins when the queue that is in its way is closed', async () => {
    const kq = queue()
    const other = queue()
    const [outer] = chain(3)
    const [deeper] = chain(4)
    other.kevent([EV_SET(outer, EVFILT_WRITE, EV_ADD), read(deeper)])
    await assert.rejects(kq.wait(), { code: 'ELOOP' })
    other.close()
    const waiting = kq.wait()
    kq.kevent([fired(1)])
    assert.deepEqual(idents(await waiting), [1])
  })

  it('begins when the descriptor that is in its way is closed', async () => {
    const kq = queue()
    const outer = posix.epoll()
    const [inner] = chain(3)
    posix.epollAdd(outer, inner)
    kq.kevent([read(outer)])
    await assert.rejects(kq.wait(), { code: 'ELOOP' })
    posix.close(outer)
    const waiting = kq.wait()
    kq.kevent([fired(1)])
    assert.deepEqual(idents(await waiting), [1])
  })

  it('because of the event loop itself rejects with its descriptor', async () => {
    for (const fd of LOOPS) {
      const kq = queue()
      // Disabled, or it might be ready, and nobody have to wait.
      kq.kevent([EV_SET(fd, EVFILT_READ, EV_ADD | EV_DISABLE)])
      const answer = await kq.wait({ timeout: 1 }).then(
        () => null,
        (error) => error,
      )
      if (answer === null) {
        kq.close()
        continue
      }
      assert.equal(answer.code, 'ELOOP')
      assert.match(answer.message, new RegExp(`descriptor ${fd}, an epoll instance`))
      kq.close()
      assert.deepEqual(await queue().wait({ timeout: 1 }), [])
      return
    }
    assert.fail('no epoll instance is the event loop')
  })

  it('leaves nothing behind when the system allows no more watches', () => {
    const { stdout, stderr, signal } = run(refused('may not call epoll_ctl(2)', EPOLL_CTL))
    assert.deepEqual([stdout, signal], ['1\n', 'SIGKILL'], stderr)
  })
})

describe("A queue's descriptor", () => {
  it('cannot be had while what the thread watches is too deep for it', () => {
    const kq = queue()
    const [outer] = chain(4)
    kq.kevent([read(outer)])
    for (const _ of [1, 2])
      assert.throws(() => kq.fd, { code: 'ELOOP', message: new RegExp(`descriptor ${outer}, `) })
    kq.kevent([remove(outer), fired(1)])
    assert.equal(posix.poll(kq.fd, 1), 1)
  })
})

describe('Internal descriptors that the program closes while a wait begins', () => {
  for (const how of ['gone', 'a file', 'a pipe'] as const) {
    it(`and that are ${how} then reject it`, () => {
      const { stdout, stderr, status } = run(sources('waits, and loses all', how))
      assert.equal(status, 0, stderr)
      assert.match(stdout, /^(EBADF|EINVAL|EPERM).*was closed by somebody else/, stderr)
    })

    it(`and of which any one is ${how} then does not end the process`, () => {
      for (let which = 0, more = true; more; which++) {
        const { stdout, stderr, status } = run(sources('waits, and loses one', how, which))
        assert.deepEqual([status, stderr], [0, ''], `descriptor ${which}`)
        more = stdout !== '-1\n'
      }
    })
  }
})
