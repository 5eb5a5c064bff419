/** Processes and workers that do asynchronous I/O; `kind` is by whom it is done. */
import { closeSync, openSync } from 'node:fs'
import {
  type AioEntry,
  aio_fsync,
  aio_read,
  aio_write,
  type Kqueue,
  kqueue,
  lio_listio,
} from 'kqueue'
import { addon } from '../native/addon.js'
import * as posix from '../native/posix.js'
import { runCase, say } from './cases.js'

/** Opens a queue whose I/O is done by `kind`. */
function prepared(kind: number): Kqueue {
  addon().aioPrefer(kind, 0)
  return kqueue()
}

const MANY = 1000

const cases = {
  /** Writes as the limit of the file size is 4096; prints the result and the error of each. */
  'writes too far'(kind: number, path: string) {
    const kq = prepared(kind)
    const fd = openSync(path, 'r+')
    const write = (length: number, offset: number) => {
      const request = aio_write({ fd, bytes: new Uint8Array(length), offset, kq })
      kq.kevent([], 1, 5000)
      return [request.result, request.error]
    }
    console.log(JSON.stringify([write(8192, 0), write(1, 8192)]))
  },

  /** Leaves reads that go on while its process ends, or its worker, which says that it reads. */
  async 'ends as it reads'(
    kind: number,
    path: string,
    how: 'waits' | 'blocks' | 'exits' | 'is killed' | 'ends',
  ) {
    const kq = prepared(kind)
    const fd = openSync(path, 'r')
    const buffers = Array.from({ length: MANY }, () => new Uint8Array(100))
    lio_listio(
      buffers.map((buffer) => ({ op: 'read', fd, buffer, kq })),
      { kq },
    )
    closeSync(fd)
    if (how === 'exits') process.exit(7)
    if (how === 'is killed') process.kill(process.pid, 'SIGKILL')
    if (how === 'ends') return
    say('reading')
    if (how === 'waits') await kq.wait()
    else kq.kevent([], 1)
  },

  /** In a worker that ends by itself, or goes on until it is terminated. */
  async 'leaves a list'(
    kind: number,
    path: string,
    block: number,
    op: 'read' | 'write',
    how: 'ends' | 'exits' | 'blocks' | 'iterates',
  ) {
    const kq = prepared(kind)
    const fd = openSync(path, 'r+')
    const entries = Array.from({ length: MANY }, (_, i): AioEntry => {
      const view = new Uint8Array(block)
      const where = { fd, offset: i * block, kq }
      return op === 'read' ? { op, ...where, buffer: view } : { op, ...where, bytes: view }
    })
    lio_listio(entries, { kq })
    aio_fsync({ fd, kq })
    closeSync(fd)
    say('going')
    if (how === 'exits') process.exit()
    while (how === 'blocks') kq.kevent([], 1)
    if (how === 'iterates') for await (const _ of kq);
  },

  /** In a worker: says how many events came, and whether each block held its number. */
  async 'reads blocks'(
    kind: number,
    path: string,
    block: number,
    how: { list: boolean; blocks: boolean },
  ) {
    const kq = prepared(kind)
    const fd = openSync(path, 'r')
    const buffers = Array.from({ length: MANY }, () => new Uint8Array(block))
    const reads = buffers.map((buffer, i) => ({ fd, buffer, offset: i * block, kq }))
    if (how.list) lio_listio(reads.map((read) => ({ op: 'read', ...read })))
    else for (const read of reads) aio_read(read)
    let seen = 0
    while (seen < MANY) seen += (how.blocks ? kq.kevent([], 100) : await kq.wait()).length
    const right = buffers.every(({ buffer }, i) =>
      new Uint32Array(buffer).every((word) => word === i),
    )
    closeSync(fd)
    kq.close()
    say([seen, right])
  },

  /** Prints how many events came of a read, and its result. */
  async 'waits for a read'(kind: number) {
    const kq = prepared(kind)
    const fd = openSync('/proc/self/exe', 'r')
    const request = aio_read({ fd, buffer: new Uint8Array(4), kq })
    console.log((await kq.wait()).length, request.result)
  },

  'does not wait for a read'(kind: number) {
    const kq = prepared(kind)
    const fd = openSync('/proc/self/exe', 'r')
    aio_read({ fd, buffer: new Uint8Array(4), kq })
  },

  /** Prints by whom a read is done where a system call fails, and what it has read. */
  'is forbidden'(call: number, errno: number) {
    const used = addon()
    posix.forbid(call, errno)
    const kq = kqueue()
    const fd = openSync(process.execPath, 'r')
    const buffer = Buffer.alloc(4)
    const request = aio_read({ fd, buffer, kq })
    const kind = used.aioKind()
    const [event] = kq.kevent([], 1, 5000)
    console.log(kind, event?.udata === request, buffer.toString('latin1', 1))
  },

  /** In a worker: says by whom its read is done, and how many events came. */
  'has its own choice'(fd: number) {
    const kq = kqueue()
    aio_read({ fd, buffer: new Uint8Array(1), kq })
    say([addon().aioKind(), kq.kevent([], 1, 5000).length])
    kq.close()
  },
}

export type Cases = typeof cases
await runCase(cases)
