/** What a World has of asynchronous I/O: the public API of its system. */
import type { AioRequest as Asked, Calls, Kqueue } from 'kqueue'
import type { AioCalls, AioRequest, Queue } from './world.js'

/** @param kqueueOf the Kqueue behind a queue of the World, which may be one */
export function aioCalls(
  { aio_read, aio_write, lio_listio }: Pick<Calls, 'aio_read' | 'aio_write' | 'lio_listio'>,
  kqueueOf = (queue: Queue) => queue as Kqueue,
): AioCalls {
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
