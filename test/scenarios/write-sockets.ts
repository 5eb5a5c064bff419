/** EVFILT_WRITE of sockets. See kqueue(2), "EVFILT_WRITE". */
import assert from 'node:assert/strict'
import {
  EV_CLEAR,
  EV_DISABLE,
  EV_DISPATCH,
  EV_EOF,
  EV_ONESHOT,
  EV_RECEIPT,
  EVFILT_READ,
  EVFILT_WRITE,
  type Kevent,
  NOTE_LOWAT,
} from 'kqueue/core'
import {
  add,
  chapter,
  disable,
  drain,
  ERRNO,
  enable,
  errorEvent,
  expectBetween,
  expectEvents,
  expectGone,
  expectNothing,
  fill,
  LONG,
  next,
  pending,
  remove,
  tcpPair,
  wait,
} from './scenario.js'
import type { Queue, World } from './world.js'

const scenario = chapter('EVFILT_WRITE of sockets', { filters: [EVFILT_WRITE] })

const lowat = (data: number) => ({ fflags: NOTE_LOWAT, data })

function isEof(event: Kevent): boolean {
  return (event.flags & EV_EOF) !== 0
}

/** The first event that carries EV_EOF. */
function waitForEof(w: World, q: Queue): Kevent {
  const end = w.now() + LONG
  for (;;) {
    const event = next(q)
    if (isEof(event)) return event
    assert.ok(w.now() < end, 'no EV_EOF')
  }
}

scenario('a socket reports room', { needs: ['socketpair'] }, (w) => {
  const q = w.kqueue()
  const [a] = w.socketpair('stream')
  q.kevent([add(a, EVFILT_WRITE)])
  const event = next(q)
  expectEvents([event], { ident: a, filter: EVFILT_WRITE, flags: 0, fflags: 0 })
  expectBetween(event.data, 1024, 2 ** 30, 'bytes of room')
})

scenario('the room of a socket falls as it fills', { needs: ['socketpair'] }, (w) => {
  const q = w.kqueue()
  const [a] = w.socketpair('stream')
  q.kevent([add(a, EVFILT_WRITE)])
  const before = next(q).data
  w.write(a, new Uint8Array(4096))
  const after = next(q).data
  assert.ok(after <= before - 4096, `room was ${before} and is ${after}`)
})

scenario('a full socket is not reported until its peer reads', { needs: ['socketpair'] }, (w) => {
  const q = w.kqueue()
  const [a, b] = w.socketpair('stream')
  q.kevent([add(a, EVFILT_WRITE)])
  fill(w, a)
  expectNothing(q)
  drain(w, b)
  expectEvents(wait(q), { ident: a, flags: 0 })
})

scenario(
  'a socket with EV_CLEAR is reported once while nothing changes',
  { needs: ['socketpair'] },
  (w) => {
    const q = w.kqueue()
    const [a] = w.socketpair('stream')
    q.kevent([add(a, EVFILT_WRITE, EV_CLEAR)])
    expectEvents(pending(q), { ident: a, flags: EV_CLEAR })
    expectNothing(q)
    expectNothing(q, 5)
  },
)

scenario('a one-shot watch for writing is gone after its event', { needs: ['socketpair'] }, (w) => {
  const q = w.kqueue()
  const [a] = w.socketpair('stream')
  q.kevent([add(a, EVFILT_WRITE, EV_ONESHOT)])
  expectEvents(pending(q), { ident: a, flags: EV_ONESHOT })
  expectNothing(q)
  expectGone(q, a, EVFILT_WRITE)
})

scenario(
  'a dispatched watch for writing reports when enabled again',
  { needs: ['socketpair'] },
  (w) => {
    const q = w.kqueue()
    const [a] = w.socketpair('stream')
    q.kevent([add(a, EVFILT_WRITE, EV_DISPATCH)])
    expectEvents(pending(q), { ident: a })
    expectNothing(q)
    q.kevent([enable(a, EVFILT_WRITE, EV_DISPATCH)])
    expectEvents(pending(q), { ident: a, flags: EV_DISPATCH })
    expectNothing(q)
  },
)

scenario('disabling and deleting hold back a writable socket', { needs: ['socketpair'] }, (w) => {
  const q = w.kqueue()
  const [a] = w.socketpair('stream')
  q.kevent([add(a, EVFILT_WRITE), disable(a, EVFILT_WRITE)])
  expectNothing(q)
  q.kevent([enable(a, EVFILT_WRITE)])
  expectEvents(pending(q), { ident: a })
  q.kevent([remove(a, EVFILT_WRITE)])
  expectNothing(q)
})

scenario(
  'a watch for writing that is added disabled lets nothing through',
  { needs: ['socketpair'] },
  (w) => {
    const q = w.kqueue()
    const [a] = w.socketpair('stream')
    assert.deepEqual(q.kevent([add(a, EVFILT_WRITE, EV_DISABLE)], 8, 0), [])
    q.kevent([enable(a, EVFILT_WRITE)])
    expectEvents(pending(q), { ident: a })
  },
)

scenario(
  'a receipt for a watch for writing is not mixed with its event',
  { needs: ['socketpair'] },
  (w) => {
    const q = w.kqueue()
    const [a] = w.socketpair('stream')
    const events = q.kevent([add(a, EVFILT_WRITE, EV_RECEIPT)], 8, null)
    expectEvents(events, errorEvent(a, EVFILT_WRITE, 0))
    expectEvents(pending(q), { ident: a, flags: EV_RECEIPT })
  },
)

scenario('two queues are both told that a socket is writable', { needs: ['socketpair'] }, (w) => {
  const [a] = w.socketpair('stream')
  const queues = [w.kqueue(), w.kqueue()]
  for (const q of queues) q.kevent([add(a, EVFILT_WRITE, EV_ONESHOT)])
  for (const q of queues) expectEvents(pending(q), { ident: a })
})

