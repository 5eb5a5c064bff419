/**
 * Descriptors whose program takes what is there whenever it is told, and then does something
 * else: what a kernel has learned from that must not show.
 */
import assert from 'node:assert/strict'
import { EV_CLEAR, EV_DISPATCH, EV_EOF, EVFILT_READ, type Kevent, NOTE_LOWAT } from 'kqueue/core'
import {
  add,
  byIdent,
  chapter,
  disable,
  enable,
  expectEvents,
  expectNothing,
  pending,
  remove,
  wait,
} from './scenario.js'
import type { Capability, Queue, World } from './world.js'

const scenario = chapter('what was drained', { filters: [EVFILT_READ] })

/** A pair of which the first end is read, as often as it is told of, and the other is written. */
type Pair = (w: World) => [number, number]

const PIPE: Pair = (w) => w.pipe()

/** Writes, is told, and reads, some times. */
function drainOften(w: World, q: Queue, [r, wr]: [number, number], times = 4): void {
  for (let i = 0; i < times; i++) {
    w.write(wr, 'ab')
    expectEvents(pending(q), { ident: r, data: 2 })
    w.read(r, 8)
    expectNothing(q)
  }
}

function drained(w: World, pair = PIPE): { q: Queue; r: number; wr: number } {
  const q = w.kqueue()
  const [r, wr] = pair(w)
  q.kevent([add(r, EVFILT_READ)])
  drainOften(w, q, [r, wr])
  return { q, r, wr }
}

for (const [name, pair, needs] of [
  ['a pipe', PIPE, []],
  ['a fifo', (w) => fifo(w), ['fifo']],
  ['a stream socket', (w) => w.socketpair('stream'), ['socketpair']],
] as const satisfies readonly [string, Pair, readonly ('fifo' | 'socketpair')[]][]) {
  scenario(`${name} is reported until it is empty`, { needs }, (w) => {
    const { q, r, wr } = drained(w, pair)
    w.write(wr, 'abc')
    for (const left of [3, 2, 1]) {
      expectEvents(pending(q), { ident: r, data: left })
      w.read(r, 1)
    }
    expectNothing(q)
    drainOften(w, q, [r, wr])
  })

  scenario(`${name} that is written again at once is reported again`, { needs }, (w) => {
    const { q, r, wr } = drained(w, pair)
    for (let i = 0; i < 100; i++) {
      w.write(wr, 'abc')
      expectEvents(pending(q), { ident: r, data: 3 })
      w.read(r, 8)
    }
    expectNothing(q)
  })

  scenario(`the end of ${name} is reported, and goes on to be`, { needs }, (w) => {
    const { q, r, wr } = drained(w, pair)
    w.write(wr, 'a')
    w.close(wr)
    for (let i = 0; i < 3; i++) expectEvents(pending(q), { ident: r, flags: EV_EOF, data: 1 })
    w.read(r, 8)
    for (let i = 0; i < 3; i++) expectEvents(pending(q), { ident: r, flags: EV_EOF, data: 0 })
  })
}

const idents = (events: readonly Kevent[]): number[] => events.map(({ ident }) => ident)

function fifo(w: World): [number, number] {
  w.mkfifo('fifo')
  return [w.open('fifo', 'r'), w.open('fifo', 'w')]
}

/** Of what is not a stream: how it is made, filled and emptied. */
interface Kind {
  readonly needs: Capability
  make(w: World): { fd: number; fill(): void; empty(): void }
}

const KINDS: { readonly [name: string]: Kind } = {
  'a datagram socket': {
    needs: 'socketpair',
    make(w) {
      const [fd, other] = w.socketpair('dgram')
      return { fd, fill: () => w.write(other, 'ab'), empty: () => w.read(fd, 8) }
    },
  },
  'a datagram socket of the loopback interface': {
    needs: 'udp',
    make(w) {
      const [fd, other] = w.udpPair()
      return { fd, fill: () => w.write(other, 'ab'), empty: () => w.read(fd, 8) }
    },
  },
  'a terminal': {
    needs: 'pty',
    make(w) {
      const [fd, slave] = w.pty()
      return { fd, fill: () => w.write(slave, 'ab'), empty: () => w.read(fd, 8) }
    },
  },
  'an eventfd': {
    needs: 'eventfd',
    make(w) {
      const fd = w.eventfd(0)
      const one = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0)
      return { fd, fill: () => w.write(fd, one), empty: () => w.read(fd, 8) }
    },
  },
  'a socket that listens': {
    needs: 'unix',
    make(w) {
      const fd = w.listen('unix')
      return { fd, fill: () => w.connect(fd), empty: () => w.accept(fd) }
    },
  },
}

