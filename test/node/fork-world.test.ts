/** Copies in the world: generations, children and parents that end, limits, and what fails. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { EV_ADD, EV_CLEAR, EV_SET, EVFILT_PROC, fork, forkOptions, NOTE_EXIT } from 'kqueue'
import * as posix from '../native/posix.js'
import { spawn, until, within } from '../patience.js'
import type { Cases } from '../programs/parents.js'
import { directory } from './files.js'
import { copied, INHERITOR, Inheritor, keepChild, start, warmUp } from './inheritors.js'
import { limited, noUsers } from './namespaces.js'
import { casesOf, descriptors, program } from './processes.js'
import { cleanUp, clear, idents, keep, pipe, queue, read, trigger } from './queues.js'

await warmUp()
cleanUp()

const parents = casesOf<Cases>('parents')

describe('Copies of copies', () => {
  it('have what was pending, each for itself, in four generations', async () => {
    const kq = copied()
    const [r, w] = pipe()
    kq.kevent([clear(1), trigger(1), read(r, EV_CLEAR)])
    posix.write(w, 'x')
    const child = start().begin()
    assert.deepEqual(await child.ask({ what: 'generation', fd: kq.fd, left: 3 }), [2, 2, 2, 2])
    await child.end()
    assert.equal(kq.kevent([], 8, 0).length, 2)
  })
})

describe('Many children', () => {
  it('have their own copies at a time', async () => {
    const kq = copied()
    const [r, w] = pipe()
    kq.kevent([read(r, EV_CLEAR)])
    const children = Array.from({ length: 8 }, () => start())
    posix.write(w, 'x')
    for (const child of children) child.begin()
    for (const child of children) assert.deepEqual(idents(await child.events(kq.fd)), [r])
    await Promise.all(children.map((child) => child.end()))
  })

  it('that end at once leave nothing', async () => {
    copied()
    const before = descriptors()
    const children = Array.from({ length: 8 }, () => keepChild(fork(INHERITOR, ['wait'])))
    const exits = children.map((child) => once(child, 'exit'))
    for (const child of children) child.kill('SIGKILL')
    await within(Promise.all(exits), 'they end')
    await until(() => descriptors() === before, 'all descriptors are closed')
  })
})

describe('A child whose parent has ended', () => {
  it('has its copies', async () => {
    const [r, w] = posix.pipe2(0)
    keep(r)
    const stdio: (string | number)[] = ['ignore', 'inherit', 'inherit']
    stdio[w] = w
    const parent = spawn(process.execPath, program(parents('leaves a child', w)), {
      stdio: stdio as never,
    })
    posix.close(w)
    await within(once(parent, 'exit'), 'the parent ends')
    const kq = queue()
    kq.kevent([read(r)])
    const [event] = await kq.wait({ nevents: 1, timeout: 30_000 })
    assert.equal(event?.data, 2)
    assert.equal(Buffer.from(posix.read(r)).toString(), '1\n')
  })
})

describe('Options for several children', () => {
  it('give each a copy, as the queues were then', async () => {
    const kq = copied()
    const [r, w] = pipe()
    kq.kevent([read(r), clear(1), trigger(1)])
    posix.write(w, 'x')
    const options = forkOptions({ stdio: ['pipe', 'inherit', 'inherit', 'ipc'] })
    kq.kevent([], 8, 0)
    const children = [1, 2, 3].map(() => {
      const child = spawn(process.execPath, [INHERITOR, 'wait'], options)
      return new Inheritor(child).begin()
    })
    for (const child of children) {
      assert.deepEqual(idents(await child.events(kq.fd)).sort(), [1, r].sort())
    }
    await Promise.all(children.map((child) => child.end()))
    const before = descriptors()
    options.close()
    options.close()
    assert.ok(descriptors() < before)
  })
})

describe('What fails', () => {
  it('is what child_process says, and nothing stays open', async () => {
    const kq = copied()
    kq.kevent([EV_SET(process.pid, EVFILT_PROC, EV_ADD, NOTE_EXIT)])
    const before = descriptors()
    assert.throws(() => fork(INHERITOR, [], { stdio: ['pipe'] }), {
      code: 'ERR_CHILD_PROCESS_IPC_REQUIRED',
    })
    assert.throws(() => fork(INHERITOR, [], { stdio: 'nonsense' as never }), TypeError)
    const [error] = await within(once(fork(INHERITOR, [], { execPath: '/none' }), 'error'), 'error')
    assert.equal(error.code, 'ENOENT')
    await until(() => descriptors() === before, 'all descriptors are closed')
  })

  it('is nothing when a descriptor was closed', async () => {
    const kq = copied()
    const [r, w] = posix.pipe2(0)
    keep(w)
    kq.kevent([read(r), clear(1)])
    posix.close(r)
    const child = start().begin()
    assert.deepEqual(idents(await child.knotes(kq.fd)), [1])
    await child.end()
  })

  it('is told of the files that there is no inotify instance for; the others are whole', {
    skip: noUsers,
  }, () => {
    const what = parents('has the last inotify instance', `${directory()}/file`, INHERITOR)
    const { status, stdout, stderr } = limited('max_inotify_instances', 1, what)
    assert.deepEqual([stdout, status], ['whole\n', 0], stderr)
  })
})
