/**
 * EVFILT_READ of pipes, fifos, terminals and counters. See kqueue(2),
 * "EVFILT_READ". Sockets and regular files have chapters of their own.
 */
import assert from 'node:assert/strict'
import { EV_CLEAR, EV_EOF, EV_ONESHOT, EVFILT_READ, NOTE_LOWAT } from 'kqueue/core'
import {
  add,
  byIdent,
  chapter,
  drain,
  expectEvents,
  expectNothing,
  fill,
  next,
  pending,
  remove,
  wait,
} from './scenario.js'

const scenario = chapter('EVFILT_READ', { filters: [EVFILT_READ] })

// Pipes.

scenario('a pipe reports how many bytes there are', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ)])
  expectNothing(q)
  w.write(wr, 'hello ')
  w.write(wr, 'world')
  expectEvents(pending(q), { ident: r, filter: EVFILT_READ, flags: 0, fflags: 0, data: 11 })
})

scenario('a pipe is reported until it is empty', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ)])
  w.write(wr, 'abc')
  for (const left of [3, 2, 1]) {
    expectEvents(pending(q), { ident: r, data: left })
    w.read(r, 1)
  }
  expectNothing(q)
})

scenario('the udata comes back with the event', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  const mine = { fd: r }
  q.kevent([add(r, EVFILT_READ, EV_ONESHOT, { udata: mine })])
  w.write(wr, 'x')
  assert.equal(next(q).udata, mine)
})

scenario('two queues are both told of one descriptor', (w) => {
  const one = w.kqueue()
  const two = w.kqueue()
  const [r, wr] = w.pipe()
  one.kevent([add(r, EVFILT_READ)])
  two.kevent([add(r, EVFILT_READ, EV_CLEAR)])
  w.write(wr, 'ab')
  expectEvents(pending(one), { ident: r, data: 2 })
  expectEvents(pending(two), { ident: r, data: 2 })
  one.kevent([remove(r, EVFILT_READ)])
  w.write(wr, 'c')
  expectEvents(pending(two), { ident: r, data: 3 })
  expectNothing(one)
})

scenario('a watch that one queue deletes goes on in the other', (w) => {
  const one = w.kqueue()
  const two = w.kqueue()
  const [r, wr] = w.pipe()
  one.kevent([add(r, EVFILT_READ)])
  two.kevent([add(r, EVFILT_READ)])
  one.close()
  w.write(wr, 'x')
  expectEvents(pending(two), { ident: r, data: 1 })
})

scenario('the writing end of a pipe can be watched for reading, and never is readable', (w) => {
  const q = w.kqueue()
  const [, wr] = w.pipe()
  q.kevent([add(wr, EVFILT_READ)])
  w.write(wr, 'x')
  expectNothing(q)
  const other = w.kqueue()
  other.kevent([add(wr, EVFILT_READ)])
  expectNothing(other)
  q.kevent([remove(wr, EVFILT_READ)])
})

scenario('the writing end of a pipe, watched for reading, tells that the reader is gone', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(wr, EVFILT_READ)])
  w.write(wr, 'x')
  w.close(r)
  expectEvents(wait(q), { ident: wr, filter: EVFILT_READ, flags: EV_EOF, fflags: 0, data: 0 })
  expectEvents(pending(q), { ident: wr, flags: EV_EOF, data: 0 })
})

scenario('that the reader is gone is told once with EV_CLEAR, and after it has gone', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(wr, EVFILT_READ, EV_CLEAR)])
  w.close(r)
  expectEvents(wait(q), { ident: wr, flags: EV_CLEAR | EV_EOF })
  expectNothing(q)
  const late = w.kqueue()
  late.kevent([add(wr, EVFILT_READ)])
  expectEvents(pending(late), { ident: wr, flags: EV_EOF, data: 0 })
})

scenario(
  'the writing end of a fifo, watched for reading, is never reported',
  { needs: ['fifo'] },
  (w) => {
    const q = w.kqueue()
    w.mkfifo('fifo')
    const r = w.open('fifo', 'r')
    const wr = w.open('fifo', 'w')
    q.kevent([add(wr, EVFILT_READ)])
    w.write(wr, 'x')
    expectNothing(q)
    w.close(r)
    expectNothing(q, 5)
    q.kevent([remove(wr, EVFILT_READ)])
  },
)

scenario('a pipe whose writer is gone reports end of file, again and again', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ)])
  expectNothing(q)
  w.close(wr)
  expectEvents(pending(q), { ident: r, flags: EV_EOF, fflags: 0, data: 0 })
  expectEvents(pending(q), { ident: r, flags: EV_EOF, data: 0 })
})

scenario('end of file comes with the bytes that are left', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ)])
  w.write(wr, 'abc')
  w.close(wr)
  expectEvents(pending(q), { ident: r, flags: EV_EOF, data: 3 })
  w.read(r, 2)
  expectEvents(pending(q), { ident: r, flags: EV_EOF, data: 1 })
  w.read(r, 2)
  expectEvents(pending(q), { ident: r, flags: EV_EOF, data: 0 })
})

