/** EVFILT_READ of sockets. See kqueue(2), "EVFILT_READ", "Sockets". */
import assert from 'node:assert/strict'
import {
  EV_CLEAR,
  EV_DISPATCH,
  EV_EOF,
  EV_ONESHOT,
  EVFILT_READ,
  type Kevent,
  NOTE_LOWAT,
} from 'kqueue/core'
import {
  add,
  chapter,
  drain,
  ERRNO,
  enable,
  expectBetween,
  expectEvents,
  expectGone,
  expectNothing,
  fill,
  LONG,
  next,
  pending,
  tcpPair,
  wait,
} from './scenario.js'
import type { Queue, World } from './world.js'

const scenario = chapter('EVFILT_READ of sockets', { filters: [EVFILT_READ] })

const lowat = (data: number) => ({ fflags: NOTE_LOWAT, data })

/** Waits until the one knote of `q` is reported with this many bytes. */
function waitForData(w: World, q: Queue, data: number): Kevent {
  const end = w.now() + LONG
  for (;;) {
    const event = next(q)
    if (event.data === data) return event
    assert.ok(w.now() < end, `data ${data}, not ${event.data}`)
  }
}

scenario('a socket reports how many bytes there are', { needs: ['socketpair'] }, (w) => {
  const q = w.kqueue()
  const [a, b] = w.socketpair('stream')
  q.kevent([add(a, EVFILT_READ)])
  expectNothing(q)
  w.write(b, 'hello ')
  w.write(b, 'world')
  expectEvents(pending(q), { ident: a, filter: EVFILT_READ, flags: 0, fflags: 0, data: 11 })
  drain(w, a)
  expectNothing(q)
})

scenario(
  'EV_CLEAR reports a socket again only when more arrives',
  { needs: ['socketpair'] },
  (w) => {
    const q = w.kqueue()
    const [a, b] = w.socketpair('stream')
    q.kevent([add(a, EVFILT_READ, EV_CLEAR)])
    w.write(b, 'ab')
    expectEvents(pending(q), { ident: a, data: 2 })
    w.read(a, 1)
    expectNothing(q)
    w.write(b, 'c')
    expectEvents(pending(q), { ident: a, data: 2 })
  },
)

scenario('a one-shot watch of a socket is gone after its event', { needs: ['socketpair'] }, (w) => {
  const q = w.kqueue()
  const [a, b] = w.socketpair('stream')
  q.kevent([add(a, EVFILT_READ, EV_ONESHOT)])
  expectNothing(q)
  w.write(b, 'x')
  expectEvents(pending(q), { ident: a, data: 1, flags: EV_ONESHOT })
  w.write(b, 'x')
  expectNothing(q)
  expectGone(q, a, EVFILT_READ)
})

scenario(
  'a dispatched watch of a socket reports when enabled again',
  { needs: ['socketpair'] },
  (w) => {
    const q = w.kqueue()
    const [a, b] = w.socketpair('stream')
    q.kevent([add(a, EVFILT_READ, EV_DISPATCH)])
    w.write(b, 'x')
    expectEvents(pending(q), { ident: a, data: 1 })
    expectNothing(q)
    q.kevent([enable(a, EVFILT_READ, EV_DISPATCH)])
    expectEvents(pending(q), { ident: a, data: 1, flags: EV_DISPATCH })
    expectNothing(q)
  },
)

scenario('bytes that come by TCP are reported', { needs: ['tcp'] }, (w) => {
  const q = w.kqueue()
  const [client, server] = tcpPair(w)
  q.kevent([add(client, EVFILT_READ)])
  expectNothing(q)
  w.write(server, 'hello')
  expectEvents(wait(q), { ident: client, flags: 0, data: 5 })
  w.write(server, ' world')
  waitForData(w, q, 11)
  drain(w, client)
  expectNothing(q)
})

