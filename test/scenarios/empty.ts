/** EVFILT_EMPTY: all that was written has been read. See kqueue(2), "EVFILT_EMPTY". */
import {
  EV_CLEAR,
  EV_DISABLE,
  EV_DISPATCH,
  EV_EOF,
  EV_ONESHOT,
  EVFILT_EMPTY,
  EVFILT_WRITE,
} from 'kqueue/core'
import {
  add,
  byIdent,
  chapter,
  drain,
  enable,
  expectError,
  expectEvents,
  expectGone,
  expectNothing,
  fill,
  pending,
  remove,
  tcpPair,
  until,
  wait,
} from './scenario.js'

const scenario = chapter('EVFILT_EMPTY', { filters: [EVFILT_EMPTY] })

scenario('a pipe to which nothing was written is empty', (w) => {
  const q = w.kqueue()
  const [, wr] = w.pipe()
  q.kevent([add(wr, EVFILT_EMPTY)])
  expectEvents(pending(q), { ident: wr, filter: EVFILT_EMPTY, flags: 0, fflags: 0, data: 0 })
})

scenario('a pipe is empty again when all was read', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  w.write(wr, 'abc')
  q.kevent([add(wr, EVFILT_EMPTY)])
  expectNothing(q)
  w.read(r, 2)
  expectNothing(q)
  w.read(r, 1)
  expectEvents(wait(q), { ident: wr, data: 0 })
})

scenario('a socket is empty when its peer has read all', { needs: ['socketpair'] }, (w) => {
  const q = w.kqueue()
  const [a, b] = w.socketpair('stream')
  q.kevent([add(a, EVFILT_EMPTY)])
  expectEvents(pending(q), { ident: a, filter: EVFILT_EMPTY, flags: 0, data: 0 })
  w.write(a, 'hello')
  expectNothing(q)
  drain(w, b)
  expectEvents(wait(q), { ident: a })
})

scenario('what the peer has sent does not count', { needs: ['socketpair'] }, (w) => {
  const q = w.kqueue()
  const [a, b] = w.socketpair('stream')
  w.write(b, 'to be read')
  q.kevent([add(a, EVFILT_EMPTY)])
  expectEvents(pending(q), { ident: a, data: 0 })
})

scenario('a TCP socket is empty when everything has arrived', { needs: ['tcp'] }, (w) => {
  const q = w.kqueue()
  const [client, server] = tcpPair(w)
  q.kevent([add(client, EVFILT_EMPTY)])
  expectEvents(wait(q), { ident: client, flags: 0 })
  w.write(client, 'hello')
  w.sleep(1)
  drain(w, server)
  expectEvents(wait(q), { ident: client })
})

scenario('a socket can have room and not be empty', { filters: [EVFILT_WRITE] }, (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  w.write(wr, 'x')
  q.kevent([add(wr, EVFILT_EMPTY), add(wr, EVFILT_WRITE)])
  expectEvents(pending(q), { ident: wr, filter: EVFILT_WRITE })
  w.read(r, 1)
  expectEvents(byIdent(pending(q)), { filter: EVFILT_EMPTY }, { filter: EVFILT_WRITE })
})

scenario('with EV_CLEAR an empty buffer is reported each time it drains', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(wr, EVFILT_EMPTY, EV_CLEAR)])
  expectEvents(pending(q), { ident: wr, flags: EV_CLEAR })
  expectNothing(q)
  for (let i = 0; i < 3; i++) {
    w.write(wr, 'x')
    expectNothing(q)
    w.read(r, 1)
    expectEvents(wait(q), { ident: wr })
    expectNothing(q)
  }
})

scenario(
  'with EV_CLEAR a TCP socket is reported each time it drains',
  { needs: ['tcp', 'bytes-acked'] },
  (w) => {
    const q = w.kqueue()
    const [client, server] = tcpPair(w)
    q.kevent([add(client, EVFILT_EMPTY, EV_CLEAR)])
    expectEvents(wait(q), { ident: client })
    for (let i = 0; i < 3; i++) {
      expectNothing(q, 5)
      w.write(client, 'x')
      w.sleep(1)
      drain(w, server)
      expectEvents(wait(q), { ident: client, flags: EV_CLEAR })
    }
  },
)

