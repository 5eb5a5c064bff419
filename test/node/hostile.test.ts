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
import { descriptors, run } from './processes.js'
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

/** The end of a program that printed 'done'. */
function passes(code: string, files = 64): void {
  const { status, stdout, stderr, signal } = run(`${EXHAUST}${code}\nconsole.log('done')`, {
    files,
  })
  assert.equal(stderr, '')
  assert.deepEqual([status, signal, stdout], [0, null, 'done\n'])
}

/** `taken` holds all descriptors that were free; `give(n)` frees n of them. */
const EXHAUST = `
const taken = []
const exhaust = () => {
  for (;;) try { taken.push(posix.eventfd(0)) } catch (error) { return error }
}
const give = (n) => { while (n-- > 0) posix.close(taken.pop()) }
const open = () => {
  let n = 0
  for (let fd = 0; fd < 64; fd++) try { posix.fcntl(fd, posix.constants.F_GETFD); n++ } catch {}
  return n
}
const isEmfile = (error) => {
  assert.equal(error.code, 'EMFILE', String(error.stack))
  assert.ok(error instanceof K.KqueueError)
  assert.equal(error.errno, -24)
  return true
}
const works = (kq) => {
  const [event] = kq.kevent([K.EV_SET(7, K.EVFILT_USER, K.EV_ADD | K.EV_ONESHOT, K.NOTE_TRIGGER)], 1, 0)
  assert.equal(event.ident, 7)
}
`

describe('With no descriptor left', () => {
  it('kqueue answers EMFILE, and works when some are free again', () => {
    passes(`
      K.kqueue().close()
      exhaust()
      for (let i = 0; i < 10; i++) assert.throws(() => K.kqueue(), isEmfile)
      assert.throws(() => K.kqueuex(0), isEmfile)
      give(1)
      const kq = K.kqueue()
      works(kq)
      assert.throws(() => K.kqueue(), isEmfile)
      kq.close()
      works(K.kqueue())`)
  })

  it('the first kqueue of a process answers EMFILE, and works when some are free again', () => {
    passes(`
      exhaust()
      assert.throws(() => K.kqueue(), isEmfile)
      assert.throws(() => K.kqueue(), isEmfile)
      give(20)
      works(K.kqueue())`)
  })

  it('a first kqueue that fails halfway keeps no descriptor', () => {
    passes(`
      exhaust()
      const full = open()
      let made = false
      for (let free = 0; free < 12 && !made; free++) {
        let kq
        try { kq = K.kqueue() } catch (error) { if (free > 0) isEmfile(error) }
        if (kq) { works(kq); made = true; continue }
        // The kernel of the thread takes four and keeps them; the queue needs one more.
        if (free < 4) assert.equal(open(), full - free, free + ' free')
        give(1)
      }
      assert.ok(made)`)
  })

  it('a worker gets EMFILE as well, or does not start', () => {
    passes(
      `
      const { Worker } = await import('node:worker_threads')
      const worker = new Worker(\`
        const { parentPort, workerData } = require('node:worker_threads')
        Promise.all([import(workerData[0]), import(workerData[1])]).then(([K, posix]) => {
          const taken = []
          for (;;) try { taken.push(posix.eventfd(0)) } catch { break }
          let code
          try { K.kqueue() } catch (error) { code = error.code }
          for (const fd of taken) posix.close(fd)
          parentPort.postMessage(code)
        })\`, { eval: true, execArgv: [], workerData: ['${import.meta.resolve('kqueue')}', '${new URL('../native/posix.js', import.meta.url).href}'] })
      const code = await new Promise((resolve) => worker.once('message', resolve))
      assert.equal(code, 'EMFILE')`,
      256,
    )
  })

  it('queues that are there go on: pipes, timers, files, event counters', () => {
    passes(`
      const kq = K.kqueue()
      const [r, w] = posix.pipe2(0)
      const counter = posix.eventfd(3)
      const file = fs.openSync('/proc/self/exe', 'r')
      const [r2] = posix.pipe2(0)
      exhaust()
      const add = (ident, filter, data) => K.EV_SET(ident, filter, K.EV_ADD | K.EV_ONESHOT, 0, data)
      posix.write(w, 'hello')
      assert.equal(kq.kevent([add(r, K.EVFILT_READ)], 4, 0)[0].data, 5)
      assert.ok(kq.kevent([add(w, K.EVFILT_WRITE)], 4, 0)[0].data > 0)
      assert.equal(kq.kevent([add(1, K.EVFILT_TIMER, 1)], 4, 1000).length, 1)
      assert.equal(kq.kevent([add(counter, K.EVFILT_READ)], 4, 0).length, 1)
      kq.kevent([K.EV_SET(r2, K.EVFILT_READ, K.EV_ADD)])
      assert.equal(kq.knotes().length, 1)
      assert.equal((await kq.wait({ timeout: 1 })).length, 0)
      works(kq)
      let failure
      try { kq.kevent([add(file, K.EVFILT_READ)]) } catch (error) { failure = error }
      if (failure) isEmfile(failure)`)
  })

  it('queues survive that the kernel would like a fresh set of descriptors', () => {
    passes(
      `
      const kq = K.kqueue()
      const [r, w] = posix.pipe2(0)
      kq.kevent([K.EV_SET(r, K.EVFILT_READ, K.EV_ADD)])
      const kept = []
      // Watched, kept alive by a duplicate, closed: such files cannot be taken out of epoll.
      for (let i = 0; i < 300; i++) {
        if (i === 250) exhaust()
        if (i >= 250) give(2)
        const fd = posix.eventfd(1)
        kq.kevent([K.EV_SET(fd, K.EVFILT_READ, K.EV_ADD)])
        kept.push(posix.dup(fd))
        posix.close(fd)
        if (i >= 250) taken.push(posix.eventfd(0))
        kq.kevent([], 8, 0)
        kq.knotes()
      }
      for (const fd of kept) { try { posix.write(fd, new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0])) } catch {} }
      for (let i = 0; i < 5; i++) assert.equal(kq.kevent([], 8, 0).length, 0)
      posix.write(w, 'x')
      assert.deepEqual(kq.kevent([], 8, 1000).map(({ ident }) => ident), [r])
      posix.read(r, 1)
      works(kq)`,
      800,
    )
  })

  it('readable, writable and ticks reject with EMFILE', () => {
    passes(`
      K.kqueue().close()
      const [r, w] = posix.pipe2(0)
      exhaust()
      await assert.rejects(K.readable(r), isEmfile)
      await assert.rejects(K.writable(w), isEmfile)
      await assert.rejects(K.ticks(1).next(), isEmfile)
      give(1)
      assert.ok((await K.writable(w)).space > 0)`)
  })
})
