/** Asynchronous I/O with files, by io_uring and by threads. */
import assert from 'node:assert/strict'
import { constants, fsyncSync, openSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import {
  type AioEntry,
  type AioRequest,
  aio_error,
  aio_fsync,
  aio_read,
  aio_return,
  aio_write,
  EV_DELETE,
  EV_DISABLE,
  EV_ENABLE,
  EV_EOF,
  EV_KEEPUDATA,
  EV_ONESHOT,
  EV_SET,
  EVFILT_AIO,
  EVFILT_LIO,
  lio_listio,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { until } from '../patience.js'
import type { Cases } from '../programs/aio.js'
import {
  addon,
  BLOCK,
  blocks,
  close,
  collect,
  ECANCELED,
  EFAULT,
  EISDIR,
  eachBackend,
  file,
  isBlock,
  opened,
  path,
} from './aio-files.js'
import { casesOf, descriptors, ended, message, run, start } from './processes.js'
import { cleanUp, LONG, queue } from './queues.js'

cleanUp()

const requests = casesOf<Cases>('aio')

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (buffer: Uint8Array) => new TextDecoder().decode(buffer)

interface Resizable extends ArrayBuffer {
  resize(length: number): void
}

/** An ArrayBuffer that can be resized, which TypeScript's library does not know of. */
const resizable = (length: number) =>
  Reflect.construct(ArrayBuffer, [length, { maxByteLength: length }]) as Resizable

/** Lists of so many reads and writes. */
const MANY = 1000

eachBackend((kind) => {
  describe('a request', () => {
    it('is reported once, with itself as udata', () => {
      const fd = file('hello world')
      const kq = queue()
      const buffer = new Uint8Array(16)
      const request = aio_read({ fd, buffer, offset: 6, kq })
      assert.equal(addon.aioKind(), kind)
      assert.deepEqual(collect(kq, 1), [
        {
          ident: request.id,
          filter: EVFILT_AIO,
          flags: EV_ONESHOT | EV_EOF,
          fflags: 0,
          data: 0,
          udata: request,
        },
      ])
      assert.deepEqual(
        [request.status, request.result, request.error, request.complete, request.fd],
        ['done', 5, 0, true, fd],
      )
      assert.equal(text(buffer.subarray(0, 5)), 'world')
      assert.deepEqual(buffer.subarray(5), new Uint8Array(11))
      assert.deepEqual(kq.kevent([], 8, 0), [])
      assert.throws(() => kq.kevent([EV_SET(request.id, EVFILT_AIO, EV_DELETE)]), {
        code: 'ENOENT',
      })
    })

    it('has its result once by aio_return, and its error by aio_error', async () => {
      const request = aio_write({ fd: file(), bytes: bytes('abc') })
      await until(() => aio_error(request) === 0, 'the write is over')
      assert.equal(aio_return(request), 3)
      assert.throws(() => aio_return(request), { code: 'EINVAL', syscall: 'aio_return' })
      assert.equal(request.result, 3)
      assert.equal(request.cancel(), false)
      assert.equal(aio_error(request), 0)
    })

    it('has no event any more once aio_return was asked', () => {
      const kq = queue()
      const request = aio_write({ fd: file(), bytes: bytes('abc'), kq })
      assert.equal(posix.poll(kq.fd, posix.constants.POLLIN, LONG), posix.constants.POLLIN)
      assert.equal(request.error, 0)
      assert.equal(aio_return(request), 3)
      assert.deepEqual(kq.kevent([], 8, 0), [])
      assert.equal(posix.poll(kq.fd, posix.constants.POLLIN, 0), 0)
      assert.deepEqual(kq.knotes(), [])
    })

    it('leaves the offset of the descriptor, and with O_APPEND writes at the end', () => {
      const name = path('abc')
      const fd = opened(name)
      const end = opened(name, 'a')
      const kq = queue()
      aio_write({ fd, bytes: bytes('X'), offset: 1, kq })
      collect(kq, 1)
      aio_write({ fd: end, bytes: bytes('d'), kq })
      collect(kq, 1)
      assert.equal(posix.lseek(fd, 0, posix.constants.SEEK_CUR), 0)
      assert.equal(readFileSync(name, 'latin1'), 'aXcd')
    })

    it('writes what was there when it was made', () => {
      const name = path()
      const content = bytes('hello')
      const kq = queue()
      aio_write({ fd: opened(name), bytes: content, kq })
      content.fill(0)
      collect(kq, 1)
      assert.equal(readFileSync(name, 'latin1'), 'hello')
    })

    it('goes on with the file that it was made for, whatever becomes of the descriptor', async () => {
      const kq = queue()
      const syncs: AioRequest[] = []
      const other = path('other')
      const buffers = Array.from({ length: 100 }, () => new Uint8Array(5))
      for (const buffer of buffers) {
        const fd = opened(path('right'))
        aio_read({ fd, buffer, kq })
        const sync = aio_fsync({ fd })
        syncs.push(sync)
        close(fd)
        assert.equal(opened(other), fd)
        close(fd)
      }
      collect(kq, buffers.length)
      await until(() => syncs.every(({ complete }) => complete), 'all are synced')
      assert.ok(syncs.every(({ error }) => error === 0))
      assert.deepEqual(new Set(buffers.map(text)), new Set(['right']))
    })

    it('can be in any view of an ArrayBuffer, and touches nothing beside it', () => {
      const kq = queue()
      const fd = file('0123456789abcdef')
      const memory = new Uint8Array(32).fill(46)
      const views = [
        new DataView(memory.buffer, 2, 4),
        Buffer.from(memory.buffer, 8, 3),
        new Uint16Array(memory.buffer, 12, 2),
        new Float64Array(memory.buffer, 16, 1),
        new Uint8Array(memory.buffer, 26, 0),
      ]
      for (const buffer of views) aio_read({ fd, buffer, kq })
      collect(kq, views.length)
      assert.equal(text(memory), '..0123..012.012301234567........')
      const shared = new Uint8Array(new SharedArrayBuffer(4))
      aio_read({ fd, buffer: shared, kq })
      collect(kq, 1)
      assert.equal(text(shared.slice()), '0123')
    })

    it('to read fails with EFAULT when its memory has gone meanwhile', () => {
      const kq = queue()
      const fd = file('0123456789abcdef')
      const moved = new Uint8Array(8)
      const shrunk = new Uint8Array(resizable(16))
      const first = aio_read({ fd, buffer: moved, kq })
      const second = aio_read({ fd, buffer: shrunk, kq })
      structuredClone(moved.buffer, { transfer: [moved.buffer] })
      shrunk.buffer.resize(4)
      collect(kq, 2)
      assert.deepEqual([first.result, first.error], [-1, EFAULT])
      assert.deepEqual([second.result, second.error], [-1, EFAULT])
      assert.deepEqual(shrunk, new Uint8Array(4))
      const view = new DataView(new ArrayBuffer(8))
      structuredClone(view.buffer, { transfer: [view.buffer] })
      for (const gone of [moved, view]) {
        assert.throws(() => aio_read({ fd, buffer: gone, kq }), { code: 'EFAULT' })
        assert.throws(() => aio_write({ fd, bytes: gone, kq }), { code: 'EFAULT' })
      }
      assert.deepEqual(kq.knotes(), [])
    })

    it('with O_DIRECT does not need memory of a kind', (t) => {
      const name = path(blocks(2))
      let fd: number
      try {
        fd = opened(name, constants.O_RDONLY | constants.O_DIRECT)
      } catch {
        return t.skip('this file system has no O_DIRECT')
      }
      const kq = queue()
      const buffer = new Uint8Array(BLOCK + 4).subarray(4)
      aio_read({ fd, buffer, offset: BLOCK, kq })
      collect(kq, 1)
      assert.ok(isBlock(buffer, 1))
    })

    it('to read a directory fails with EISDIR, and to sync one does not', () => {
      const kq = queue()
      const fd = opened('/tmp', 'r')
      const reading = aio_read({ fd, buffer: new Uint8Array(8), kq })
      assert.equal(collect(kq, 1)[0]!.data, EISDIR)
      assert.deepEqual([reading.result, reading.error, reading.status], [-1, EISDIR, 'done'])
      assert.throws(() => aio_return(reading), { code: 'EISDIR', syscall: 'aio_return' })
      const sync = aio_fsync({ fd, kq })
      collect(kq, 1)
      assert.deepEqual([sync.result, sync.error], [0, 0])
    })

    it('to sync is over after those before it on the same file', () => {
      const kq = queue()
      const name = path()
      const fd = opened(name)
      const writes = Array.from({ length: 20 }, (_, i) =>
        aio_write({ fd, bytes: blocks(4), offset: i * 4 * BLOCK, kq }),
      )
      const first = aio_fsync({ fd, kq })
      const second = aio_fsync({ fd: opened(name), op: constants.O_DSYNC, kq })
      const idents = collect(kq, 22).map(({ ident }) => ident)
      const last = Math.max(...writes.map(({ id }) => idents.indexOf(id)))
      for (const { id, error } of [first, second]) {
        assert.equal(error, 0)
        assert.ok(idents.indexOf(id) > last)
      }
      fsyncSync(fd)
    })
  })

  describe(`${MANY} requests`, () => {
    const reads = (fd: number) =>
      Array.from({ length: MANY }, (_, i) => ({
        op: 'read' as const,
        fd,
        offset: i * BLOCK,
        buffer: new Uint8Array(BLOCK),
      }))

    it('in a list are reported in one event', () => {
      const kq = queue()
      const entries = reads(file(blocks(MANY)))
      const list = lio_listio(entries, { kq, udata: 'all' })
      const [event] = collect(kq, 1)
      assert.deepEqual(
        [event!.ident, event!.filter, event!.flags, event!.data, event!.udata],
        [list.id, EVFILT_LIO, EV_ONESHOT, 0, 'all'],
      )
      assert.ok(list.complete)
      assert.ok(list.requests.every(({ result }) => result === BLOCK))
      assert.ok(entries.every(({ buffer }, i) => isBlock(buffer, i)))
      assert.deepEqual(kq.kevent([], 8, 0), [])
    })

    it('are reported singly, each once', () => {
      const kq = queue()
      const entries = reads(file(blocks(MANY)))
      const ids = entries.map((entry) => aio_read({ ...entry, kq }).id)
      assert.equal(new Set(ids).size, MANY)
      const idents = collect(kq, MANY).map(({ ident }) => ident)
      assert.deepEqual([...idents].sort(), [...ids].sort())
      assert.ok(entries.every(({ buffer }, i) => isBlock(buffer, i)))
      assert.deepEqual(kq.kevent([], 8, 0), [])
    })

    it('of which a hundred are cancelled are reported once each, as they ended', () => {
      const kq = queue()
      const name = path(new Uint8Array(MANY * BLOCK).fill(255))
      const fd = opened(name)
      const content = blocks(MANY)
      const { requests } = lio_listio(
        Array.from({ length: MANY }, (_, i): AioEntry => {
          const offset = i * BLOCK
          return { op: 'write', fd, bytes: content.subarray(offset, offset + BLOCK), offset, kq }
        }),
      )
      const answers = requests.slice(-100).map((request) => request.cancel())
      const events = collect(kq, MANY)
      assert.equal(new Set(events.map(({ ident }) => ident)).size, MANY)
      assert.deepEqual(kq.kevent([], 8, 0), [])
      const written = readFileSync(name)
      for (const [i, request] of requests.entries()) {
        const cancelled = answers[i - MANY + 100] === true
        const data = events.find(({ ident }) => ident === request.id)!.data
        assert.equal(data, cancelled ? ECANCELED : 0)
        assert.deepEqual(
          [request.status, request.result, request.error],
          cancelled ? ['cancelled', -1, ECANCELED] : ['done', BLOCK, 0],
        )
        const block = written.subarray(i * BLOCK, (i + 1) * BLOCK)
        assert.ok(cancelled ? block.every((byte) => byte === 255) : isBlock(block, i))
      }
    })

    it('in each of four workers do not hinder each other', async () => {
      const name = path(blocks(MANY))
      const workers = Array.from({ length: 4 }, (_, i) =>
        start(requests('reads blocks', kind, name, BLOCK, { list: i % 2 === 0, blocks: i < 2 })),
      )
      for (const answer of await Promise.all(workers.map(message))) {
        assert.deepEqual(answer, [MANY, true])
      }
      await Promise.all(workers.map(ended))
    })
  })

  describe('a list', () => {
    it('holds the errors of those that could not be asked for, and is reported all the same', () => {
      const kq = queue()
      const fd = file()
      const list = lio_listio(
        [
          { op: 'write', fd: 9999, bytes: bytes('x') },
          { op: 'write', fd, bytes: bytes('x'), kq },
          { op: 'read', fd: opened('/dev/null'), buffer: new Uint8Array(1) },
        ],
        { kq },
      )
      const filters = collect(kq, 2).map(({ filter }) => filter)
      assert.deepEqual(filters, [EVFILT_AIO, EVFILT_LIO])
      assert.deepEqual(
        list.requests.map(({ error }) => error),
        [9, 0, 95],
      )
      const hopeless = lio_listio([{ op: 'write', fd: 9999, bytes: bytes('x') }], { kq })
      assert.equal(collect(kq, 1)[0]!.udata, hopeless)
    })

    it('asks for nothing when one of it makes no sense', () => {
      const fd = file()
      const good = { op: 'write', fd, bytes: bytes('x') } as const
      const bad = { op: 'sync', fd } as unknown as AioEntry
      assert.throws(() => lio_listio([good, bad]), { code: 'ERR_INVALID_ARG_TYPE' })
      assert.throws(() => lio_listio([good, { ...good, offset: -1 }]), { code: 'EINVAL' })
      assert.throws(() => lio_listio([]), { code: 'EINVAL', syscall: 'lio_listio' })
      assert.throws(() => lio_listio({} as never), TypeError)
      assert.equal(posix.lseek(fd, 0, posix.constants.SEEK_END), 0)
    })
  })

  describe('its event', () => {
    it('can be disabled, enabled and deleted, and is among the knotes until then', () => {
      const kq = queue()
      const fd = file('x')
      const [one, two] = [1, 2].map(() => aio_read({ fd, buffer: new Uint8Array(1), kq }))
      kq.kevent([
        EV_SET(one!.id, EVFILT_AIO, EV_DISABLE | EV_KEEPUDATA),
        EV_SET(two!.id, EVFILT_AIO, EV_DELETE),
      ])
      assert.deepEqual(
        kq.knotes().map(({ ident, filter, disabled, udata }) => [ident, filter, disabled, udata]),
        [[one!.id, EVFILT_AIO, true, one]],
      )
      assert.deepEqual(kq.kevent([], 8, 20), [])
      assert.equal(two!.result, 1)
      kq.kevent([EV_SET(one!.id, EVFILT_AIO, EV_ENABLE | EV_KEEPUDATA)])
      assert.equal(collect(kq, 1)[0]!.ident, one!.id)
      assert.deepEqual(kq.knotes(), [])
    })

    it('comes from wait, and to who polls the queue', async () => {
      const kq = queue()
      const fd = file('x')
      const waiting = kq.wait()
      const first = aio_read({ fd, buffer: new Uint8Array(1), kq })
      assert.deepEqual(
        (await waiting).map(({ ident }) => ident),
        [first.id],
      )
      const second = aio_read({ fd, buffer: new Uint8Array(1), kq })
      assert.equal(posix.poll(kq.fd, posix.constants.POLLIN, LONG), posix.constants.POLLIN)
      assert.equal(collect(kq, 1)[0]!.ident, second.id)
    })

    it('keeps the process alive while it is waited for, and the request alone does not', () => {
      const { stdout, stderr, status } = run(requests('waits for a read', kind))
      assert.deepEqual([stdout, stderr, status], ['1 4\n', '', 0])
      assert.equal(run(requests('does not wait for a read', kind)).status, 0)
    })
  })

  describe('without a queue', () => {
    it('a request goes on, and nothing is left when it is over', async () => {
      const before = descriptors()
      const buffer = new Uint8Array(5)
      const name = path('hello')
      const fd = openSync(name, 'r')
      aio_read({ fd, buffer })
      close(fd)
      // Nobody asks how it goes.
      await until(() => descriptors() === before, 'nothing is left')
      assert.equal(text(buffer), 'hello')
    })

    it('as it was closed meanwhile, too', async () => {
      const before = descriptors()
      const kq = queue()
      const fd = file()
      const write = aio_write({ fd, bytes: blocks(100), kq })
      kq.close()
      await until(() => write.complete, 'the write is over')
      assert.equal(write.result, 100 * BLOCK)
      close(fd)
      assert.ok(descriptors() <= before)
      assert.throws(() => aio_read({ fd, buffer: blocks(1), kq }), { code: 'EBADF' })
    })
  })
})
