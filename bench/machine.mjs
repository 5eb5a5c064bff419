// What one knote costs in the machine alone: run as `node --expose-gc
// machine.mjs`, which registers user events in a queue whose kernel does
// nothing, and prints the bytes of JavaScript heap and external memory that
// each takes.
import { EV_ADD, EV_SET, EVFILT_USER, Kernel, Kqueue } from 'kqueue/core'
import { MEMORY_USER_EVENTS } from './sizes.mjs'

class IdleKernel extends Kernel {
  uptime() {
    return 0
  }

  realtime() {
    return 0
  }

  wakeup() {}
}

/** @param {number} count */
function queueOf(count) {
  const kq = new Kqueue(new IdleKernel(), { fget: () => null })
  for (let i = 0; i < count; i++) kq.register(EV_SET(i, EVFILT_USER, EV_ADD))
  return kq
}

function used() {
  globalThis.gc?.()
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

// Code and first tables are there before the counting starts.
queueOf(MEMORY_USER_EVENTS).close()
const before = used()
const kq = queueOf(MEMORY_USER_EVENTS)
const after = used()
console.log(JSON.stringify({ heap: Math.round((after - before) / kq.size) }))
