/**
 * Asynchronous I/O where things go wrong: disks that are full, broken or slow, systems
 * without io_uring, and threads that end in the middle of it.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import {
  AIO_ALLDONE,
  AIO_NOTCANCELED,
  aio_cancel,
  aio_fsync,
  aio_read,
  aio_return,
  aio_write,
  lio_listio,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { lacksSeccomp } from '../native/system.js'
import { until } from '../patience.js'
import type { Cases } from '../programs/aio.js'
import type { Cases as Scarce } from '../programs/scarce.js'
import {
  addon,
  BLOCK,
  blocks,
  canMount,
  close,
  closeAll,
  collect,
  ECANCELED,
  EFBIG,
  EINPROGRESS,
  EIO,
  ENOSPC,
  eachBackend,
  hasUring,
  opened,
  path,
  SlowFiles,
  slowByte,
  THREADS,
  URING,
} from './aio-files.js'
import { casesOf, descriptors, ended, message, program, run, start } from './processes.js'
import { cleanUp, LONG, queue } from './queues.js'

cleanUp()

const requests = casesOf<Cases>('aio')
const scarce = casesOf<Scarce>('scarce')

/** Fewer than before there may be: libuv closes what earlier tests had in its own time. */
function assertNothingLeft(before: number): void {
  assert.ok(descriptors() <= before, `${descriptors()} descriptors, not ${before}`)
}

const threads = (): number => readdirSync('/proc/self/task').length

/** Bytes of slow files from an offset on. */
const isSlow = (buffer: Uint8Array, offset: number): boolean =>
  buffer.every((byte, i) => byte === slowByte(offset + i))

