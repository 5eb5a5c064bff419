// EVFILT_AIO and EVFILT_LIO: each request is over once, and what was written is read.
import { closeSync, openSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { aio_cancel, aio_fsync, aio_read, aio_write, EVFILT_LIO, kqueue, lio_listio } from 'kqueue'
import { textAt } from '../channels.mjs'
import { gather } from '../take.mjs'

const BLOCK = 4096
const ECANCELED = 125

/** @type {import('../run.mjs').Churn} */
export default {
  name: 'requests',
  start({ random, ledger, directory }) {
    const path = join(directory, 'requests')
    return {
      async turn() {
        const kq = kqueue()
        const fd = openSync(path, 'w+')
        /** @type {Set<unknown>} */
        const going = new Set()
        const settled = () =>
          gather(
            kq,
            random,
            ({ udata, data, filter }) => {
              const known = going.delete(udata)
              ledger.check(known, () => 'the event of a request twice')
              ledger.check(data === 0 || data === ECANCELED, () => `a request failed: ${data}`)
              ledger.seen(filter === EVFILT_LIO ? 'lists' : 'requests')
            },
            () => going.size === 0,
          )
        /** @template T @param {T} made @param {string} what @returns {T} */
        function ask(made, what = 'requests') {
          going.add(made)
          ledger.done(what)
          return made
        }

        const blocks = random.from(1, 40)
        for (let i = 0; i < blocks; ) {
          const many = Math.min(random.from(1, 8), blocks - i)
          const writes = Array.from({ length: many }, (_, j) => {
            const offset = (i + j) * BLOCK
            return { op: /** @type {const} */ ('write'), fd, bytes: textAt(offset, BLOCK), offset }
          })
          if (random.chance(0.5)) ask(lio_listio(writes, { kq }), 'lists')
          else for (const write of writes) ask(aio_write({ ...write, kq }))
          i += many
        }
        if (random.chance(0.3)) ask(aio_fsync({ fd, kq }))
        await settled()

        const reads = Array.from({ length: blocks }, (_, i) => {
          const buffer = Buffer.alloc(BLOCK)
          return { buffer, i, request: ask(aio_read({ fd, buffer, offset: i * BLOCK, kq })) }
        })
        const taking = random.from(0, 9)
        if (taking === 0) aio_cancel(fd)
        if (taking === 1) random.pick(reads).request.cancel()
        // The file stays open for its requests.
        const early = random.chance(0.2)
        if (early) closeSync(fd)
        await settled()
        for (const { buffer, i, request } of reads) {
          if (request.status === 'cancelled') continue
          const right = request.result === BLOCK && buffer.equals(textAt(i * BLOCK, BLOCK))
          ledger.check(right, () => `block ${i}: ${request.result} bytes, not what was written`)
        }
        if (!early) closeSync(fd)
        unlinkSync(path)
        kq.close()
      },
      close() {},
    }
  },
}