for (const [name, { needs, make }] of Object.entries(KINDS)) {
  scenario(`${name} is told of as long as there is something`, { needs: [needs] }, (w) => {
    const q = w.kqueue()
    const { fd, fill, empty } = make(w)
    q.kevent([add(fd, EVFILT_READ)])
    for (const times of [1, 1, 1, 1, 3, 1, 3, 1]) {
      fill()
      assert.deepEqual(idents(wait(q)), [fd])
      for (let again = 1; again < times; again++) assert.deepEqual(idents(pending(q)), [fd])
      empty()
      expectNothing(q)
    }
  })
}

scenario('what is left for long is reported each time, and its end when it comes', (w) => {
  const { q, r, wr } = drained(w)
  w.write(wr, 'abc')
  for (let i = 0; i < 20; i++) expectEvents(pending(q), { ident: r, data: 3 })
  w.read(r, 8)
  expectNothing(q)
  drainOften(w, q, [r, wr], 80)
})

scenario('it is reported to another queue at each edge only, with EV_CLEAR', (w) => {
  const { q, r, wr } = drained(w)
  const other = w.kqueue()
  w.write(wr, 'abc')
  other.kevent([add(r, EVFILT_READ, EV_CLEAR)])
  expectEvents(pending(other), { ident: r, data: 3 })
  expectNothing(other)
  expectEvents(pending(q), { ident: r, data: 3 })
  expectNothing(other)
  w.write(wr, 'd')
  expectEvents(pending(other), { ident: r, data: 4 })
  expectNothing(other)
  w.read(r, 8)
  expectNothing(q)
  expectNothing(other)
})

scenario('it is reported to two queues until it is empty', (w) => {
  const queues = [w.kqueue(), w.kqueue()]
  const [r, wr] = w.pipe()
  for (const q of queues) q.kevent([add(r, EVFILT_READ)])
  for (let i = 0; i < 8; i++) {
    w.write(wr, 'ab')
    for (let times = 0; times < i; times++) {
      for (const q of queues) expectEvents(pending(q), { ident: r, data: 2 })
    }
    w.read(r, 8)
    for (const q of queues) expectNothing(q)
  }
})

scenario(
  'it is reported as long as there is something, though another queue asks for more',
  (w) => {
    const [q, other] = [w.kqueue(), w.kqueue()]
    const [r, wr] = w.pipe()
    q.kevent([add(r, EVFILT_READ)])
    other.kevent([add(r, EVFILT_READ, 0, { fflags: NOTE_LOWAT, data: 8 })])
    for (let i = 0; i < 8; i++) {
      w.write(wr, 'ab')
      for (let times = 0; times <= i; times++) {
        expectEvents(pending(q), { ident: r, data: 2 })
        expectNothing(other)
      }
      w.read(r, 8)
      expectNothing(q)
    }
  },
)

scenario(
  'an edge is reported once, beside a queue that is told as long as there is something',
  (w) => {
    const [edges, q] = [w.kqueue(), w.kqueue()]
    const [r, wr] = w.pipe()
    edges.kevent([add(r, EVFILT_READ, EV_CLEAR)])
    q.kevent([add(r, EVFILT_READ)])
    for (let i = 0; i < 8; i++) {
      w.write(wr, 'ab')
      for (let times = 0; times <= i; times++) {
        expectEvents(pending(q), { ident: r, data: 2 })
        if (times > 0) expectNothing(edges)
        else expectEvents(pending(edges), { ident: r, data: 2 })
      }
      w.read(r, 8)
      expectNothing(q)
    }
  },
)

scenario('what was drained before it was told of is an edge when it comes again', (w) => {
  const [q, other] = [w.kqueue(), w.kqueue()]
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ, EV_CLEAR)])
  other.kevent([add(wr, EVFILT_READ)])
  for (let i = 0; i < 4; i++) {
    w.write(wr, 'ab')
    expectNothing(other)
    w.read(r, 8)
    expectNothing(q)
  }
  w.write(wr, 'ab')
  expectEvents(pending(q), { ident: r, data: 2 })
  expectNothing(q)
})

scenario('one queue takes what another was to be told of', (w) => {
  const { q, r, wr } = drained(w)
  const other = w.kqueue()
  other.kevent([add(r, EVFILT_READ)])
  for (let i = 0; i < 4; i++) {
    w.write(wr, 'ab')
    expectEvents(pending(other), { ident: r, data: 2 })
    w.read(r, 8)
    expectNothing(q)
    expectNothing(other)
  }
})

scenario('less than NOTE_LOWAT asks for is not reported', (w) => {
  const { q, r, wr } = drained(w)
  q.kevent([add(r, EVFILT_READ, 0, { fflags: NOTE_LOWAT, data: 4 })])
  for (let i = 0; i < 3; i++) {
    w.write(wr, 'a')
    expectNothing(q)
    expectNothing(q)
  }
  w.write(wr, 'a')
  expectEvents(pending(q), { ident: r, data: 4 })
  w.read(r, 1)
  expectNothing(q)
  q.kevent([add(r, EVFILT_READ)])
  expectEvents(pending(q), { ident: r, data: 3 })
})

