/**
 * EVFILT_WRITE of pipes, fifos, files, terminals and counters. See kqueue(2),
 * "EVFILT_WRITE". Sockets have a chapter of their own.
 */
import assert from 'node:assert/strict'
import { EV_CLEAR, EV_DISPATCH, EV_EOF, EV_ONESHOT, EVFILT_READ, EVFILT_WRITE } from 'kqueue/core'
import {
  add,
  byIdent,
  chapter,
  drain,
  enable,
  expectBetween,
  expectEvents,
  expectGone,
  expectNothing,
  fill,
  next,
  pending,
  remove,
  wait,
} from './scenario.js'

const scenario = chapter('EVFILT_WRITE', { filters: [EVFILT_WRITE] })

// Pipes.

scenario('an empty pipe reports the room that it has', (w) => {
  const q = w.kqueue()
  const [, wr] = w.pipe()
  q.kevent([add(wr, EVFILT_WRITE)])
  const event = next(q)
  expectEvents([event], { ident: wr, filter: EVFILT_WRITE, flags: 0, fflags: 0 })
  expectBetween(event.data, 4096, 2 ** 24, 'bytes of room')
  assert.equal(fill(w, wr), event.data)
})

scenario('the room of a pipe falls as it fills', (w) => {
  const q = w.kqueue()
  const [, wr] = w.pipe()
  q.kevent([add(wr, EVFILT_WRITE)])
  const before = next(q).data
  w.write(wr, new Uint8Array(8192))
  assert.equal(next(q).data, before - 8192)
})

scenario('a full pipe is not reported until it is read', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(wr, EVFILT_WRITE)])
  expectEvents(pending(q), { ident: wr })
  fill(w, wr)
  expectNothing(q)
  expectNothing(q, 5)
  w.read(r, 8192)
  expectEvents(wait(q), { ident: wr, flags: 0 })
  drain(w, r)
  expectEvents(pending(q), { ident: wr })
})

scenario('a pipe with room is reported again and again', (w) => {
  const q = w.kqueue()
  const [, wr] = w.pipe()
  q.kevent([add(wr, EVFILT_WRITE)])
  for (let i = 0; i < 3; i++) expectEvents(pending(q), { ident: wr })
})

scenario('a pipe with EV_CLEAR is reported once, and again when room comes back', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(wr, EVFILT_WRITE, EV_CLEAR)])
  expectEvents(pending(q), { ident: wr, flags: EV_CLEAR })
  expectNothing(q)
  fill(w, wr)
  expectNothing(q)
  drain(w, r)
  expectEvents(wait(q), { ident: wr })
  expectNothing(q)
})

scenario('the reading end of a pipe can be watched for writing, and never is writable', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_WRITE)])
  expectNothing(q)
  w.write(wr, 'foo')
  expectNothing(q)
  q.kevent([remove(r, EVFILT_WRITE)])
})

scenario('the reading end of a pipe, watched for writing, tells that the writer is gone', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_WRITE, EV_CLEAR)])
  w.write(wr, 'foo')
  w.close(wr)
  expectEvents(wait(q), {
    ident: r,
    filter: EVFILT_WRITE,
    flags: EV_CLEAR | EV_EOF | EV_ONESHOT,
    fflags: 0,
    data: 0,
  })
  expectNothing(q)
  expectGone(q, r, EVFILT_WRITE)
})

scenario('a pipe whose reader is gone reports end of file once, and the knote is gone', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(wr, EVFILT_WRITE, 0, { udata: 'mine' })])
  w.close(r)
  expectEvents(wait(q), { ident: wr, flags: EV_EOF | EV_ONESHOT, data: 0, udata: 'mine' })
  expectNothing(q)
  expectGone(q, wr, EVFILT_WRITE)
})

scenario('every queue is told that the reader of a pipe is gone', (w) => {
  const [first, second] = [w.kqueue(), w.kqueue()]
  const [r, wr] = w.pipe()
  for (const q of [first, second]) q.kevent([add(wr, EVFILT_WRITE)])
  w.close(r)
  for (const q of [first, second]) {
    expectEvents(wait(q), { ident: wr, flags: EV_EOF | EV_ONESHOT })
    expectGone(q, wr, EVFILT_WRITE)
  }
})

scenario('that the reader is gone while a knote is disabled is told when it is enabled', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(wr, EVFILT_WRITE, EV_DISPATCH)])
  expectEvents(pending(q), { ident: wr, flags: EV_DISPATCH })
  w.close(r)
  expectNothing(q, 5)
  q.kevent([enable(wr, EVFILT_WRITE)])
  expectEvents(pending(q), { ident: wr, flags: EV_DISPATCH | EV_EOF | EV_ONESHOT })
  expectGone(q, wr, EVFILT_WRITE)
})

scenario('a full pipe whose reader is gone reports end of file', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(wr, EVFILT_WRITE)])
  fill(w, wr)
  expectNothing(q)
  w.close(r)
  expectEvents(wait(q), { ident: wr, flags: EV_EOF | EV_ONESHOT })
})

scenario('a pipe whose reader was gone before is refused with EPIPE or reported as ended', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  w.close(r)
  try {
    q.kevent([add(wr, EVFILT_WRITE)])
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'EPIPE')
    expectGone(q, wr, EVFILT_WRITE)
    return
  }
  expectEvents(wait(q), { ident: wr, flags: EV_EOF | EV_ONESHOT })
})

scenario('end of file of a pipe is reported once with EV_CLEAR', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(wr, EVFILT_WRITE, EV_CLEAR)])
  expectEvents(pending(q), { ident: wr })
  w.close(r)
  expectEvents(wait(q), { ident: wr, flags: EV_CLEAR | EV_EOF | EV_ONESHOT })
  expectNothing(q)
})

