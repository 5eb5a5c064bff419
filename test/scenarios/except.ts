/**
 * EVFILT_EXCEPT: out-of-band data. See kqueue(2) of OpenBSD, "EVFILT_EXCEPT", and
 * `filt_soexcept`.
 */
import assert from 'node:assert/strict'
import { EV_CLEAR, EV_ONESHOT, EVFILT_EXCEPT, EVFILT_READ, NOTE_OOB } from 'kqueue/core'
import {
  add,
  chapter,
  drain,
  expectError,
  expectEvents,
  expectGone,
  expectNothing,
  pending,
  tcpPair,
  wait,
} from './scenario.js'

const scenario = chapter('EVFILT_EXCEPT', { filters: [EVFILT_EXCEPT], needs: ['tcp', 'oob'] })

function watch(fd: number, flags = 0, fflags = NOTE_OOB) {
  return add(fd, EVFILT_EXCEPT, flags, { fflags })
}

scenario('an out-of-band byte is reported', (w) => {
  const q = w.kqueue()
  const [client, server] = tcpPair(w)
  q.kevent([watch(server)])
  expectNothing(q)
  w.write(client, 'ordinary')
  expectNothing(q, 5)
  w.oob!.send(client, '!')
  expectEvents(wait(q), {
    ident: server,
    filter: EVFILT_EXCEPT,
    flags: 0,
    fflags: NOTE_OOB,
    data: 0,
  })
})

scenario('it is reported until it is read', (w) => {
  const q = w.kqueue()
  const [client, server] = tcpPair(w)
  q.kevent([watch(server)])
  w.oob!.send(client, '!')
  expectEvents(wait(q), { ident: server })
  expectEvents(pending(q), { ident: server })
  assert.deepEqual([...w.oob!.receive(server)], [0x21])
  expectNothing(q)
})

scenario('reading past its place ends it as well', (w) => {
  const q = w.kqueue()
  const [client, server] = tcpPair(w)
  q.kevent([watch(server)])
  w.write(client, 'before')
  w.oob!.send(client, '!')
  w.write(client, 'after')
  expectEvents(wait(q), { ident: server })
  drain(w, server)
  expectNothing(q)
})

scenario('one that was there before the knote is reported', (w) => {
  const q = w.kqueue()
  const arrived = w.kqueue()
  const [client, server] = tcpPair(w)
  arrived.kevent([watch(server)])
  w.oob!.send(client, '!')
  wait(arrived)
  q.kevent([watch(server)])
  expectEvents(pending(q), { ident: server, fflags: NOTE_OOB })
})

scenario(
  'only the last byte is out of band, and reading stops before it',
  { filters: [EVFILT_READ] },
  (w) => {
    const q = w.kqueue()
    const [client, server] = tcpPair(w)
    q.kevent([add(server, EVFILT_READ), watch(server, EV_CLEAR)])
    w.oob!.send(client, 'abc')
    const events = wait(q)
    expectEvents(
      events.filter(({ filter }) => filter === EVFILT_READ),
      { ident: server, data: 2 },
    )
    assert.deepEqual([...w.oob!.receive(server)], [0x63])
    assert.equal(w.read(server, 64).length, 2)
  },
)

scenario('without NOTE_OOB nothing is reported', (w) => {
  const q = w.kqueue()
  const [client, server] = tcpPair(w)
  q.kevent([watch(server, 0, 0)])
  w.oob!.send(client, '!')
  expectNothing(q, 5)
})

scenario('each one is reported with EV_CLEAR', (w) => {
  const q = w.kqueue()
  const [client, server] = tcpPair(w)
  q.kevent([watch(server, EV_CLEAR)])
  for (let i = 0; i < 2; i++) {
    w.oob!.send(client, '!')
    expectEvents(wait(q), { ident: server, flags: EV_CLEAR, fflags: NOTE_OOB })
    expectNothing(q)
    w.oob!.receive(server)
  }
})

scenario('a one-shot watch of out-of-band data is gone after its event', (w) => {
  const q = w.kqueue()
  const [client, server] = tcpPair(w)
  q.kevent([watch(server, EV_ONESHOT)])
  w.oob!.send(client, '!')
  expectEvents(wait(q), { ident: server, flags: EV_ONESHOT })
  expectGone(q, server, EVFILT_EXCEPT)
})

scenario('a pipe has no out-of-band data: EINVAL', (w) => {
  const q = w.kqueue()
  const [r] = w.pipe()
  expectError('EINVAL', () => q.kevent([watch(r)]))
  expectGone(q, r, EVFILT_EXCEPT)
})

scenario(
  'a watch for reading does not report it, nor one of it what can be read',
  { filters: [EVFILT_READ] },
  (w) => {
    const [r, x] = [w.kqueue(), w.kqueue()]
    const [client, server] = tcpPair(w)
    r.kevent([add(server, EVFILT_READ)])
    x.kevent([watch(server)])
    w.oob!.send(client, '!')
    expectEvents(wait(x), { filter: EVFILT_EXCEPT })
    expectNothing(r)
    w.oob!.receive(server)
    w.write(client, 'ordinary')
    expectEvents(wait(r), { filter: EVFILT_READ, data: 8 })
    expectNothing(x)
  },
)

scenario('a peer that is gone is no out-of-band data', (w) => {
  const q = w.kqueue()
  const [client, server] = tcpPair(w)
  q.kevent([watch(server)])
  w.close(client)
  expectNothing(q, 5)
})

scenario('closing the descriptor ends the watch', (w) => {
  const q = w.kqueue()
  const [client, server] = tcpPair(w)
  q.kevent([watch(server)])
  w.oob!.send(client, '!')
  expectEvents(wait(q), { ident: server })
  w.close(server)
  expectNothing(q)
})

scenario('without out-of-band data there is nothing in a datagram', { needs: ['udp'] }, (w) => {
  const q = w.kqueue()
  const [a, b] = w.udpPair()
  q.kevent([watch(b)])
  w.write(a, 'x')
  expectNothing(q, 5)
})