scenario('a write for which there is no room tells nothing', { needs: ['socketpair'] }, (w) => {
  const q = w.kqueue()
  const [a, b] = w.socketpair('stream')
  fill(w, b)
  q.kevent([add(a, EVFILT_READ, EV_CLEAR)])
  expectEvents(pending(q), { ident: a })
  assert.equal(fill(w, b), 0)
  expectNothing(q)
})

// End of file and errors.

scenario('a peer that shuts down writing is end of file', { needs: ['socketpair'] }, (w) => {
  const q = w.kqueue()
  const [a, b] = w.socketpair('stream')
  q.kevent([add(a, EVFILT_READ)])
  w.shutdown(b, 'write')
  expectEvents(pending(q), { ident: a, flags: EV_EOF, fflags: 0, data: 0 })
  expectEvents(pending(q), { ident: a, flags: EV_EOF })
  w.write(a, 'the other way still works')
  expectEvents(pending(q), { ident: a, flags: EV_EOF })
})

scenario('a peer that is closed is end of file', { needs: ['socketpair'] }, (w) => {
  const q = w.kqueue()
  const [a, b] = w.socketpair('stream')
  q.kevent([add(a, EVFILT_READ)])
  w.close(b)
  expectEvents(pending(q), { ident: a, flags: EV_EOF, data: 0 })
})

scenario(
  'end of file of a socket comes with the bytes that are left',
  { needs: ['socketpair'] },
  (w) => {
    const q = w.kqueue()
    const [a, b] = w.socketpair('stream')
    q.kevent([add(a, EVFILT_READ)])
    w.write(b, 'buffered')
    w.shutdown(b, 'write')
    expectEvents(pending(q), { ident: a, flags: EV_EOF, data: 8 })
    drain(w, a)
    expectEvents(pending(q), { ident: a, flags: EV_EOF, data: 0 })
  },
)

scenario(
  'end of file of a socket is reported once with EV_CLEAR',
  { needs: ['socketpair'] },
  (w) => {
    const q = w.kqueue()
    const [a, b] = w.socketpair('stream')
    q.kevent([add(a, EVFILT_READ, EV_CLEAR)])
    w.shutdown(b, 'both')
    w.close(b)
    assert.equal(next(q).flags, EV_CLEAR | EV_EOF)
    expectNothing(q)
  },
)

scenario(
  'adding again with EV_CLEAR does not silence the end of a socket',
  { needs: ['socketpair'] },
  (w) => {
    const q = w.kqueue()
    const [a, b] = w.socketpair('stream')
    q.kevent([add(a, EVFILT_READ)])
    w.shutdown(b, 'write')
    expectEvents(pending(q), { ident: a, flags: EV_EOF })
    q.kevent([add(a, EVFILT_READ, EV_CLEAR)])
    expectEvents(pending(q), { ident: a, flags: EV_EOF })
    expectEvents(pending(q), { ident: a, flags: EV_EOF })
  },
)

scenario(
  'a socket that shut down its own reading is at its end',
  { needs: ['socketpair'] },
  (w) => {
    const q = w.kqueue()
    const [a] = w.socketpair('stream')
    q.kevent([add(a, EVFILT_READ)])
    w.shutdown(a, 'read')
    expectEvents(pending(q), { ident: a, flags: EV_EOF, data: 0 })
  },
)

scenario('end of file by TCP comes with the bytes that are left', { needs: ['tcp'] }, (w) => {
  const q = w.kqueue()
  const [client, server] = tcpPair(w)
  q.kevent([add(client, EVFILT_READ, EV_CLEAR)])
  w.write(server, 'buffered')
  w.shutdown(server, 'write')
  let event = next(q)
  while ((event.flags & EV_EOF) === 0) event = next(q)
  assert.equal(event.data, 8)
  assert.equal(event.fflags, 0)
})

scenario('a connection that was reset reports its error in fflags', { needs: ['tcp'] }, (w) => {
  const q = w.kqueue()
  const [client, server] = tcpPair(w)
  w.write(client, 'never read')
  const arrived = w.kqueue()
  arrived.kevent([add(server, EVFILT_READ)])
  next(arrived)
  q.kevent([add(client, EVFILT_READ)])
  expectNothing(q)
  w.close(server)
  expectEvents(wait(q), { ident: client, flags: EV_EOF, fflags: ERRNO.ECONNRESET, data: 0 })
})

