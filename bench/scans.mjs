// The rows about pipes of which some are ready: one kevent that returns those, level-triggered,
// with the byte counts, into a reused EventList.
import { EV_ADD, EV_DELETE, EV_SET, EVFILT_READ, EventList, kqueue } from 'kqueue'
import { Failure } from './failure.mjs'
import { loadPipes, openPipes } from './pipes.mjs'
import { MOST_PIPES } from './sizes.mjs'

/**
 * @param {number} count pipes @param {number} ready @param {number} room for events
 * @param {() => import('kqueue').Kqueue} make
 */
export function readPipes(count, ready, room, make = kqueue) {
  const pipes = openPipes(count, ready)
  const kq = make()
  kq.kevent(pipes.readers.map((fd) => EV_SET(fd, EVFILT_READ, EV_ADD)))
  const list = new EventList(room)
  return {
    pipes,
    kq,
    list,
    /** @param {number} ready that are to be returned, with a byte each */
    scan(ready) {
      const n = kq.keventInto(null, list, 0)
      let sum = 0
      for (let i = 0; i < n; i++) sum += list.data[i]
      if (n !== ready || sum !== ready) throw new Error(`${n} events, ${sum} bytes`)
      return n
    },
    close() {
      kq.close()
      pipes.close()
    },
  }
}

/**
 * The contestant without a machine: an addon makes the system calls, one call from JavaScript for
 * each kevent, and JavaScript reads what was told. It has pipes of its own.
 *
 * @param {number} count @param {number} room
 * @param {boolean} proves
 */
export function barePipes(count, room, proves) {
  const addon = loadPipes('bare')
  const pipes = openPipes(count, 0, addon)
  const bare = watchBare(addon, room, proves)
  return {
    ...bare,
    pipes,
    close() {
      bare.close()
      pipes.close()
    },
  }
}

/**
 * The same for all pipes that an addon has opened.
 *
 * @param {import('./pipes.mjs').Pipes} addon @param {number} room @param {boolean} proves
 */
export function watchBare(addon, room, proves) {
  const list = new Int32Array(new SharedArrayBuffer(2 * MOST_PIPES * 4))
  const error = addon.watch(proves, list)
  if (error !== 0) throw new Failure(`the addon without a machine: errno ${error}`)
  return {
    list,
    next: () => addon.scan(room),
    /** @param {number} ready */
    scan(ready) {
      const n = addon.scan(room)
      let sum = 0
      for (let i = 0; i < n; i++) sum += list[2 * i + 1]
      if (n !== ready || sum !== ready) throw new Error(`${n} events, ${sum} bytes`)
      return n
    },
    close: () => addon.leave(),
  }
}

/**
 * A row of such scans.
 *
 * @param {string} name @param {number} count pipes @param {number} ready
 * @param {number} times one after another, where one is short
 * @param {() => import('kqueue').Kqueue} make
 * @param {boolean} proves whether such a queue asks if a number is what was added
 * @returns {import('./measure.mjs').Row}
 */
export function scanRow(name, count, ready, times = 1, make = kqueue, proves = true) {
  /** @param {{ scan(ready: number): number, close(): void }} side */
  const scanning = ({ scan, close }) => ({
    work() {
      for (let i = 0; i < times; i++) scan(ready)
      return ready * times
    },
    close,
  })
  return {
    name,
    unit: 'events/s',
    ours: () => scanning(readPipes(count, ready, ready, make)),
    // Nothing happens to the pipes: ours will do for both.
    addon: () => scanning(watchBare(loadPipes(), ready, proves)),
  }
}

/**
 * A row in which pipes are added in one changelist and deleted in another, of which one is
 * measured.
 *
 * @param {string} name @param {number} count @param {boolean} adding
 * @returns {import('./measure.mjs').Row}
 */
export function registerRow(name, count, adding) {
  return {
    name,
    unit: 'changes/s',
    ours() {
      const pipes = openPipes(count, 0)
      const kq = kqueue()
      const additions = pipes.readers.map((fd) => EV_SET(fd, EVFILT_READ, EV_ADD))
      const deletions = pipes.readers.map((fd) => EV_SET(fd, EVFILT_READ, EV_DELETE))
      let added = false
      /** @param {boolean} adding */
      const change = (adding) => {
        if (added !== adding) kq.kevent(adding ? additions : deletions)
        added = adding
      }
      return {
        prepare: () => change(!adding),
        work() {
          change(adding)
          return count
        },
        close() {
          kq.close()
          pipes.close()
        },
      }
    },
  }
}
