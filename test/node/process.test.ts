/** EVFILT_PROC on the system itself: what the scenarios, which any kernel runs, cannot say. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import {
  EV_ADD,
  EV_SET,
  EVFILT_PROC,
  type Kevent,
  NOTE_CHILD,
  NOTE_EXEC,
  NOTE_EXIT,
  NOTE_FORK,
  NOTE_REAP,
  NOTE_TRACK,
} from 'kqueue'
import { lacksForks, lacksLateStatus } from '../native/system.js'
import { spawn } from '../patience.js'
import type { Cases } from '../programs/workers.js'
import { casesOf, descriptors, ended, message, start } from './processes.js'
import { cleanUpPuppets, idleStranger, next, puppet, reap, stranger, watch } from './puppets.js'
import { cleanUp, LONG, queue } from './queues.js'

cleanUp()
cleanUpPuppets()

const workers = casesOf<Cases>('workers')

const SIGTERM = 15

describe('A zombie', () => {
  it('is known to have exited, and how, before anybody waits for events', () => {
    const kq = queue()
    const [running, zombie] = [puppet(), puppet()]
    zombie.exit(7)
    kq.kevent([watch(running.pid, NOTE_EXIT), watch(zombie.pid, NOTE_EXIT)])
    assert.deepEqual(
      kq.knotes().map(({ ident, active, data }) => [ident, active, data]),
      [
        [running.pid, false, 0],
        [zombie.pid, true, 7 << 8],
      ],
    )
    reap(zombie.pid)
    assert.equal(next(kq).data, 7 << 8)
  })
})

describe('A process that we did not start', () => {
  it('is reported with its exit status, in a blocking kevent', () => {
    const kq = queue()
    const { pid, go } = idleStranger('exit 7')
    kq.kevent([watch(pid, NOTE_EXIT)])
    go()
    const { ident, data } = next(kq)
    assert.deepEqual([ident, data], [pid, 7 << 8])
  })

  it('is reported with the signal that ended it, in a blocking kevent', () => {
    const kq = queue()
    const pid = stranger('exec sleep 100')
    kq.kevent([watch(pid, NOTE_EXIT)])
    process.kill(pid, SIGTERM)
    assert.equal(next(kq).data, SIGTERM)
  })

  it('is reported with both to who awaits', async () => {
    const kq = queue()
    const { pid: exits, go } = idleStranger('exit 7')
    const killed = stranger('exec sleep 100')
    kq.kevent([watch(exits, NOTE_EXIT), watch(killed, NOTE_EXIT)])
    go()
    process.kill(killed, SIGTERM)
    const statuses = new Map<number, number>()
    while (statuses.size < 2) {
      for (const { ident, data } of await kq.wait()) statuses.set(ident, data)
    }
    assert.deepEqual([statuses.get(exits), statuses.get(killed)], [7 << 8, SIGTERM])
  })

  it('is reported in a worker', async () => {
    const { pid, go } = idleStranger('exit 7')
    const worker = start(workers('waits', [watch(pid, NOTE_EXIT)]))
    assert.equal(await message(worker), 'watching')
    go()
    const events = await message<Kevent[]>(worker)
    assert.deepEqual(
      events.map(({ data }) => data),
      [7 << 8],
    )
    await ended(worker)
  })

  it('is followed in a worker while the main thread follows it, too', {
    skip: lacksForks,
  }, async () => {
    const child = puppet()
    const kq = queue()
    const notes = (NOTE_TRACK | NOTE_EXIT) >>> 0
    const change = EV_SET(child.pid, EVFILT_PROC, EV_ADD, notes)
    const worker = start(workers('collects', [change], 3))
    kq.kevent([watch(child.pid, notes)])
    await message(worker)
    const grandchild = child.fork()
    grandchild.exit(3)
    child.exit(4)
    const what = ({ fflags, data }: Kevent) => [fflags, data]
    const expected = [
      [NOTE_CHILD, child.pid],
      [NOTE_EXIT, 3 << 8],
      [NOTE_EXIT, 4 << 8],
    ]
    const seen: number[][] = []
    while (seen.length < 3) {
      const events = kq.kevent([], 8, LONG)
      assert.notEqual(events.length, 0)
      seen.push(...events.map(what))
    }
    const order = (a: number[], b: number[]) => a[0]! - b[0]! || a[1]! - b[1]!
    assert.deepEqual(seen.sort(order), expected)
    const there = await message<Kevent[]>(worker)
    assert.deepEqual(there.map(what).sort(order), expected)
    await ended(worker)
  })
})

describe('A child that Node has started', () => {
  it('is reported with its status while the thread is blocked, before Node waits for it', async () => {
    const kq = queue()
    const child = spawn('sh', ['-c', 'exit 9'])
    kq.kevent([watch(child.pid!, NOTE_EXIT)])
    assert.equal(next(kq).data, 9 << 8)
    assert.deepEqual(await once(child, 'exit'), [9, null])
  })

  it('is reported with its status when Node has waited for it already', {
    skip: lacksLateStatus,
  }, async () => {
    const kq = queue()
    const child = spawn('sh', ['-c', 'exit 9'])
    kq.kevent([watch(child.pid!, NOTE_EXIT)])
    await once(child, 'exit')
    assert.equal(next(kq).data, 9 << 8)
  })
})

describe('What is no process', () => {
  it('is ESRCH: no pid, a pid of nobody, a thread', () => {
    const kq = queue()
    const child = puppet()
    const thread = child.thread()
    assert.notEqual(thread, child.pid)
    for (const ident of [0, -1, -child.pid, 2 ** 31, 2 ** 32 + child.pid, 0x7fffffff, thread]) {
      assert.throws(() => kq.kevent([watch(ident, NOTE_EXIT)]), { code: 'ESRCH' })
      if (lacksForks) continue
      assert.throws(() => kq.kevent([watch(ident, NOTE_TRACK)]), { code: 'ESRCH' })
    }
    assert.equal(kq.knotes().length, 0)
  })

  it('is not among what can be watched: ourselves, process 1, a thread of the kernel', {
    skip: lacksForks,
  }, () => {
    const kq = queue()
    const before = descriptors()
    for (const pid of [process.pid, 1, 2]) kq.kevent([watch(pid, NOTE_EXIT | NOTE_FORK)])
    assert.equal(kq.knotes().length, 3)
    kq.close()
    assert.ok(descriptors() <= before)
  })
})

describe('Threads', () => {
  it('are no forks, and their end is no exit', { skip: lacksForks }, () => {
    const kq = queue()
    const child = puppet()
    kq.kevent([watch(child.pid, NOTE_FORK | NOTE_EXIT | NOTE_TRACK)])
    child.thread()
    assert.deepEqual(kq.kevent([], 8, 20), [])
    child.exit(2)
    assert.equal(next(kq).data, 2 << 8)
  })

  it('execute for the whole process', { skip: lacksForks }, () => {
    const kq = queue()
    const child = puppet()
    kq.kevent([watch(child.pid, NOTE_EXEC | NOTE_EXIT)])
    child.thread()
    child.execByThread()
    const exec = next(kq)
    assert.deepEqual([exec.fflags, exec.data], [NOTE_EXEC, 0])
    assert.deepEqual(kq.kevent([], 8, 20), [])
    child.exit(5)
    assert.equal(next(kq).data, 5 << 8)
  })

  it('end the process when the last one ends, not the first', { skip: lacksForks }, () => {
    const kq = queue()
    const child = puppet()
    kq.kevent([watch(child.pid, NOTE_EXIT | NOTE_TRACK)])
    const grandchild = child.fork()
    assert.equal(next(kq).fflags, NOTE_CHILD)
    grandchild.exitByThread(6)
    const { ident, data } = next(kq)
    assert.deepEqual([ident, data], [grandchild.pid, 6 << 8])
  })
})

describe('A followed process', { skip: lacksForks }, () => {
  it('is reported in full when nobody looks until all is over', () => {
    const kq = queue()
    const child = puppet()
    kq.kevent([watch(child.pid, NOTE_TRACK | NOTE_EXIT | NOTE_EXEC)])
    // The child forks, the grandchild executes a program by a thread and exits.
    const grandchild = child.fork()
    grandchild.thread()
    grandchild.execByThread()
    const greatGrandchild = grandchild.fork()
    grandchild.exit(7)
    greatGrandchild.exit(8)
    child.exit(9)
    reap(child.pid)
    const events: Kevent[] = []
    while (events.length < 5) {
      const more = kq.kevent([], 8, LONG)
      assert.notEqual(more.length, 0, `${events.length} events`)
      events.push(...more)
    }
    assert.deepEqual(kq.kevent([], 8, 5), [])
    const found = (pid: number) =>
      events.filter(({ ident }) => ident === pid).map(({ fflags, data }) => [fflags, data])
    assert.deepEqual(found(child.pid), [[NOTE_EXIT, 9 << 8]])
    assert.deepEqual(found(grandchild.pid), [
      [NOTE_CHILD, child.pid],
      [(NOTE_EXEC | NOTE_EXIT) >>> 0, 7 << 8],
    ])
    assert.deepEqual(found(greatGrandchild.pid), [
      [NOTE_CHILD, grandchild.pid],
      [NOTE_EXIT, 8 << 8],
    ])
  })

  it('may be watched in the same queue already', () => {
    const kq = queue()
    const parent = puppet()
    kq.kevent([watch(parent.pid, NOTE_TRACK | NOTE_EXIT)])
    const child = parent.fork()
    kq.kevent([watch(child.pid, NOTE_EXIT)])
    assert.equal(next(kq).fflags, NOTE_CHILD)
    child.exit(1)
    assert.equal(next(kq).data, 1 << 8)
    assert.deepEqual(kq.kevent([], 8, 5), [])
  })

  it('has done nothing before it was watched', () => {
    const first = queue()
    const kq = queue()
    const parent = puppet()
    first.kevent([watch(parent.pid, NOTE_FORK | NOTE_EXEC | NOTE_TRACK)])
    parent.fork()
    parent.exec()
    kq.kevent([watch(parent.pid, NOTE_FORK | NOTE_EXEC | NOTE_TRACK)])
    assert.deepEqual(kq.kevent([], 8, 5), [])
    assert.equal(first.kevent([], 8, LONG).length, 2)
  })

  it('is heard of as long as somebody asks for it', () => {
    const kq = queue()
    const parent = puppet()
    const before = descriptors()
    kq.kevent([watch(parent.pid, NOTE_EXIT)])
    assert.equal(descriptors(), before + 1, 'a pidfd')
    kq.kevent([watch(parent.pid, NOTE_EXIT | NOTE_FORK)])
    assert.ok(descriptors() > before + 1, 'and a socket')
    parent.fork()
    assert.equal(next(kq).fflags, NOTE_FORK)
    kq.kevent([watch(parent.pid, NOTE_EXIT)])
    assert.equal(descriptors(), before + 1)
    parent.fork()
    assert.deepEqual(kq.kevent([], 8, 5), [])
  })

  it('shares its pidfd among all queues, and leaves none behind', () => {
    const before = descriptors()
    const child = puppet()
    const during = descriptors()
    const queues = Array.from({ length: 10 }, queue)
    for (const kq of queues) kq.kevent([watch(child.pid, NOTE_EXIT)])
    assert.equal(descriptors(), during + queues.length + 1)
    for (const kq of queues) kq.close()
    assert.equal(descriptors(), during)
    assert.ok(during > before)
  })
})

describe('NOTE_REAP', () => {
  it('comes when another process waits for its child', () => {
    const kq = queue()
    const child = puppet()
    const grandchild = child.fork()
    kq.kevent([watch(grandchild.pid, NOTE_REAP)])
    grandchild.exit(0)
    assert.deepEqual(kq.kevent([], 8, 5), [])
    // Process 1 takes it over and waits.
    child.exit(0)
    assert.equal(next(kq).fflags, NOTE_REAP)
  })
})
