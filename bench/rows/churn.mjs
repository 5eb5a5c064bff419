// A pipe is made and written, added, told of, deleted and closed.
import { EV_ADD, EV_DELETE, EV_SET, EVFILT_READ, EventList, kqueue } from 'kqueue'
import { loadPipes } from '../pipes.mjs'
import { watchBare } from '../scans.mjs'
import { CALLS } from '../sizes.mjs'

/** @param {(fd: number) => boolean} use adds a pipe that has a byte, is told of it, and deletes it */
function churning(use) {
  const { open, reader, close } = loadPipes()
  return () => {
    for (let i = 0; i < CALLS; i++) {
      const error = open(1, 1)
      if (error !== 0) throw new Error(`errno ${error}`)
      if (!use(reader(0))) throw new Error('other events')
      close()
    }
    return CALLS
  }
}

/** @type {import('../measure.mjs').Row} */
export default {
  name: 'churn',
  unit: 'pipes/s',
  ours() {
    const kq = kqueue()
    const list = new EventList(1)
    const additions = [EV_SET(0, EVFILT_READ, EV_ADD)]
    const deletions = [EV_SET(0, EVFILT_READ, EV_DELETE)]
    const work = churning((fd) => {
      additions[0].ident = deletions[0].ident = fd
      kq.kevent(additions)
      const n = kq.keventInto(null, list, 0)
      kq.kevent(deletions)
      return n === 1 && list.ident[0] === fd && list.data[0] === 1
    })
    return { work, close: () => kq.close() }
  },
  addon() {
    const addon = loadPipes()
    const { list, next, close } = watchBare(addon, 1, true)
    const work = churning((fd) => {
      const error = addon.add(fd)
      const n = next()
      return error === 0 && n === 1 && list[0] === fd && list[1] === 1 && addon.remove(fd) === 0
    })
    return { work, close }
  },
}
