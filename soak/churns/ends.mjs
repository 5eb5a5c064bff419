// EVFILT_READ of fifos whose writers come and go, and of descriptors that are closed behind
// the queue's back and whose numbers are used again: the end is reported with what is left
// before it, and nothing is ever reported of the file that had the number before.
import { closeSync, constants, openSync, readSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { EV_ADD, EV_CLEAR, EV_EOF, EV_SET, EVFILT_READ, kqueue } from 'kqueue'
import * as posix from '../../build/test/native/posix.js'
import { unlessBlocked } from '../channels.mjs'
import { gather } from '../take.mjs'

const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants

/** @type {import('../run.mjs').Churn} */
export default {
  name: 'ends',
  start({ random, ledger, directory }) {
    const kq = kqueue()
    const buffer = Buffer.alloc(4096)
    let made = 0

    /** @returns {{ path: string, reader: number, writer: number }} */
    function fifo() {
      const path = join(directory, `end-${made++}`)
      posix.mkfifo(path)
      const reader = openSync(path, O_RDONLY | O_NONBLOCK)
      return { path, reader, writer: openSync(path, O_WRONLY | O_NONBLOCK) }
    }

    /** Some bytes and the end: what is read is what was written, then the end comes. */
    async function end() {
      const { path, reader, writer } = fifo()
      const flags = random.pick([0, EV_CLEAR])
      kq.kevent([EV_SET(reader, EVFILT_READ, EV_ADD | flags)])
      const length = random.from(0, buffer.length)
      if (length > 0) writeSync(writer, buffer, 0, length)
      closeSync(writer)
      ledger.done('bytes before an end', length)
      ledger.done('ends')
      let [left, ended] = [length, false]
      await gather(
        kq,
        random,
        ({ ident, data, flags: what }) => {
          ledger.check(ident === reader, () => `an event of ${ident} instead of ${reader}`)
          // An event that was taken twice before it was handled; and a process that another thread
          // is starting may have the writing end until it runs its program.
          const most = Math.min(Math.max(data, 1), buffer.length)
          const count = unlessBlocked(() => readSync(reader, buffer, 0, most, null)) ?? 0
          ledger.seen('bytes before an end', count)
          left -= count
          if ((what & EV_EOF) !== 0 && left === 0 && !ended) {
            ended = true
            ledger.seen('ends')
          }
        },
        () => ended,
      )
      closeSync(reader)
      unlinkSync(path)
    }

    /** A number that is taken from a file with an event and given to another, without one. */
    async function reuse() {
      const old = fifo()
      const next = fifo()
      writeSync(old.writer, buffer, 0, 8)
      writeSync(next.writer, buffer, 0, 16)
      kq.kevent([EV_SET(old.reader, EVFILT_READ, EV_ADD)])
      if (random.chance(0.5)) kq.kevent([], 1, 0)
      posix.dup2(next.reader, old.reader)
      ledger.done('numbers used again')
      const stale = kq.kevent([], 8, 0)
      ledger.check(stale.length === 0, () => `${stale.length} events of a number used again`)
      kq.kevent([EV_SET(old.reader, EVFILT_READ, EV_ADD | EV_CLEAR)])
      let seen = 0
      await gather(
        kq,
        random,
        ({ ident, data }) => {
          ledger.check(ident === old.reader, () => `an event of ${ident} instead of ${old.reader}`)
          seen++
          ledger.seen('numbers used again')
          ledger.check(data === 16, () => `${data} bytes of a number used again, not 16`)
        },
        () => seen > 0,
      )
      for (const { path, reader, writer } of [old, next]) {
        closeSync(reader)
        closeSync(writer)
        unlinkSync(path)
      }
      const gone = kq.kevent([], 8, 0)
      ledger.check(gone.length === 0, () => `${gone.length} events of what is closed`)
    }

    return {
      turn: () => (random.chance(0.5) ? end() : reuse()),
      close: () => kq.close(),
    }
  },
}
