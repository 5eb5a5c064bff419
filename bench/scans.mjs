// The rows about pipes of which some are ready: one kevent that returns those, level-triggered,
// with the byte counts, into a reused EventList.
import { EV_ADD, EV_DELETE, EV_SET, EVFILT_READ, EventList, kqueue } from 'kqueue'
import { openPipes } from './pipes.mjs'

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
 * A row of such scans.
 *
 * @param {string} name @param {number} count pipes @param {number} ready
 * @param {number} times one after another, where one is short
 * @param {() => import('kqueue').Kqueue} make
 * @returns {import('./main.mjs').Row}
 */
export function scanRow(name, count, ready, times = 1, make = kqueue) {
  return {
    name,
    unit: 'events/s',
    ours() {
      const { scan, close } = readPipes(count, ready, ready, make)
      return {
        work() {
          for (let i = 0; i < times; i++) scan(ready)
          return ready * times
        },
        close,
      }
    },
  }
}

/**
 * A row in which pipes are added in one changelist and deleted in another, of which one is
 * measured.
 *
 * @param {string} name @param {number} count @param {boolean} adding
 * @returns {import('./main.mjs').Row}
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
