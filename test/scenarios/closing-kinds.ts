/**
 * Closing descriptors of other kinds than pipes, a queue among them, and the
 * numbers that they leave behind. kqueue(2), close(2).
 */
import assert from 'node:assert/strict'
import {
  EV_CLEAR,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_WRITE,
  NOTE_TRIGGER,
} from 'kqueue/core'
import {
  add,
  byIdent,
  chapter,
  drain,
  expectError,
  expectEvents,
  expectGone,
  expectNothing,
  pending,
  pipeAt,
  remove,
  trigger,
} from './scenario.js'

const scenario = chapter('Closing other descriptors', { filters: [EVFILT_READ, EVFILT_WRITE] })

scenario('closing a regular file removes its knotes', { needs: ['file'] }, (w) => {
  const q = w.kqueue()
  const writer = w.open('log', 'a')
  const r = w.open('log', 'r')
  q.kevent([add(r, EVFILT_READ)])
  w.close(r)
  w.write(writer, 'grown')
  expectNothing(q)
  expectError('EBADF', () => q.kevent([remove(r, EVFILT_READ)]))
})

scenario(
  'a file that grows is not reported for another that got its number',
  { needs: ['file'] },
  (w) => {
    const q = w.kqueue()
    const writer = w.open('one', 'a')
    const r = w.open('one', 'r')
    w.close(w.open('two', 'w'))
    q.kevent([add(r, EVFILT_READ)])
    w.close(r)
    const two = w.open('two', 'r')
    if (two !== r) w.dup2(two, r)
    w.write(writer, 'grown')
    expectNothing(q)
    expectGone(q, r, EVFILT_READ)
  },
)

scenario(
  'a file opened again under its number is not watched',
  {
    needs: ['file', 'told-of-close'],
  },
  (w) => {
    const q = w.kqueue()
    const writer = w.open('log', 'a')
    const r = w.open('log', 'r')
    q.kevent([add(r, EVFILT_READ)])
    w.close(r)
    assert.equal(w.open('log', 'r'), r)
    w.write(writer, 'grown')
    expectNothing(q)
    expectGone(q, r, EVFILT_READ)
  },
)

scenario('closing a listening socket removes its knotes', { needs: ['tcp'] }, (w) => {
  const q = w.kqueue()
  const listener = w.listen('tcp')
  q.kevent([add(listener, EVFILT_READ)])
  w.connect(listener)
  w.close(listener)
  expectNothing(q, 5)
})

scenario('closing a watched terminal removes its knotes', { needs: ['pty'] }, (w) => {
  const q = w.kqueue()
  const [master, slave] = w.pty()
  q.kevent([add(slave, EVFILT_READ)])
  w.write(master, 'x\n')
  w.close(slave)
  expectNothing(q)
})

scenario('opening, watching and closing over and over leaves nothing behind', (w) => {
  const q = w.kqueue()
  for (let i = 0; i < 1000; i++) {
    const [r, wr] = w.pipe()
    q.kevent([add(r, EVFILT_READ, 0, { udata: i }), add(wr, EVFILT_WRITE, EV_CLEAR)])
    w.write(wr, 'x')
    if (i % 3 === 0) expectEvents(byIdent(pending(q)), { ident: r, udata: i }, { ident: wr })
    w.close(r)
    w.close(wr)
    if (i % 5 === 0) expectNothing(q)
  }
  expectNothing(q)
})

// The queue itself.

scenario('a closed queue refuses every call with EBADF', { filters: [EVFILT_USER] }, (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER), trigger(1)])
  q.close()
  expectError('EBADF', () => q.kevent([], 8, 0))
  expectError('EBADF', () => q.kevent([trigger(1)]))
  expectError('EBADF', () => q.kevent())
})

scenario('closing a queue leaves what it watched', (w) => {
  const q = w.kqueue()
  const other = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ)])
  other.kevent([add(r, EVFILT_READ)])
  w.write(wr, 'x')
  q.close()
  expectEvents(pending(other), { ident: r })
  assert.equal(drain(w, r), 1)
})

scenario(
  'a queue whose descriptor was closed refuses every call with EBADF',
  {
    filters: [EVFILT_USER],
  },
  (w) => {
    const q = w.kqueue()
    q.kevent([add(1, EVFILT_USER)])
    w.close(q.fd)
    expectError('EBADF', () => q.kevent([trigger(1)], 1, 0))
  },
)

