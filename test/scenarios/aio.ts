/**
 * EVFILT_AIO and EVFILT_LIO: asynchronous I/O that is complete. The events are added
 * with the requests. See aio(4) and kqueue(2).
 */
import assert from 'node:assert/strict'
import { EV_EOF, EV_KEEPUDATA, EV_ONESHOT, EVFILT_AIO, EVFILT_LIO } from 'kqueue/core'
import {
  add,
  chapter,
  collect,
  disable,
  enable,
  expectError,
  expectEvents,
  expectGone,
  expectNothing,
  idents,
  LONG,
  next,
  pending,
  remove,
  until,
} from './scenario.js'
import type { World } from './world.js'

const scenario = chapter('EVFILT_AIO', {
  filters: [EVFILT_AIO, EVFILT_LIO],
  needs: ['file', 'aio'],
})

const bytes = (text: string) => new TextEncoder().encode(text)

function file(w: World, content: string): number {
  const fd = w.open('file', 'rw')
  w.write(fd, content)
  return fd
}

scenario('a read that is complete is reported once, with the bytes in place', (w) => {
  const fd = file(w, 'hello world')
  const q = w.kqueue()
  const buffer = new Uint8Array(16)
  const { ident, result } = w.aio!.read(fd, buffer, 6, q, 'mine')
  const event = next(q)
  expectEvents([event], { ident, filter: EVFILT_AIO, data: 0, udata: 'mine' })
  assert.ok(event.flags & EV_EOF)
  assert.ok(event.flags & EV_ONESHOT)
  assert.equal(result(), 5)
  assert.deepEqual(buffer.subarray(0, 5), bytes('world'))
  expectNothing(q)
  expectGone(q, ident, EVFILT_AIO)
})

scenario('a write that is complete is reported, and is in the file', (w) => {
  const fd = file(w, 'hello')
  const q = w.kqueue()
  const { ident, result } = w.aio!.write(fd, bytes('J'), 0, q)
  expectEvents([next(q)], { ident, filter: EVFILT_AIO, data: 0 })
  assert.equal(result(), 1)
  w.lseek(fd, 0)
  assert.deepEqual(w.read(fd, 16), bytes('Jello'))
})

scenario('a list is reported when all of it is complete', (w) => {
  const fd = file(w, '')
  const q = w.kqueue()
  const writes = ['a', 'b', 'c'].map((text, offset) => ({ fd, bytes: bytes(text), offset }))
  const ident = w.aio!.list(writes, q)
  expectEvents([next(q)], { ident, filter: EVFILT_LIO, data: 0 })
  w.lseek(fd, 0)
  assert.deepEqual(w.read(fd, 16), bytes('abc'))
  expectNothing(q)
})

scenario('a queue that is closed meanwhile hinders nothing', (w) => {
  const fd = file(w, 'hello')
  const q = w.kqueue()
  const { result } = w.aio!.write(fd, bytes('J'), 0, q)
  q.close()
  until(w, () => result() !== null, 'the write is over')
  assert.equal(result(), 1)
})

scenario('a request that is cancelled or complete is reported one way or the other', (w) => {
  const fd = file(w, 'hello')
  const q = w.kqueue()
  const request = w.aio!.write(fd, bytes('J'), 0, q)
  request.cancel()
  expectEvents([next(q)], { ident: request.ident })
  assert.ok(request.result() === -1 || request.result() === 1)
  assert.deepEqual(pending(q), [])
})

scenario('kevent cannot add these events', (w) => {
  const q = w.kqueue()
  for (const filter of [EVFILT_AIO, EVFILT_LIO]) {
    expectError('EPERM', () => q.kevent([add(1, filter)]))
  }
})

scenario('of many requests, some of them cancelled, each is reported once', (w) => {
  const fd = file(w, '')
  const q = w.kqueue()
  const requests = Array.from({ length: 128 }, (_, i) =>
    w.aio!.write(fd, bytes('x'.repeat(100)), i * 100, q, i),
  )
  for (let i = 0; i < 128; i += 9) requests[i]!.cancel()
  const events = collect(q, 128)
  assert.deepEqual(
    events.map(({ udata }) => udata as number).sort((a, b) => a - b),
    requests.map((_, i) => i),
  )
  for (const { ident, udata, data } of events) {
    const request = requests[udata as number]!
    assert.equal(ident, request.ident)
    assert.equal(request.result(), data === 0 ? 100 : -1)
    if ((udata as number) % 9 !== 0) assert.equal(data, 0)
  }
  expectNothing(q)
})

scenario('of several lists each is reported once', (w) => {
  const fd = file(w, '')
  const q = w.kqueue()
  const write = (at: number) => ({ fd, bytes: bytes(String.fromCharCode(48 + at)), offset: at })
  const lists = Array.from({ length: 5 }, (_, i) =>
    w.aio!.list(
      Array.from({ length: 16 }, (_, k) => write(16 * i + k)),
      q,
    ),
  )
  const seen = idents(collect(q, 5))
  assert.deepEqual([...seen].sort(), [...lists].sort())
  w.lseek(fd, 0)
  assert.equal(w.read(fd, 100).length, 80)
  expectNothing(q)
})

scenario('the event can be disabled, enabled and deleted', (w) => {
  const fd = file(w, 'hello')
  const q = w.kqueue()
  const [one, two] = [1, 2].map(() => w.aio!.read(fd, new Uint8Array(5), 0, q, 'mine'))
  q.kevent([disable(one!.ident, EVFILT_AIO, EV_KEEPUDATA), remove(two!.ident, EVFILT_AIO)])
  until(w, () => [one, two].every((each) => each!.result() !== null), 'the reads are over')
  assert.deepEqual([one!.result(), two!.result()], [5, 5])
  expectNothing(q)
  q.kevent([enable(one!.ident, EVFILT_AIO, EV_KEEPUDATA)])
  expectEvents(q.kevent([], 64, LONG), { ident: one!.ident, udata: 'mine' })
})

scenario('what cannot be is refused, and adds no event', (w) => {
  const q = w.kqueue()
  const buffer = new Uint8Array(1)
  const writeOnly = w.open('file', 'w')
  const readOnly = w.open('file', 'r')
  const [pipe] = w.pipe()
  expectError('EBADF', () => w.aio!.read(writeOnly, buffer, 0, q))
  expectError('EBADF', () => w.aio!.write(readOnly, buffer, 0, q))
  expectError('EBADF', () => w.aio!.read(999, buffer, 0, q))
  expectError('ENOTSUP', () => w.aio!.read(pipe, buffer, 0, q))
  expectError('EINVAL', () => w.aio!.read(readOnly, buffer, -1, q))
  expectNothing(q, 20)
})