scenario('a socket that is not connected reports nothing', { needs: ['tcp'] }, (w) => {
  const q = w.kqueue()
  const fd = w.socket('tcp')
  q.kevent([add(fd, EVFILT_READ)])
  expectNothing(q)
})

scenario('a connection that is refused is at its end, with its error', { needs: ['tcp'] }, (w) => {
  const q = w.kqueue()
  const listener = w.listen('tcp')
  w.close(listener)
  const fd = w.connect(listener, 'started')
  q.kevent([add(fd, EVFILT_READ)])
  expectEvents(wait(q), { ident: fd, flags: EV_EOF, fflags: ERRNO.ECONNREFUSED })
})

// NOTE_LOWAT.

scenario(
  'NOTE_LOWAT holds the event back until that many bytes are there',
  { needs: ['socketpair'] },
  (w) => {
    const q = w.kqueue()
    const [a, b] = w.socketpair('stream')
    q.kevent([add(a, EVFILT_READ, 0, lowat(16))])
    w.write(b, 'x'.repeat(15))
    expectNothing(q)
    w.write(b, 'x')
    expectEvents(pending(q), { ident: a, data: 16, fflags: 0 })
    w.read(a, 1)
    expectNothing(q)
  },
)

scenario(
  'NOTE_LOWAT with EV_CLEAR reports when the mark is crossed',
  { needs: ['socketpair'] },
  (w) => {
    const q = w.kqueue()
    const [a, b] = w.socketpair('stream')
    q.kevent([add(a, EVFILT_READ, EV_CLEAR, lowat(16))])
    w.write(b, 'x'.repeat(8))
    expectNothing(q)
    w.write(b, 'x'.repeat(16))
    expectEvents(pending(q), { ident: a, data: 24 })
    expectNothing(q)
  },
)

scenario('each knote has its own NOTE_LOWAT', { needs: ['socketpair'] }, (w) => {
  const queues = [w.kqueue(), w.kqueue(), w.kqueue()] as const
  const [a, b] = w.socketpair('stream')
  queues[0].kevent([add(a, EVFILT_READ, 0, lowat(4))])
  queues[1].kevent([add(a, EVFILT_READ, 0, lowat(8))])
  queues[2].kevent([add(a, EVFILT_READ)])
  w.write(b, 'x')
  expectNothing(queues[0])
  expectNothing(queues[1])
  expectEvents(pending(queues[2]), { ident: a, data: 1 })
  w.write(b, 'xxx')
  expectEvents(pending(queues[0]), { ident: a, data: 4 })
  expectNothing(queues[1])
  w.write(b, 'xxxx')
  expectEvents(pending(queues[1]), { ident: a, data: 8 })
})

scenario(
  'NOTE_LOWAT neither changes the socket nor disturbs a wait',
  { needs: ['socketpair', 'poll'] },
  (w) => {
    const q = w.kqueue()
    const [a, b] = w.socketpair('stream')
    q.kevent([add(a, EVFILT_READ, 0, lowat(100))])
    w.write(b, 'x')
    const start = w.now()
    expectNothing(q, 20)
    assert.ok(w.now() - start >= 19)
    assert.equal(w.readable(a), true)
    assert.equal(w.readable(q.fd), false)
  },
)

scenario('adding again changes NOTE_LOWAT', { needs: ['socketpair'] }, (w) => {
  const q = w.kqueue()
  const [a, b] = w.socketpair('stream')
  q.kevent([add(a, EVFILT_READ, 0, lowat(100))])
  w.write(b, 'xxx')
  expectNothing(q)
  q.kevent([add(a, EVFILT_READ, 0, lowat(3))])
  expectEvents(pending(q), { ident: a, data: 3 })
  q.kevent([add(a, EVFILT_READ, 0, lowat(4))])
  expectNothing(q)
  q.kevent([add(a, EVFILT_READ)])
  expectEvents(pending(q), { ident: a, data: 3 })
})