scenario('end of file is reported once with EV_CLEAR', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ, EV_CLEAR)])
  w.close(wr)
  expectEvents(pending(q), { ident: r, flags: EV_CLEAR | EV_EOF })
  expectNothing(q)
})

scenario('end of file that follows the last bytes is an event of its own with EV_CLEAR', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ, EV_CLEAR)])
  w.write(wr, 'x')
  expectEvents(pending(q), { ident: r, flags: EV_CLEAR, data: 1 })
  w.close(wr)
  expectEvents(pending(q), { ident: r, flags: EV_CLEAR | EV_EOF, data: 1 })
})

scenario('adding again with EV_CLEAR does not silence an end of file', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ)])
  w.close(wr)
  q.kevent([add(r, EVFILT_READ, EV_CLEAR)])
  expectEvents(pending(q), { ident: r, flags: EV_EOF })
  expectEvents(pending(q), { ident: r, flags: EV_EOF })
})

scenario('an end of file from before the knote is reported', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  w.close(wr)
  q.kevent([add(r, EVFILT_READ)])
  expectEvents(pending(q), { ident: r, flags: EV_EOF, data: 0 })
})

scenario('a pipe ends only when its last writer is gone', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  const other = w.dup(wr)
  q.kevent([add(r, EVFILT_READ)])
  w.close(wr)
  expectNothing(q)
  w.write(other, 'x')
  expectEvents(pending(q), { ident: r, flags: 0, data: 1 })
  w.close(other)
  expectEvents(pending(q), { ident: r, flags: EV_EOF, data: 1 })
})

scenario('several pipes that end are reported together', (w) => {
  const q = w.kqueue()
  const pipes = [w.pipe(), w.pipe(), w.pipe()]
  q.kevent(pipes.map(([r]) => add(r, EVFILT_READ)))
  for (const [, wr] of pipes) w.close(wr)
  const all = pipes.map(([r]) => ({ ident: r, flags: EV_EOF }))
  expectEvents(byIdent(pending(q)), ...all)
  expectEvents(byIdent(pending(q)), ...all)
})

scenario('a full pipe reports all its bytes', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ)])
  const chunk = new Uint8Array(4096)
  for (let i = 0; i < 8; i++) w.write(wr, chunk)
  expectEvents(pending(q), { ident: r, data: 32768 })
})

scenario('a write that a full pipe refuses tells again that there is something', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  const size = fill(w, wr)
  q.kevent([add(r, EVFILT_READ, EV_CLEAR)])
  expectEvents(pending(q), { ident: r, data: size })
  expectNothing(q)
  assert.equal(fill(w, wr), 0)
  expectEvents(pending(q), { ident: r, data: size })
  expectNothing(q)
})

scenario('a write that a pipe refuses for want of room for all of it tells again, too', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  const size = fill(w, wr)
  q.kevent([add(r, EVFILT_READ, EV_CLEAR)])
  w.read(r, 100)
  expectEvents(pending(q), { ident: r, data: size - 100 })
  assert.throws(() => w.write(wr, new Uint8Array(512)), { code: 'EAGAIN' })
  expectEvents(pending(q), { ident: r, data: size - 100 })
  expectNothing(q)
})

// Fifos.

scenario('a fifo reports its bytes', { needs: ['fifo'] }, (w) => {
  const q = w.kqueue()
  w.mkfifo('fifo')
  const r = w.open('fifo', 'r')
  const wr = w.open('fifo', 'w')
  q.kevent([add(r, EVFILT_READ)])
  expectNothing(q)
  w.write(wr, 'foo')
  expectEvents(pending(q), { ident: r, flags: 0, data: 3 })
  drain(w, r)
  expectNothing(q)
})

scenario('a write that a full fifo refuses tells again, too', { needs: ['fifo'] }, (w) => {
  const q = w.kqueue()
  w.mkfifo('fifo')
  const r = w.open('fifo', 'r')
  const wr = w.open('fifo', 'w')
  const size = fill(w, wr)
  q.kevent([add(r, EVFILT_READ, EV_CLEAR)])
  expectEvents(pending(q), { ident: r, data: size })
  assert.equal(fill(w, wr), 0)
  expectEvents(pending(q), { ident: r, data: size })
  expectNothing(q)
})

scenario('a fifo that no writer has opened yet reports nothing', { needs: ['fifo'] }, (w) => {
  const q = w.kqueue()
  w.mkfifo('fifo')
  const r = w.open('fifo', 'r')
  q.kevent([add(r, EVFILT_READ)])
  expectNothing(q)
  const wr = w.open('fifo', 'w')
  expectNothing(q)
  w.write(wr, 'x')
  expectEvents(pending(q), { ident: r, flags: 0, data: 1 })
})

