// EVFILT_READ of regular files: each growth, to the byte.
import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { EV_ADD, EV_CLEAR, EV_SET, EVFILT_READ, kqueue } from 'kqueue'
import { gather } from '../take.mjs'

/** @type {import('../run.mjs').Churn} */
export default {
  name: 'growing',
  start({ random, ledger, directory }) {
    const kq = kqueue()
    const buffer = Buffer.alloc(65_536)
    const path = join(directory, 'growing')
    return {
      async turn() {
        const writer = openSync(path, 'a')
        const reader = openSync(path, 'r')
        const flags = random.pick([0, EV_CLEAR])
        kq.kevent([EV_SET(reader, EVFILT_READ, EV_ADD | flags)])
        for (let times = random.from(1, 10); times > 0; times--) {
          let left = random.from(1, buffer.length)
          writeSync(writer, buffer, 0, left)
          ledger.done('bytes appended', left)
          await gather(
            kq,
            random,
            ({ data }) => {
              // A level is told as often as it is asked, and so once more after the last byte.
              if (left === 0 && flags === 0) return
              ledger.check(data === left, () => `${data} bytes appended, not ${left}`)
              left -= readSync(reader, buffer, 0, buffer.length, null)
              ledger.seen('bytes appended', data)
            },
            () => left <= 0,
          )
        }
        closeSync(writer)
        closeSync(reader)
        unlinkSync(path)
      },
      close: () => kq.close(),
    }
  },
}
