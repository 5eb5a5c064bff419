/**
 * The calls of `import 'kqueue'`, bound to a system. What is the same on every system is in
 * `bind-all.ts`.
 */
import type { FilterOps } from '../core/filter.js'
import type { Abortable } from './arguments.js'
import * as conveniences from './conveniences.js'
import * as forks from './fork.js'
import { kqueueClass } from './kqueue.js'
import { limits } from './limits.js'
import type { Followed } from './processes.js'
import * as queues from './queues.js'
import type { Seldom } from './seldom.js'
import type { Bound, ForkOptions, PathArgument, StartGiven } from './system.js'
import * as tables from './tables.js'
import { type TreeOptions, treeEvents } from './tree-events.js'
import { vnodeEvents } from './vnode-events.js'

/** @param seldom is asked when one of its calls is called */
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
    processExit: async (pid: number, options?: Abortable) =>
      seldom('processExit').processExit(system, pid, options),
    processTree: (pid: number, options?: Followed) =>
      iterated(() => seldom('processTree').processTree(system, pid, options)),
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

/** What is iterated, also where it cannot be made: then who iterates is told. */
function iterated<T>(make: () => AsyncGenerator<T, void>): AsyncGenerator<T, void> {
  try {
    return make()
  } catch (error) {
    return failing(error)
  }
}

// biome-ignore lint/correctness/useYield: there is nothing but the failure
async function* failing(error: unknown): AsyncGenerator<never, void> {
  throw error
}