scenario('a pipe ends for its writer only when the last reader is gone', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  const other = w.dup(r)
  q.kevent([add(wr, EVFILT_WRITE)])
  w.close(r)
  expectEvents(pending(q), { ident: wr, flags: 0 })
  w.close(other)
  expectEvents(pending(q), { ident: wr, flags: EV_EOF | EV_ONESHOT })
})

scenario('the two ends of a pipe are watched side by side', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ), add(wr, EVFILT_WRITE)])
  expectEvents(pending(q), { ident: wr, filter: EVFILT_WRITE })
  fill(w, wr)
  expectEvents(pending(q), { ident: r, filter: EVFILT_READ })
})

// Fifos.

scenario('a fifo is writable while it has a reader and room', { needs: ['fifo'] }, (w) => {
  const q = w.kqueue()
  w.mkfifo('fifo')
  const r = w.open('fifo', 'r')
  const wr = w.open('fifo', 'w')
  q.kevent([add(wr, EVFILT_WRITE)])
  expectEvents(pending(q), { ident: wr, flags: 0 })
  fill(w, wr)
  expectNothing(q)
  w.read(r, 1)
  expectNothing(q)
  w.read(r, 4095)
  expectEvents(wait(q), { ident: wr, flags: 0 })
})

scenario('the end of file of a fifo is gone when a reader comes back', { needs: ['fifo'] }, (w) => {
  const q = w.kqueue()
  w.mkfifo('fifo')
  const first = w.open('fifo', 'r')
  const wr = w.open('fifo', 'w')
  q.kevent([add(wr, EVFILT_WRITE)])
  w.close(first)
  expectEvents(wait(q), { ident: wr, flags: EV_EOF })
  w.open('fifo', 'r')
  expectEvents(pending(q), { ident: wr, flags: 0 })
})

scenario('a fifo with EV_CLEAR is reported when a reader comes back', { needs: ['fifo'] }, (w) => {
  const q = w.kqueue()
  w.mkfifo('fifo')
  let r = w.open('fifo', 'r')
  const wr = w.open('fifo', 'w')
  q.kevent([add(wr, EVFILT_WRITE, EV_CLEAR)])
  expectEvents(pending(q), { ident: wr, flags: EV_CLEAR })
  for (let i = 0; i < 3; i++) {
    w.close(r)
    expectEvents(wait(q), { ident: wr, flags: EV_CLEAR | EV_EOF })
    expectNothing(q)
    r = w.open('fifo', 'r')
    expectEvents(wait(q), { ident: wr, flags: EV_CLEAR })
    expectNothing(q)
  }
})

scenario(
  'the reading end of a fifo, watched for writing, is never reported',
  { needs: ['fifo'] },
  (w) => {
    const q = w.kqueue()
    w.mkfifo('fifo')
    const r = w.open('fifo', 'r')
    const wr = w.open('fifo', 'w')
    q.kevent([add(r, EVFILT_WRITE)])
    w.close(wr)
    expectNothing(q, 5)
    q.kevent([remove(r, EVFILT_WRITE)])
  },
)

// Other kinds of file.

scenario('a regular file is always writable', { needs: ['file'] }, (w) => {
  const q = w.kqueue()
  const fd = w.open('file', 'w')
  q.kevent([add(fd, EVFILT_WRITE)])
  expectEvents(pending(q), { ident: fd, flags: 0, fflags: 0, data: 0 })
  w.write(fd, 'test')
  expectEvents(pending(q), { ident: fd, flags: 0, data: 0 })
})

scenario('both ends of a terminal are writable', { needs: ['pty'] }, (w) => {
  const q = w.kqueue()
  for (const fd of w.pty()) {
    q.kevent([add(fd, EVFILT_WRITE, EV_ONESHOT)])
    expectEvents(pending(q), { ident: fd, filter: EVFILT_WRITE, flags: EV_ONESHOT })
  }
})

scenario('a terminal tells its two ends apart', { needs: ['pty'] }, (w) => {
  const q = w.kqueue()
  const [master, slave] = w.pty()
  for (const fd of [master, slave]) q.kevent([add(fd, EVFILT_READ), add(fd, EVFILT_WRITE)])
  const ready = () => byIdent(pending(q)).map(({ ident, filter }) => [ident, filter])
  const idle = [
    [master, EVFILT_WRITE],
    [slave, EVFILT_WRITE],
  ]
  assert.deepEqual(ready(), idle)
  const arrived = w.kqueue()
  arrived.kevent([add(slave, EVFILT_READ)])
  w.write(master, ' ')
  expectEvents(wait(arrived), { ident: slave, data: 1 })
  assert.deepEqual(ready(), [...idle, [slave, EVFILT_READ]])
  drain(w, slave)
  assert.deepEqual(ready(), idle)
})

scenario('an eventfd is writable until its counter is full', { needs: ['eventfd'] }, (w) => {
  const q = w.kqueue()
  const fd = w.eventfd(0)
  q.kevent([add(fd, EVFILT_WRITE)])
  expectEvents(pending(q), { ident: fd, flags: 0 })
  w.write(fd, new Uint8Array(new BigUint64Array([2n ** 64n - 2n]).buffer))
  expectNothing(q)
  w.read(fd, 8)
  expectEvents(wait(q), { ident: fd })
})

scenario('each of two queues is told when there is room again', (w) => {
  const [first, second] = [w.kqueue(), w.kqueue()]
  const [r, wr] = w.pipe()
  fill(w, wr)
  for (const q of [first, second]) q.kevent([add(wr, EVFILT_WRITE)])
  drain(w, r)
  for (const q of [first, second]) expectEvents(wait(q), { ident: wr })
})
