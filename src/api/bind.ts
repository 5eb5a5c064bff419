/**
 * All that `import 'kqueue'` has, bound to a system.
 *
 *     const calls = bindAll(() => system)
 *     const kq = calls.kqueue()
 */
import { EventList } from '../core/event-list.js'
import { EVENT_PROCESS, EVENT_REGISTER, type FilterOps } from '../core/filter.js'
import { AIO_ALLDONE, AIO_CANCELED, AIO_NOTCANCELED } from '../core/filters/completion.js'
import { STATUS_UNKNOWN } from '../core/kernel.js'
import { Knlist } from '../core/knlist.js'
import { KqueueError } from '../errors.js'
import * as aio from './aio.js'
import * as conveniences from './conveniences.js'
import * as forks from './fork.js'
import { kqueueClass } from './kqueue.js'
import { limits } from './limits.js'
import * as processes from './processes.js'
import * as queues from './queues.js'
import type { Bound, ForkOptions, StartGiven } from './system.js'
import * as tables from './tables.js'
import { treeEvents } from './tree-events.js'
import { vnodeEvents } from './vnode-events.js'
import { vocabulary } from './vocabulary.js'

/** What is the same on every system. */
const common = {
  AIO_ALLDONE,
  AIO_CANCELED,
  AIO_NOTCANCELED,
  EVENT_PROCESS,
  EVENT_REGISTER,
  EventList,
  Knlist,
  KqueueError,
  STATUS_UNKNOWN,
  userEvent: conveniences.userEvent,
}

/** Every export of `kqueue`. */
export type Calls = ReturnType<typeof bindAll>

export function bindAll(system: Bound) {
  return Object.assign(vocabulary(), common, bind(system))
}

/** Those that are not the same on every system. */
export function bind(system: Bound) {
  /** A call without its first argument. */
  const on = <Arguments extends unknown[], Result>(
    call: (system: Bound, ...rest: Arguments) => Result,
  ) => {
    const bound = (...rest: Arguments): Result => call(system, ...rest)
    return Object.defineProperty(bound, 'name', { value: call.name })
  }
  return {
    Kqueue: kqueueClass(system),
    kqueue: on(queues.kqueue),
    kqueuex: on(queues.kqueuex),
    kqueue1: on(queues.kqueue1),
    fork: on(forks.fork),
    forkOptions: (options?: StartGiven): ForkOptions => system().fork.options(options),
    inheritedKqueues: on(forks.inheritedKqueues),
    readable: on(conveniences.readable),
    writable: on(conveniences.writable),
    ticks: on(conveniences.ticks),
    processExit: on(processes.processExit),
    processTree: on(processes.processTree),
    vnodeEvents: on(vnodeEvents),
    treeEvents: on(treeEvents),
    aio_read: on(aio.aio_read),
    aio_write: on(aio.aio_write),
    aio_fsync: on(aio.aio_fsync),
    lio_listio: on(aio.lio_listio),
    aio_cancel: on(aio.aio_cancel),
    aio_error: on(aio.aio_error),
    aio_return: on(aio.aio_return),
    kqueue_add_filteropts: (filter: number, ops: FilterOps) => system().filters.add(filter, ops),
    kqueue_del_filteropts: (filter: number) => system().filters.remove(filter),
    kfilter_register: (name: string, ops: FilterOps) => system().filters.register(name, ops),
    kfilter_unregister: (name: string) => system().filters.unregister(name),
    sysctl: limits(system),
    getmntinfo: () => system().files.mounts(),
    if_nametoindex: on(tables.if_nametoindex),
    if_indextoname: on(tables.if_indextoname),
    if_nameindex: () => system().interfaces.all(),
    kinfo_getproc: on(tables.kinfo_getproc),
    kinfo_getallproc: () => system().processes.all(),
  }
}
