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
import * as conveniences from './conveniences.js'
import * as forks from './fork.js'
import { kqueueClass } from './kqueue.js'
import { limits } from './limits.js'
import * as processes from './processes.js'
import * as queues from './queues.js'
import type { Seldom } from './seldom.js'
import type { Bound, ForkOptions, PathArgument, StartGiven } from './system.js'
import * as tables from './tables.js'
import { type TreeOptions, treeEvents } from './tree-events.js'
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

export function bindAll(system: Bound, seldom: (syscall: string) => Seldom) {
  return Object.assign(vocabulary(), common, bind(system, seldom))
}

/**
 * Those that are not the same on every system.
 * @param seldom is asked when one of them is called
 */
export function bind(system: Bound, seldom: (syscall: string) => Seldom) {
  /** A call without its first argument. */
  const on = <Arguments extends unknown[], Result>(
    call: (system: Bound, ...rest: Arguments) => Result,
  ) => {
    const bound = (...rest: Arguments): Result => call(system, ...rest)
    return Object.defineProperty(bound, 'name', { value: call.name })
  }
  /** The same of one that may be read then. */
  const late = <Arguments extends unknown[], Result>(
    name: keyof Seldom,
    find: (calls: Seldom) => (system: Bound, ...rest: Arguments) => Result,
  ) => {
    const bound = (...rest: Arguments): Result => find(seldom(name))(system, ...rest)
    return Object.defineProperty(bound, 'name', { value: name })
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
    treeEvents: (path: PathArgument, options?: TreeOptions) =>
      treeEvents(system, seldom, path, options),
    aio_read: late('aio_read', (calls) => calls.aio_read),
    aio_write: late('aio_write', (calls) => calls.aio_write),
    aio_fsync: late('aio_fsync', (calls) => calls.aio_fsync),
    lio_listio: late('lio_listio', (calls) => calls.lio_listio),
    aio_cancel: late('aio_cancel', (calls) => calls.aio_cancel),
    aio_error: late('aio_error', (calls) => calls.aio_error),
    aio_return: late('aio_return', (calls) => calls.aio_return),
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