scenario('the end of file of a fifo is gone when a writer comes back', { needs: ['fifo'] }, (w) => {
  const q = w.kqueue()
  w.mkfifo('fifo')
  const r = w.open('fifo', 'r')
  const first = w.open('fifo', 'w')
  q.kevent([add(r, EVFILT_READ)])
  w.close(first)
  expectEvents(pending(q), { ident: r, flags: EV_EOF, data: 0 })
  const second = w.open('fifo', 'w')
  expectNothing(q)
  w.write(second, 'ab')
  expectEvents(pending(q), { ident: r, flags: 0, data: 2 })
  w.close(second)
  expectEvents(pending(q), { ident: r, flags: EV_EOF, data: 2 })
})

scenario('a fifo opened for reading and writing never ends', { needs: ['fifo'] }, (w) => {
  const q = w.kqueue()
  w.mkfifo('fifo')
  const both = w.open('fifo', 'rw')
  const wr = w.open('fifo', 'w')
  q.kevent([add(both, EVFILT_READ)])
  w.close(wr)
  expectNothing(q)
  w.write(both, 'x')
  expectEvents(pending(q), { ident: both, flags: 0, data: 1 })
})

// Terminals.

scenario('the master of a terminal reports what the slave writes', { needs: ['pty'] }, (w) => {
  const q = w.kqueue()
  const [master, slave] = w.pty()
  q.kevent([add(master, EVFILT_READ)])
  expectNothing(q)
  w.write(slave, 'f00')
  expectEvents(wait(q), { ident: master, flags: 0, data: 3 })
  drain(w, master)
  expectNothing(q)
})

scenario('the slave of a terminal reports what the master writes', { needs: ['pty'] }, (w) => {
  const q = w.kqueue()
  const [master, slave] = w.pty()
  q.kevent([add(slave, EVFILT_READ)])
  expectNothing(q)
  w.write(master, 'f00')
  expectEvents(wait(q), { ident: slave, flags: 0, data: 3 })
  drain(w, slave)
  expectNothing(q)
})

scenario('a terminal whose master is gone reports end of file', { needs: ['pty'] }, (w) => {
  const q = w.kqueue()
  const [master, slave] = w.pty()
  q.kevent([add(slave, EVFILT_READ)])
  w.close(master)
  expectEvents(wait(q), { ident: slave, flags: EV_EOF })
})

// Counters.

scenario('an eventfd reports its counter while it is not 0', { needs: ['eventfd'] }, (w) => {
  const q = w.kqueue()
  const fd = w.eventfd(0)
  const five = new Uint8Array(new BigUint64Array([5n]).buffer)
  q.kevent([add(fd, EVFILT_READ)])
  expectNothing(q)
  w.write(fd, five)
  expectEvents(pending(q), { ident: fd, flags: 0, data: 5 })
  w.write(fd, five)
  expectEvents(pending(q), { ident: fd, data: 10 })
  w.read(fd, 8)
  expectNothing(q)
})

scenario('an eventfd is reported from NOTE_LOWAT on', { needs: ['eventfd'] }, (w) => {
  const q = w.kqueue()
  const fd = w.eventfd(2)
  q.kevent([add(fd, EVFILT_READ, 0, { fflags: NOTE_LOWAT, data: 3 })])
  expectNothing(q)
  w.write(fd, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0))
  expectEvents(pending(q), { ident: fd, data: 3 })
})

scenario('an eventfd with EV_CLEAR reports each addition', { needs: ['eventfd'] }, (w) => {
  const q = w.kqueue()
  const fd = w.eventfd(3)
  const one = new Uint8Array(new BigUint64Array([1n]).buffer)
  q.kevent([add(fd, EVFILT_READ, EV_CLEAR)])
  expectEvents(pending(q), { ident: fd, data: 3 })
  expectNothing(q)
  w.write(fd, one)
  expectEvents(pending(q), { ident: fd, data: 4 })
  expectNothing(q)
})

scenario('what an eventfd has no room for tells nothing', { needs: ['eventfd'] }, (w) => {
  const q = w.kqueue()
  const fd = w.eventfd(3)
  q.kevent([add(fd, EVFILT_READ, EV_CLEAR)])
  expectEvents(pending(q), { ident: fd })
  const most = new Uint8Array(new BigUint64Array([2n ** 64n - 2n]).buffer)
  assert.throws(() => w.write(fd, most), { code: 'EAGAIN' })
  expectNothing(q)
})

scenario('what was read since a second queue was told is reported to neither', (w) => {
  const [first, second] = [w.kqueue(), w.kqueue()]
  const [r, wr] = w.pipe()
  w.write(wr, 'abc')
  for (const q of [first, second]) q.kevent([add(r, EVFILT_READ)])
  w.read(r, 3)
  for (const q of [first, second]) expectNothing(q)
})
