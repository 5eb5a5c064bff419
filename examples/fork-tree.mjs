// Copy on fork, on the simulated kernel: a program prepares one queue and forks a tree of
// processes. Each has a copy of the queue of its own, with the timer as far as it has run.
// The process that started it follows the whole tree with NOTE_TRACK.
//
//     node examples/fork-tree.mjs
import {
  EV_ADD,
  EV_ONESHOT,
  EV_SET,
  EVFILT_PROC,
  EVFILT_TIMER,
  KQUEUE_CPONFORK,
  NOTE_CHILD,
  NOTE_EXIT,
  NOTE_TRACK,
  SimKernel,
} from 'kqueue/sim'

const kernel = new SimKernel()
const ms = () => Number(kernel.now) / 1e6

/** Forks two children 10 ms apart, down to grandchildren, and waits for the timer. */
async function grow(p, kq, depth) {
  const own = p.kqueue() // not copied, as any queue without the flag
  for (let i = 0; i < 2 && depth > 0; i++) {
    p.fork((child) => grow(child, kq, depth - 1))
    await p.wait(own, { timeout: 10 })
  }
  const [{ ident }] = await p.wait(kq)
  console.log(`${ms()} ms: process ${p.pid}: timer ${ident} has fired`)
  return depth
}

kernel.spawn(async (p) => {
  const root = p.fork((child) => {
    const kq = child.kqueuex(KQUEUE_CPONFORK)
    child.kevent(kq, [EV_SET(1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 100)])
    return grow(child, kq, 2)
  })
  const kq = p.kqueue()
  p.kevent(kq, [EV_SET(root.pid, EVFILT_PROC, EV_ADD, NOTE_TRACK | NOTE_EXIT)])
  const alive = new Set([root.pid])
  while (alive.size > 0) {
    for (const { ident, fflags, data } of await p.wait(kq)) {
      if (fflags & NOTE_CHILD) {
        console.log(`${ms()} ms: ${ident} is a child of ${data}`)
        alive.add(ident)
      } else if (fflags & NOTE_EXIT) {
        alive.delete(ident)
      }
    }
  }
  console.log(`${ms()} ms: all have exited`)
})

await kernel.run()
