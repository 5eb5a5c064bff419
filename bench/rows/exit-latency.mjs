// From the signal that ends a process to the event that says so. The process is a child
// of ours, because Node.js alone knows of no others, and sleeps until then.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause, setInterval } from 'node:timers/promises'
import { EV_ADD, EV_SET, EVFILT_PROC, kqueue, NOTE_EXIT } from 'kqueue'

/** As programs do that can only ask, in ms. */
const POLL_MS = 100

async function sleeper() {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' })
  await once(child, 'spawn')
  return child
}

/** @param {import('node:child_process').ChildProcess} child */
function kill(child) {
  const start = performance.now()
  child.kill('SIGKILL')
  return start
}

/** @param {number} start */
const since = (start) => (performance.now() - start) * 1000

/** @param {number} pid */
function exists(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** @param {(kq: import('kqueue').Kqueue) => unknown} wait */
function ours(wait) {
  const kq = kqueue()
  return {
    async sample() {
      const child = await sleeper()
      const reaped = once(child, 'exit')
      kq.kevent([EV_SET(child.pid, EVFILT_PROC, EV_ADD, NOTE_EXIT)])
      const start = kill(child)
      await wait(kq)
      const latency = since(start)
      await reaped
      return latency
    },
    close: () => kq.close(),
  }
}

/** @param {number} pid */
async function untilGone(pid) {
  for await (const _ of setInterval(POLL_MS)) if (!exists(pid)) return
}

/** @type {import('../measure.mjs').Row} */
export default {
  name: 'exit-latency',
  unit: 'µs',
  latency: () => ({
    'ours, wait': () => ours((kq) => kq.wait()),
    'ours, kevent': () => ours((kq) => kq.kevent(null, 1)),
    "'exit' of a child": () => ({
      async sample() {
        const child = await sleeper()
        const exit = once(child, 'exit')
        const start = kill(child)
        await exit
        return since(start)
      },
      close() {},
    }),
    [`kill(pid, 0) every ${POLL_MS} ms`]: () => ({
      async sample() {
        const child = await sleeper()
        const gone = untilGone(child.pid)
        // It ends at any moment between two questions.
        await pause(Math.random() * POLL_MS)
        const start = kill(child)
        await gone
        return since(start)
      },
      close() {},
    }),
  }),
}
