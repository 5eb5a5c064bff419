/** Internal descriptors that the program closes, and whose numbers it gets for files of its own. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { describe, it } from 'node:test'
import { kqueue } from 'kqueue'
import * as posix from '../native/posix.js'
import { ended, message, run, start } from './processes.js'

const list = (): string[] =>
  readdirSync('/proc/self/fd').filter((fd) => existsSync(`/proc/self/fd/${fd}`))

/** Uses every kind of source; afterwards `internal` is what the package has opened. */
const SOURCES = `
  const fs = await import('node:fs')
  const list = () => fs.readdirSync('/proc/self/fd').filter((fd) => fs.existsSync('/proc/self/fd/' + fd)).map(Number)
  const [r, w] = posix.pipe2(0)
  const file = posix.open('/proc/self/exe')
  const before = new Set(list())
  const kq = K.kqueue()
  const nested = K.kqueue()
  const add = [
    K.EV_SET(r, K.EVFILT_READ, K.EV_ADD),
    K.EV_SET(w, K.EVFILT_WRITE, K.EV_ADD),
    K.EV_SET(nested.fd, K.EVFILT_READ, K.EV_ADD),
    K.EV_SET(file, K.EVFILT_VNODE, K.EV_ADD, K.NOTE_WRITE),
    K.EV_SET(1, K.EVFILT_TIMER, K.EV_ADD, 0, 1e6),
    K.EV_SET(process.ppid, K.EVFILT_PROC, K.EV_ADD, K.NOTE_EXIT),
    K.EV_SET(10, K.EVFILT_SIGNAL, K.EV_ADD),
    K.EV_SET(0, K.EVFILT_FS, K.EV_ADD),
    K.EV_SET(0, K.EVFILT_NETDEV, K.EV_ADD, K.NOTE_LINKUP),
  ]
  kq.kevent(add)
  const internal = list().filter((fd) => !before.has(fd))
`

/** The worker's own: a queue that stays open keeps the process's shared ones. */
function prime(): () => void {
  const kq = kqueue()
  kq.kevent([{ ident: 10, filter: -6, flags: 1 }])
  return () => kq.close()
}

describe('The end of a worker', () => {
  it('leaves files alone that have the numbers of its descriptors, and closes the others', async () => {
    const done = prime()
    const before = list()
    for (let which = 0, more = true; more; which++) {
      const worker = start(
        `${SOURCES}
        const fd = internal[shared]
        if (fd !== undefined) posix.dup2(file, fd)
        posix.close(file)
        posix.close(r)
        posix.close(w)
        parentPort.postMessage(fd ?? -1)
        setInterval(() => {}, 1e6)`,
        which,
      )
      const fd = (await message(worker)) as number
      await worker.terminate()
      const left = list().filter((each) => !before.includes(each))
      assert.deepEqual(left, fd < 0 ? [] : [`${fd}`], `descriptor ${which}: ${fd}`)
      if (fd >= 0) {
        assert.equal(readlinkSync(`/proc/self/fd/${fd}`), readlinkSync('/proc/self/exe'))
        posix.close(fd)
      }
      more = fd >= 0
    }
    done()
  })

  it('leaves them alone when it has lost all its descriptors', async () => {
    const done = prime()
    const before = list()
    const worker = start(`${SOURCES}
      for (const fd of internal) posix.dup2(file, fd)
      for (const fd of [file, r, w]) posix.close(fd)
      parentPort.postMessage(internal)`)
    const internal = (await message(worker)) as number[]
    await ended(worker)
    assert.deepEqual(
      list()
        .filter((fd) => !before.includes(fd))
        .map(Number),
      internal,
    )
    for (const fd of internal) posix.close(fd)
    done()
  })
})

describe('A queue in the main thread', () => {
  it('when closed, leaves files alone that have the numbers of internal descriptors', () => {
    const { stdout, stderr, status } = run(`${SOURCES.replace(/const fs = .*/, '')}
      const others = () => list().filter((fd) => fs.readlinkSync('/proc/self/fd/' + fd) === process.execPath).length
      for (const fd of internal) posix.dup2(file, fd)
      const had = others()
      for (const queue of [kq, nested]) try { queue.close() } catch {}
      console.log(others() - had, had > 10)`)
    assert.deepEqual([stdout, status], ['0 true\n', 0], stderr)
  })

  it('is closed also when an eventfd inside is gone', () => {
    const { stdout, stderr, status } = run(`${SOURCES.replace(/const fs = .*/, '')}
      const link = (fd) => fs.readlinkSync('/proc/self/fd/' + fd)
      const fds = [kq.fd, nested.fd]
      // The first two prove whose the descriptors are.
      const [, , inside] = internal.filter((fd) => link(fd) === 'anon_inode:[eventfd]')
      posix.close(inside)
      try { kq.close() } catch {}
      try { nested.close() } catch {}
      console.log(fds.filter((fd) => list().includes(fd)).length)`)
    assert.deepEqual([stdout, status], ['0\n', 0], stderr)
  })
})