scenario('a queue leaves alone the file that got its number', { filters: [EVFILT_USER] }, (w) => {
  const q = w.kqueue()
  const { fd } = q
  q.kevent([add(1, EVFILT_USER)])
  w.close(fd)
  const wr = pipeAt(w, fd)
  expectError('EBADF', () => q.kevent([trigger(1)], 1, 0))
  try {
    q.close()
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'EBADF')
  }
  w.write(wr, 'still here')
  assert.equal(w.read(fd, 64).length, 10)
})

scenario(
  'a new queue under the number of a closed one is empty',
  { filters: [EVFILT_USER] },
  (w) => {
    const q = w.kqueue()
    q.kevent([add(1, EVFILT_USER), trigger(1)])
    q.close()
    for (const other of [w.kqueue(), w.kqueue()]) {
      expectNothing(other)
      expectGone(other, 1, EVFILT_USER)
    }
  },
)

scenario(
  'a pipe that gets the number of a queue can be watched',
  { filters: [EVFILT_USER] },
  (w) => {
    for (const close of ['by the queue', 'by number']) {
      const q = w.kqueue()
      const old = w.kqueue()
      const { fd } = old
      q.kevent([add(fd, EVFILT_READ)])
      old.kevent([add(1, EVFILT_USER), trigger(1)])
      if (close === 'by number') w.close(fd)
      else old.close()
      const wr = pipeAt(w, fd)
      expectGone(q, fd, EVFILT_READ)
      q.kevent([add(fd, EVFILT_READ)])
      expectNothing(q)
      w.write(wr, 'abc')
      expectEvents(pending(q), { ident: fd, data: 3 })
    }
  },
)

scenario('a pipe that gets the number of a file can be watched', { needs: ['file'] }, (w) => {
  const q = w.kqueue()
  const writer = w.open('log', 'a')
  const r = w.open('log', 'r')
  q.kevent([add(r, EVFILT_READ)])
  w.close(r)
  const wr = pipeAt(w, r)
  q.kevent([add(r, EVFILT_READ)])
  w.write(writer, 'grown')
  expectNothing(q)
  w.write(wr, 'x')
  expectEvents(pending(q), { ident: r, data: 1 })
})

scenario('a file that gets the number of a pipe can be watched', { needs: ['file'] }, (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  w.dup(r)
  const writer = w.open('log', 'a')
  q.kevent([add(r, EVFILT_READ)])
  w.dup2(w.open('log', 'r'), r)
  q.kevent([add(r, EVFILT_READ)])
  w.write(wr, 'x')
  expectNothing(q)
  w.write(writer, 'grown')
  expectEvents(pending(q), { ident: r, data: 5 })
})

scenario('a file made after another was removed is not taken for it', { needs: ['file'] }, (w) => {
  const q = w.kqueue()
  const old = w.open('old', 'a')
  const r = w.open('old', 'r')
  q.kevent([add(r, EVFILT_READ)])
  w.unlink('old')
  w.close(r)
  w.close(old)
  const made = w.open('new', 'a')
  const writer = made === r ? w.dup(made) : made
  const reader = w.open('new', 'r')
  if (reader !== r) w.dup2(reader, r)
  w.write(writer, 'grown')
  expectNothing(q)
  expectGone(q, r, EVFILT_READ)
})

scenario('another filter on a reused number leaves the first one gone', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  w.dup(r)
  q.kevent([add(r, EVFILT_READ)])
  const [, other] = w.pipe()
  w.dup2(other, r)
  q.kevent([add(r, EVFILT_WRITE, EV_CLEAR)])
  w.write(wr, 'x')
  expectEvents(pending(q), { ident: r, filter: EVFILT_WRITE })
  expectNothing(q)
  expectGone(q, r, EVFILT_READ)
})

scenario(
  'queues can be made and closed over and over',
  {
    filters: [EVFILT_USER, EVFILT_TIMER],
  },
  (w) => {
    const [r, wr] = w.pipe()
    w.write(wr, 'x')
    for (let i = 0; i < 500; i++) {
      const q = w.kqueue()
      q.kevent([
        add(1, EVFILT_USER, 0, { fflags: NOTE_TRIGGER }),
        add(2, EVFILT_TIMER, 0, { data: 1 }),
        add(r, EVFILT_READ),
      ])
      if (i % 2) expectEvents(pending(q, 2), { ident: 1 }, { ident: r })
      q.close()
    }
  },
)
