/** What the World on Linux has of asynchronous I/O: the public API. */
import { type AioRequest as Asked, aio_read, aio_write, type Kqueue, lio_listio } from 'kqueue'
import type { AioCalls, AioRequest, Queue } from './world.js'

/** @param kqueueOf the Kqueue behind a queue of the World */
export function aioCalls(kqueueOf: (queue: Queue) => Kqueue): AioCalls {
  const told = (request: Asked): AioRequest => ({
    ident: request.id,
    result: () => request.result,
    cancel: () => void request.cancel(),
  })
  return {
    read: (fd, buffer, offset, queue, udata) =>
      told(aio_read({ fd, buffer, offset, kq: kqueueOf(queue), udata })),
    write: (fd, bytes, offset, queue, udata) =>
      told(aio_write({ fd, bytes, offset, kq: kqueueOf(queue), udata })),
    list: (writes, queue) =>
      lio_listio(
        writes.map((write) => ({ op: 'write', ...write })),
        { kq: kqueueOf(queue) },
      ).id,
  }
}