scenario('NOTE_LOWAT of 0 is the same as of 1', { needs: ['socketpair'] }, (w) => {
  const q = w.kqueue()
  const [a, b] = w.socketpair('stream')
  q.kevent([add(a, EVFILT_READ, 0, lowat(0))])
  expectNothing(q)
  w.write(b, 'x')
  expectEvents(pending(q), { ident: a, data: 1 })
})

scenario('end of file is reported below NOTE_LOWAT', { needs: ['socketpair'] }, (w) => {
  const q = w.kqueue()
  const [a, b] = w.socketpair('stream')
  q.kevent([add(a, EVFILT_READ, 0, lowat(100))])
  w.write(b, 'abc')
  w.shutdown(b, 'write')
  expectEvents(pending(q), { ident: a, flags: EV_EOF, data: 3 })
})

// Listening sockets.

for (const kind of ['tcp', 'unix'] as const) {
  scenario(
    `a listening ${kind} socket is reported while connections wait`,
    { needs: [kind] },
    (w) => {
      const q = w.kqueue()
      const listener = w.listen(kind)
      q.kevent([add(listener, EVFILT_READ)])
      for (let i = 0; i < 2; i++) w.connect(listener)
      for (let i = 0; i < 2; i++) {
        const { data } = next(q)
        expectBetween(data, 1, 2, 'connections')
        w.accept(listener)
      }
      expectNothing(q)
    },
  )

  scenario(
    `a listening ${kind} socket reports how many connections wait`,
    { needs: [kind, 'accept-queue'] },
    (w) => {
      const q = w.kqueue()
      const listener = w.listen(kind)
      q.kevent([add(listener, EVFILT_READ)])
      expectNothing(q)
      w.connect(listener)
      expectEvents(wait(q), { ident: listener, flags: 0, data: 1 })
      w.connect(listener)
      w.connect(listener)
      waitForData(w, q, 3)
      w.accept(listener)
      expectEvents(pending(q), { ident: listener, data: 2 })
      w.accept(listener)
      w.accept(listener)
      expectNothing(q)
    },
  )

  scenario(
    `a listening ${kind} socket with EV_CLEAR reports each connection`,
    { needs: [kind, 'accept-queue'] },
    (w) => {
      const q = w.kqueue()
      const listener = w.listen(kind)
      q.kevent([add(listener, EVFILT_READ, EV_CLEAR)])
      w.connect(listener)
      expectEvents(wait(q), { ident: listener, data: 1 })
      expectNothing(q)
      w.connect(listener)
      expectEvents(wait(q), { ident: listener, data: 2 })
    },
  )
}

// Datagrams.

scenario('a datagram is reported by its bytes', { needs: ['socketpair'] }, (w) => {
  const q = w.kqueue()
  const [a, b] = w.socketpair('dgram')
  q.kevent([add(a, EVFILT_READ)])
  expectNothing(q)
  w.write(b, 'hello')
  expectEvents(pending(q), { ident: a, flags: 0, data: 5 })
  w.read(a, 64)
  expectNothing(q)
})

scenario('a datagram that comes by UDP is reported', { needs: ['udp'] }, (w) => {
  const q = w.kqueue()
  const [a, b] = w.udpPair()
  q.kevent([add(a, EVFILT_READ)])
  expectNothing(q)
  w.write(b, 'hello')
  expectEvents(wait(q), { ident: a, flags: 0, data: 5 })
  w.read(a, 64)
  expectNothing(q)
})

scenario('an empty datagram is reported', { needs: ['udp'] }, (w) => {
  const q = w.kqueue()
  const [a, b] = w.udpPair()
  q.kevent([add(a, EVFILT_READ)])
  w.write(b, '')
  expectEvents(wait(q), { ident: a, flags: 0, data: 0 })
  w.read(a, 64)
  expectNothing(q)
})