eachBackend((kind) => {
  describe('files that cannot be written', () => {
    it('as the disk is full: ENOSPC', { skip: !canMount && 'needs root' }, () => {
      const place = mkdtempSync(join(tmpdir(), 'kqueue-full-'))
      const mount = ['-t', 'tmpfs', '-o', 'size=16k', 'kqueue-test', place]
      assert.equal(spawnSync('mount', mount).status, 0)
      try {
        const kq = queue()
        const fd = opened(join(place, 'file'), 'w+')
        const fits = aio_write({ fd, bytes: blocks(3), kq })
        collect(kq, 1)
        const part = aio_write({ fd, bytes: blocks(4), offset: 3 * BLOCK, kq })
        collect(kq, 1)
        const nothing = aio_write({ fd, bytes: blocks(1), offset: 8 * BLOCK, kq })
        assert.equal(collect(kq, 1)[0]!.data, ENOSPC)
        assert.deepEqual([fits.result, part.result], [3 * BLOCK, BLOCK])
        assert.deepEqual([nothing.result, nothing.error], [-1, ENOSPC])
        assert.throws(() => aio_return(nothing), { code: 'ENOSPC' })
        close(fd)
      } finally {
        spawnSync('umount', [place])
        rmSync(place, { recursive: true })
      }
    })

    it('as they would be too large: EFBIG', () => {
      const words = program(requests('writes too far', kind, path()))
      const limited = ['-c', 'ulimit -f 8; exec "$@"', 'sh', process.execPath, ...words]
      const { stdout, stderr } = spawnSync('sh', limited, { encoding: 'utf8' })
      assert.equal(stderr, '')
      assert.deepEqual(JSON.parse(stdout), [
        [4096, 0],
        [-1, EFBIG],
      ])
    })
  })

  describe('files that are slow', { skip: !canMount && 'needs root and fuse' }, () => {
    let files: SlowFiles
    before(async () => {
      files = await SlowFiles.mount()
    })
    after(() => files.unmount())
    afterEach(() => files.hold())

    const MANY = 200
    const SIZE = 100

    function read(fd: number, i: number, kq = queue()) {
      const buffer = new Uint8Array(SIZE)
      return { buffer, request: aio_read({ fd, buffer, offset: i * SIZE, kq, udata: i }) }
    }

    it('and broken: EIO', () => {
      const { request } = read(opened(files.path('broken'), 'r'), 0)
      return until(() => request.complete, 'the read is over').then(() =>
        assert.deepEqual([request.result, request.error], [-1, EIO]),
      )
    })

    it('go on with what has begun when all is cancelled; each has one event', async () => {
      const kq = queue()
      const fd = opened(files.path('slow'), 'r')
      const reads = Array.from({ length: MANY }, (_, i) => read(fd, i, kq))
      await files.reads(1)
      const first = reads.find(({ request }) => aio_cancel(fd, request) === AIO_NOTCANCELED)
      assert.ok(first, 'one has begun')
      assert.equal(first.request.error, EINPROGRESS)
      assert.equal(aio_cancel(opened('/tmp', 'r'), first.request), AIO_ALLDONE)
      assert.equal(aio_cancel(fd), AIO_NOTCANCELED)
      assert.equal(aio_cancel(fd, reads.at(-1)!.request), AIO_ALLDONE)
      files.release()
      const events = collect(kq, MANY)
      assert.equal(new Set(events.map(({ udata }) => udata)).size, MANY)
      let cancelled = 0
      for (const { udata, data } of events) {
        const { request, buffer } = reads[udata as number]!
        if (data === ECANCELED) {
          cancelled++
          assert.deepEqual([request.status, request.result], ['cancelled', -1])
          assert.deepEqual(buffer, new Uint8Array(SIZE))
        } else {
          assert.deepEqual([data, request.status, request.result], [0, 'done', SIZE])
          assert.ok(isSlow(buffer, (udata as number) * SIZE))
        }
      }
      assert.ok(cancelled >= 100 && cancelled < MANY, `${cancelled} were cancelled`)
      assert.equal(aio_cancel(fd), AIO_ALLDONE)
      assert.deepEqual(kq.kevent([], 8, 0), [])
    })

    it('are synced when what was asked for before is over, or cancelled', async () => {
      const kq = queue()
      const fd = opened(files.path('slow'), 'r')
      const reads = Array.from({ length: 50 }, (_, i) => read(fd, i, kq))
      await files.reads(1)
      const sync = aio_fsync({ fd, kq, udata: 'sync' })
      const other = aio_fsync({ fd, kq, udata: 'other' })
      assert.equal(other.cancel(), true)
      assert.equal(collect(kq, 1)[0]!.data, ECANCELED)
      assert.equal(sync.status, 'pending')
      for (const { request } of reads.slice(40)) request.cancel()
      files.release()
      const events = collect(kq, 51)
      assert.equal(events.at(-1)!.udata, 'sync')
      // This file system has no fsync, which is no error to Linux.
      assert.deepEqual([sync.status, sync.result], ['done', 0])
    })

    it('have as many requests as one likes, whatever becomes of the descriptor', async () => {
      addon.aioPrefer(kind, 4)
      try {
        const kq = queue()
        const fd = opened(files.path('slow'), 'r')
        const reads = Array.from({ length: MANY }, (_, i) => read(fd, i, kq))
        const list = lio_listio([{ op: 'read', fd, buffer: new Uint8Array(1) }], { kq })
        close(fd)
        assert.equal(opened('/dev/null'), fd)
        await files.reads(1)
        files.release()
        const events = collect(kq, MANY + 1)
        assert.ok(events.some(({ udata }) => udata === list))
        for (const [i, { buffer, request }] of reads.entries()) {
          assert.equal(request.result, SIZE)
          assert.ok(isSlow(buffer, i * SIZE))
        }
        kq.close()
      } finally {
        addon.aioPrefer(kind, 0)
      }
    })

    it('are waited for in kevent, in wait, and by who polls the queue', async () => {
      const kq = queue()
      const fd = opened(files.path('slow'), 'r')
      const { POLLIN } = posix.constants
      const first = read(fd, 1, kq)
      assert.deepEqual(kq.kevent([], 1, 20), [])
      const waiting = kq.wait()
      await files.reads(1)
      files.release()
      assert.equal((await waiting)[0]!.ident, first.request.id)
      files.hold()
      read(fd, 2, kq)
      assert.equal(posix.poll(kq.fd, POLLIN, 0), 0)
      await files.reads(1)
      files.release()
      assert.equal(posix.poll(kq.fd, POLLIN, LONG), POLLIN)
      assert.equal(collect(kq, 1)[0]!.udata, 2)
      files.hold()
      read(fd, 3, kq)
      await files.reads(1)
      files.release()
      assert.equal(kq.kevent([], 1, LONG)[0]!.udata, 3)
    })

    it('fill no memory that has gone', async () => {
      const kq = queue()
      const fd = opened(files.path('slow'), 'r')
      const reads = Array.from({ length: MANY }, (_, i) => read(fd, i, kq))
      await files.reads(1)
      const moved = reads.map(({ buffer }) =>
        structuredClone(buffer, { transfer: [buffer.buffer as ArrayBuffer] }),
      )
      files.release()
      for (const { data } of collect(kq, MANY)) assert.equal(data, 14)
      assert.ok(moved.every((buffer) => buffer.every((byte) => byte === 0)))
    })

    it('are left when a queue is closed, and their requests end', async () => {
      const before = descriptors()
      const kq = queue()
      const fd = opened(files.path('slow'), 'r')
      const reads = Array.from({ length: MANY }, (_, i) => read(fd, i, kq))
      await files.reads(1)
      kq.close()
      files.release()
      await until(() => reads.every(({ request }) => request.complete), 'all are over')
      assert.ok(reads.every(({ buffer }, i) => isSlow(buffer, i * SIZE)))
      close(fd)
      await until(() => descriptors() <= before, 'nothing is left')
    })

    /** Reads that go on while their thread ends. */
    const going = (name: string, how: Parameters<Cases['ends as it reads']>[2]) =>
      requests('ends as it reads', kind, files.path(name), how)

    it('do not keep a worker whose reads can be interrupted', {
      skip: kind === THREADS && 'a thread in pread cannot be interrupted',
    }, async () => {
      const before = descriptors()
      const worker = start(going('polite', 'waits'))
      await message(worker)
      await files.reads(1)
      await worker.terminate()
      assertNothingLeft(before)
    })

    it('keep a worker until they are read, or for two seconds', async () => {
      const before = descriptors()
      const worker = start(going('slow', 'blocks'))
      await message(worker)
      await files.reads(1)
      const terminated = worker.terminate()
      // What a thread of ours reads is left to it; the kernel itself waits for its own.
      if (kind === URING) files.release()
      await terminated
      files.release()
      // Who comes next frees what was left.
      await until(() => {
        const kq = queue()
        aio_read({ fd: opened('/proc/self/exe', 'r'), buffer: new Uint8Array(1), kq })
        collect(kq, 1)
        kq.close()
        closeAll()
        return descriptors() <= before
      }, 'nothing is left')
    })

    it('do not keep a process from ending', () => {
      // Without INTERRUPT nothing ends a process that reads, not even SIGKILL.
      for (const [end, expected] of [
        ['exits', 7],
        ['is killed', 'SIGKILL'],
        ['ends', 0],
      ] as const) {
        const { stderr, status, signal } = run(going('polite', end))
        assert.deepEqual([stderr, status ?? signal], ['', expected])
      }
    })
  })

  describe('a worker that ends', () => {
    const ENDS = ['ends', 'exits', 'blocks', 'iterates'] as const

    it('fifty times in the middle of reads and writes leaves nothing', async () => {
      const name = path(blocks(1000))
      const before = descriptors()
      const least = threads()
      const one = async (i: number): Promise<void> => {
        const op = i % 3 === 2 ? 'write' : 'read'
        const how = ENDS[i % 4]!
        const worker = start(requests('leaves a list', kind, name, BLOCK, op, how))
        await message(worker)
        if (i % 4 < 2) await ended(worker)
        else await worker.terminate()
      }
      for (let i = 0; i < 50; i += 2) await Promise.all([one(i), one(i + 1)])
      assertNothingLeft(before)
      // Those of io_uring and of the addon end by and by.
      await until(() => threads() <= least, 'threads end')
    })
  })
})