scenario('a socket whose peer is closed reports end of file', { needs: ['socketpair'] }, (w) => {
  const q = w.kqueue()
  const [a, b] = w.socketpair('stream')
  q.kevent([add(a, EVFILT_WRITE)])
  expectEvents(pending(q), { ident: a, flags: 0 })
  w.close(b)
  expectEvents(wait(q), { ident: a, flags: EV_EOF })
})

scenario(
  'a socket that shut down its own writing reports end of file',
  {
    needs: ['socketpair', 'told-of-shutdown'],
  },
  (w) => {
    const q = w.kqueue()
    const [a] = w.socketpair('stream')
    q.kevent([add(a, EVFILT_WRITE)])
    w.shutdown(a, 'write')
    expectEvents(wait(q), { ident: a, flags: EV_EOF })
  },
)

scenario(
  'a socket that was shut down both ways reports end of file',
  { needs: ['socketpair'] },
  (w) => {
    const q = w.kqueue()
    const [a] = w.socketpair('stream')
    q.kevent([add(a, EVFILT_WRITE)])
    w.shutdown(a, 'both')
    assert.ok(isEof(waitForEof(w, q)))
  },
)

scenario('a connection that was reset is at its end for the writer', { needs: ['tcp'] }, (w) => {
  const q = w.kqueue()
  const [client, server] = tcpPair(w)
  w.write(client, 'never read')
  const arrived = w.kqueue()
  arrived.kevent([add(server, EVFILT_READ)])
  next(arrived)
  q.kevent([add(client, EVFILT_WRITE, EV_CLEAR)])
  expectEvents(pending(q), { ident: client, flags: EV_CLEAR })
  w.close(server)
  waitForEof(w, q)
})

scenario('a connected TCP socket is writable', { needs: ['tcp'] }, (w) => {
  const q = w.kqueue()
  const [client, server] = tcpPair(w)
  q.kevent([add(client, EVFILT_WRITE, EV_ONESHOT), add(server, EVFILT_WRITE, EV_ONESHOT)])
  assert.equal(pending(q).length, 2)
})

scenario('a TCP socket that is not connected is not writable', { needs: ['tcp'] }, (w) => {
  const q = w.kqueue()
  const fd = w.socket('tcp')
  q.kevent([add(fd, EVFILT_WRITE)])
  expectNothing(q)
})

scenario('a listening socket is never writable', { needs: ['tcp'] }, (w) => {
  const q = w.kqueue()
  const listener = w.listen('tcp')
  q.kevent([add(listener, EVFILT_WRITE)])
  expectNothing(q)
  w.connect(listener)
  expectNothing(q, 5)
  q.kevent([remove(listener, EVFILT_WRITE)])
})

scenario('a UDP socket is writable without being connected', { needs: ['udp'] }, (w) => {
  const q = w.kqueue()
  const fd = w.socket('udp')
  q.kevent([add(fd, EVFILT_WRITE, EV_ONESHOT)])
  expectEvents(pending(q), { ident: fd, filter: EVFILT_WRITE, flags: EV_ONESHOT })
})

scenario('a connection that is being made is writable when it stands', { needs: ['tcp'] }, (w) => {
  const q = w.kqueue()
  const fd = w.connect(w.listen('tcp'), 'started')
  q.kevent([add(fd, EVFILT_WRITE)])
  expectEvents(wait(q), { ident: fd, flags: 0, fflags: 0 })
})

scenario('a connection that is refused is at its end for the writer', { needs: ['tcp'] }, (w) => {
  const q = w.kqueue()
  const listener = w.listen('tcp')
  w.close(listener)
  const fd = w.connect(listener, 'started')
  q.kevent([add(fd, EVFILT_WRITE)])
  const { flags, fflags } = waitForEof(w, q)
  assert.equal(flags, EV_EOF)
  assert.equal(fflags, ERRNO.ECONNREFUSED)
})

scenario('data that arrive do not report a socket for writing', { needs: ['socketpair'] }, (w) => {
  const q = w.kqueue()
  const [a, b] = w.socketpair('stream')
  q.kevent([add(a, EVFILT_WRITE, EV_CLEAR), add(a, EVFILT_READ, EV_CLEAR)])
  expectEvents(pending(q), { ident: a, filter: EVFILT_WRITE })
  w.write(b, 'x')
  expectEvents(pending(q), { ident: a, filter: EVFILT_READ })
  fill(w, a)
  drain(w, b)
  expectEvents(pending(q), { ident: a, filter: EVFILT_WRITE })
})

// NOTE_LOWAT.

scenario('NOTE_LOWAT beyond all room is never reported', { needs: ['socketpair'] }, (w) => {
  const q = w.kqueue()
  const [a] = w.socketpair('stream')
  q.kevent([add(a, EVFILT_WRITE, 0, lowat(2 ** 40))])
  expectNothing(q)
  expectNothing(q, 5)
  q.kevent([add(a, EVFILT_WRITE, 0, lowat(1))])
  expectEvents(pending(q), { ident: a, fflags: 0 })
})

scenario('each watch for writing has its own NOTE_LOWAT', { needs: ['socketpair'] }, (w) => {
  const few = w.kqueue()
  const many = w.kqueue()
  const [a] = w.socketpair('stream')
  few.kevent([add(a, EVFILT_WRITE, 0, lowat(1))])
  const room = next(few).data
  many.kevent([add(a, EVFILT_WRITE, 0, lowat(room))])
  expectEvents(pending(many), { ident: a })
  w.write(a, new Uint8Array(4096))
  expectNothing(many)
  expectEvents(pending(few), { ident: a })
})
