// For who comes from the npm packages `epoll` and `onoff`: files of the kernel that tell
// that they have changed. Here the machine tells that its programs have to wait for a
// processor; a GPIO, or any attribute of sysfs, is watched in the same way.
//
//     node examples/pressure.mjs
//     node examples/pressure.mjs /sys/class/gpio/gpio17/value
//
// With epoll:                                     With onoff:
//
//     const poller = new Epoll((err, fd) => {         const button = new Gpio(17, 'in', 'both')
//       readSync(fd, buffer, 0, 1, 0)                 button.watch((err, value) => {
//     })                                                ...
//     poller.add(fd, Epoll.EPOLLPRI)                  })
//     poller.remove(fd).close()                       button.unwatch()
import { spawn } from 'node:child_process'
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { EV_ADD, EV_SET, EVFILT_EXCEPT, kqueue, NOTE_OOB } from 'kqueue'

/** What a file says now: read from its start, which is also what ends the event. */
function contents(fd) {
  const buffer = Buffer.alloc(4096)
  return buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, 0)).trim()
}

/** Calls `changed` with the value of a file whenever the kernel says that there is another. */
function watch(fd, changed) {
  const kq = kqueue()
  kq.kevent([EV_SET(fd, EVFILT_EXCEPT, EV_ADD, NOTE_OOB)])
  contents(fd) // now it is quiet until the first change
  const watching = (async () => {
    for await (const { ident } of kq) changed(contents(ident))
  })()
  return { unwatch: () => kq.close(), watching }
}

/** Tells of 1 ms in which somebody had to wait, in two seconds; null where Linux has none. */
function openPressure() {
  let fd
  try {
    fd = openSync('/proc/pressure/cpu', 'r+')
    writeSync(fd, 'some 1000 2000000\n')
    return fd
  } catch (error) {
    if (fd !== undefined) closeSync(fd)
    console.log(`no pressure stall information here: ${error.code}`)
    return null
  }
}

const path = process.argv[2]
const fd = path === undefined ? openPressure() : openSync(path, 'r')
if (fd !== null) {
  const watcher = watch(fd, (value) => {
    console.log(value.split('\n')[0])
    if (path === undefined) watcher.unwatch()
  })
  // More work than there are processors, for ten seconds at most.
  const busy = ['-e', 'while (performance.now() < 10_000);']
  const work =
    path === undefined
      ? Array.from({ length: availableParallelism() + 2 }, () => spawn(process.execPath, busy))
      : []
  await watcher.watching.catch(({ code }) => console.log(`ended: ${code}`))
  for (const child of work) child.kill()
  closeSync(fd)
}
