/** Processes beside one that has a queue; its descriptor may be their number 3. */
import { fstatSync, readlinkSync } from 'node:fs'
import * as posix from '../native/posix.js'
import { runCase } from './cases.js'

const cases = {
  /** Prints what poll(2) says of the queue within `ms`. */
  polls(ms: number) {
    console.log(posix.poll(3, posix.constants.POLLIN, ms))
  },

  /** The same when it has written to its descriptor 4. */
  'writes, then polls'(ms: number) {
    posix.write(4, 'x')
    cases.polls(ms)
  },

  /** Prints what a descriptor is, or why it is none. */
  'looks at'(fd: number) {
    try {
      fstatSync(fd)
      console.log(readlinkSync(`/proc/self/fd/${fd}`))
    } catch (error) {
      console.log((error as NodeJS.ErrnoException).code)
    }
  },
}

export type Cases = typeof cases
await runCase(cases)