scenario('what came while it was disabled is reported when it is enabled', (w) => {
  const { q, r, wr } = drained(w)
  for (let i = 0; i < 4; i++) {
    q.kevent([disable(r, EVFILT_READ)])
    w.write(wr, 'ab')
    expectNothing(q)
    expectNothing(q)
    q.kevent([enable(r, EVFILT_READ)])
    expectEvents(pending(q), { ident: r, data: 2 })
    w.read(r, 8)
  }
})

scenario('with EV_DISPATCH it is reported once for each time it is enabled', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ, EV_DISPATCH)])
  for (let i = 0; i < 8; i++) {
    w.write(wr, 'ab')
    expectEvents(pending(q), { ident: r, data: 2 })
    expectNothing(q)
    const isLeft = i % 3 === 0
    if (!isLeft) w.read(r, 8)
    q.kevent([enable(r, EVFILT_READ)])
    if (!isLeft) expectNothing(q)
    else expectEvents(pending(q), { ident: r, data: 2 })
    if (!isLeft) continue
    w.read(r, 8)
    q.kevent([enable(r, EVFILT_READ)])
  }
})

scenario('deleted and added again it is reported as before', (w) => {
  const { q, r, wr } = drained(w)
  q.kevent([remove(r, EVFILT_READ)])
  w.write(wr, 'ab')
  expectNothing(q)
  expectNothing(q)
  q.kevent([add(r, EVFILT_READ, EV_CLEAR)])
  expectEvents(pending(q), { ident: r, data: 2 })
  expectNothing(q)
  w.write(wr, 'c')
  expectEvents(pending(q), { ident: r, data: 3 })
})

scenario('the number of one that was closed is another file', (w) => {
  const { q, r, wr } = drained(w)
  const [other, otherWr] = w.pipe()
  w.write(wr, 'ab')
  w.dup2(other, r)
  w.write(otherWr, 'abc')
  expectNothing(q)
  q.kevent([add(r, EVFILT_READ)])
  expectEvents(pending(q), { ident: r, data: 3 })
  w.read(r, 8)
  expectNothing(q)
  drainOften(w, q, [r, otherWr])
})

scenario('with EV_DISPATCH a queue is not readable for it again', { needs: ['poll'] }, (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ, EV_DISPATCH)])
  for (let i = 0; i < 8; i++) {
    w.write(wr, 'x')
    expectEvents(pending(q), { ident: r })
    w.read(r, 8)
    q.kevent([enable(r, EVFILT_READ)])
    expectNothing(q)
  }
  w.write(wr, 'x')
  expectEvents(pending(q), { ident: r })
  assert.equal(w.readable(q.fd), false)
})

scenario('disabled, a queue is not readable for it', { needs: ['poll'] }, (w) => {
  const { q, r, wr } = drained(w)
  q.kevent([disable(r, EVFILT_READ)])
  for (let i = 0; i < 3; i++) {
    w.write(wr, 'x')
    expectNothing(q)
    assert.equal(w.readable(q.fd), false)
  }
  q.kevent([enable(r, EVFILT_READ)])
  expectEvents(pending(q), { ident: r, data: 3 })
})

scenario('many at once are all reported, and those that are left are again', (w) => {
  const q = w.kqueue()
  const pairs = Array.from({ length: 40 }, () => w.pipe())
  q.kevent(pairs.map(([r]) => add(r, EVFILT_READ)))
  for (let round = 0; round < 8; round++) {
    for (const [, wr] of pairs) w.write(wr, 'x')
    assert.equal(pending(q).length, pairs.length)
    const readers = pairs.map(([r]) => r)
    const left = readers.filter((_, i) => (i + round) % 8 === 0)
    for (const r of readers) if (!left.includes(r)) w.read(r, 8)
    assert.deepEqual(idents(byIdent(pending(q))), left)
    for (const r of left) w.read(r, 8)
    expectNothing(q)
  }
})

scenario('a few at a time, each comes in its turn', (w) => {
  const q = w.kqueue()
  const pairs = Array.from({ length: 10 }, () => w.pipe())
  q.kevent(pairs.map(([r]) => add(r, EVFILT_READ)))
  for (let round = 0; round < 6; round++) {
    for (const [, wr] of pairs) w.write(wr, 'x')
    const told = new Set<number>()
    for (let i = 0; i < 5; i++) {
      for (const { ident } of pending(q, 2)) {
        told.add(ident)
        w.read(ident, 8)
      }
    }
    assert.equal(told.size, pairs.length)
    expectNothing(q)
  }
})