scenario('a one-shot watch waits until the buffer is empty and is gone', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  w.write(wr, 'x')
  q.kevent([add(wr, EVFILT_EMPTY, EV_ONESHOT)])
  expectNothing(q)
  w.read(r, 1)
  expectEvents(wait(q), { ident: wr, flags: EV_ONESHOT })
  expectGone(q, wr, EVFILT_EMPTY)
})

scenario('a dispatched watch of an empty buffer reports when enabled again', (w) => {
  const q = w.kqueue()
  const [, wr] = w.pipe()
  q.kevent([add(wr, EVFILT_EMPTY, EV_DISPATCH)])
  expectEvents(pending(q), { ident: wr })
  expectNothing(q)
  q.kevent([enable(wr, EVFILT_EMPTY, EV_DISPATCH)])
  expectEvents(pending(q), { ident: wr })
})

scenario('a peer that is gone is the end', { needs: ['socketpair'] }, (w) => {
  const q = w.kqueue()
  const [a, b] = w.socketpair('stream')
  w.write(a, 'never read')
  q.kevent([add(a, EVFILT_EMPTY)])
  expectNothing(q)
  w.close(b)
  expectEvents(wait(q), { ident: a, flags: EV_EOF })
})

scenario('a pipe whose reader is gone is the end', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  w.write(wr, 'never read')
  q.kevent([add(wr, EVFILT_EMPTY)])
  expectNothing(q)
  w.close(r)
  expectEvents(wait(q), { ident: wr, flags: EV_EOF })
})

scenario('a TCP socket that was full is empty when all was read', { needs: ['tcp'] }, (w) => {
  const q = w.kqueue()
  const [client, server] = tcpPair(w)
  const written = fill(w, client)
  q.kevent([add(client, EVFILT_EMPTY)])
  expectNothing(q)
  let bytes = 0
  const all = () => {
    bytes += drain(w, server)
    return bytes === written
  }
  until(w, all, 'all is read')
  expectEvents(wait(q), { ident: client, flags: 0 })
})

scenario('datagrams count until they are read', { needs: ['socketpair'] }, (w) => {
  const q = w.kqueue()
  const [a, b] = w.socketpair('dgram')
  w.write(a, 'one')
  w.write(a, 'two')
  q.kevent([add(a, EVFILT_EMPTY)])
  expectNothing(q)
  w.read(b, 3)
  expectNothing(q)
  w.read(b, 3)
  expectEvents(wait(q), { ident: a })
})

scenario('a socket without a connection is empty', { needs: ['tcp', 'udp'] }, (w) => {
  const q = w.kqueue()
  for (const fd of [w.socket('tcp'), w.socket('udp'), w.listen('tcp')]) {
    q.kevent([add(fd, EVFILT_EMPTY, EV_ONESHOT)])
    expectEvents(pending(q), { ident: fd, flags: EV_ONESHOT, data: 0 })
  }
})

scenario('the reading end of a pipe can be watched, and never is empty', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_EMPTY)])
  w.write(wr, 'x')
  w.read(r, 1)
  expectNothing(q, 5)
})

scenario('each of two queues is told when the buffer is empty', (w) => {
  const [first, second] = [w.kqueue(), w.kqueue()]
  const [r, wr] = w.pipe()
  w.write(wr, 'x')
  for (const q of [first, second]) q.kevent([add(wr, EVFILT_EMPTY)])
  for (const q of [first, second]) expectNothing(q)
  w.read(r, 1)
  for (const q of [first, second]) expectEvents(wait(q), { ident: wr })
})

scenario('a buffer that drains while its watch is disabled is reported when enabled', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  w.write(wr, 'x')
  q.kevent([add(wr, EVFILT_EMPTY, EV_DISABLE)])
  w.read(r, 1)
  expectNothing(q, 5)
  q.kevent([enable(wr, EVFILT_EMPTY)])
  expectEvents(pending(q), { ident: wr })
})

scenario('closing the descriptor ends the watch of its buffer', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  w.write(wr, 'x')
  q.kevent([add(wr, EVFILT_EMPTY)])
  w.close(wr)
  w.read(r, 1)
  expectNothing(q, 5)
  expectError('EBADF', () => q.kevent([remove(wr, EVFILT_EMPTY)]))
})

scenario('what is neither socket nor pipe is refused with EINVAL', { needs: ['file'] }, (w) => {
  const q = w.kqueue()
  const fd = w.open('file', 'w')
  expectError('EINVAL', () => q.kevent([add(fd, EVFILT_EMPTY)]))
  expectGone(q, fd, EVFILT_EMPTY)
})
