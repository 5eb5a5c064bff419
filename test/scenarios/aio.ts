/**
 * EVFILT_AIO and EVFILT_LIO: asynchronous I/O that is complete. The events are added
 * with the requests. See aio(4) and kqueue(2).
 */
import assert from 'node:assert/strict'
import { EV_EOF, EV_ONESHOT, EVFILT_AIO, EVFILT_LIO } from 'kqueue/core'
import {
  add,
  chapter,
  expectError,
  expectEvents,
  expectGone,
  expectNothing,
  next,
  pending,
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
  for (let i = 0; i < 100 && result() === null; i++) w.sleep(10)
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
