/**
 * `kqueue`: the event-notification machine of the BSD kernels on the machine's own
 * kernel.
 *
 *     import { kqueue, EV_SET, EVFILT_READ, EV_ADD } from 'kqueue'
 *
 *     const kq = kqueue()
 *     kq.kevent([EV_SET(fd, EVFILT_READ, EV_ADD)])
 *     for await (const { ident, data } of kq) console.log(`${data} bytes on ${ident}`)
 */
export { EventList } from './core/event-list.js'
export { EVENT_PROCESS, EVENT_REGISTER, type FilterOps } from './core/filter.js'
export type { Sysctl } from './core/kernel.js'
export { Knlist } from './core/knlist.js'
export type { Knote } from './core/knote.js'
export { KqueueError, type KqueueErrorDetails } from './errors.js'
export * from './event.js'
export {
  AIO_ALLDONE,
  AIO_CANCELED,
  AIO_NOTCANCELED,
  type AioEntry,
  type AioFsync,
  type AioList,
  type AioNotify,
  type AioRead,
  type AioRequest,
  type AioWrite,
  aio_cancel,
  aio_error,
  aio_fsync,
  aio_read,
  aio_return,
  aio_write,
  lio_listio,
} from './node/aio.js'
export { readable, ticks, type UserEvent, userEvent, writable } from './node/conveniences.js'
export {
  kfilter_register,
  kfilter_unregister,
  kqueue_add_filteropts,
  kqueue_del_filteropts,
  sysctl,
} from './node/filters.js'
export {
  type KnoteInfo,
  Kqueue,
  kqueue,
  kqueue1,
  kqueuex,
  type WaitOptions,
} from './node/kqueue.js'
export { if_indextoname, if_nametoindex } from './node/network.js'
export {
  type ProcessEvent,
  type ProcessExit,
  processExit,
  processTree,
  STATUS_UNKNOWN,
} from './node/processes.js'
export { type VnodeEvent, vnodeEvents } from './node/vnode-events.js'