describe('Where io_uring', () => {
  const SETUP = 425
  const ENTER = 426

  for (const [why, call, errno] of [
    ['is forbidden by a sandbox or a sysctl', SETUP, 1],
    ['is not part of the kernel', SETUP, 38],
    ['gets no memory', SETUP, 12],
    ['may be set up and not be used', ENTER, 1],
  ] as const) {
    it(`${why}, threads do the I/O`, { skip: lacksSeccomp }, () => {
      const { stdout, stderr } = run(requests('is forbidden', call, errno))
      // libuv uses it as well, and says so when it may not.
      assert.equal(stderr.replace(/^libuv: io_uring_.*\n/gm, ''), '')
      assert.equal(stdout, `${THREADS} true ELF\n`)
    })
  }

  it('is allowed, it does', { skip: !hasUring && 'this system has none' }, () => {
    const { stdout, stderr } = run(requests('is forbidden', 9999, 1))
    assert.equal(stderr, '')
    assert.equal(stdout, `${URING} true ELF\n`)
  })

  it('cannot have a descriptor, nothing is begun', () => {
    const { stdout, stderr } = run(scarce('asks for I/O'), { files: 64 })
    assert.equal(stderr, '')
    assert.equal(stdout, '24\n1\n')
  })
})

describe('A worker of its own', () => {
  it('has its own choice and its own requests', async () => {
    addon.aioPrefer(THREADS, 0)
    const kq = queue()
    const fd = opened(path('x'))
    aio_write({ fd, bytes: blocks(1), kq })
    const worker = start(requests('has its own choice', fd))
    assert.deepEqual(await message(worker), [hasUring ? URING : THREADS, 1])
    assert.equal(addon.aioKind(), THREADS)
    collect(kq, 1)
    await ended(worker)
    addon.aioPrefer(0, 0)
  })
})
