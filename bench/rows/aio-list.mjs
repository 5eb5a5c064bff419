// READS requests of 4 KiB each from a file in the page cache, in one list with one
// event. Node.js: as many reads by fs/promises, all awaited.
import { open } from 'node:fs/promises'
import { kqueue, lio_listio } from 'kqueue'
import { checkReads, openFile } from '../files.mjs'
import { READ_SIZE } from '../sizes.mjs'

/** @type {import('../measure.mjs').Row} */
export default {
  name: 'aio-list',
  unit: 'reads/s',
  ours() {
    const file = openFile()
    const kq = kqueue()
    const { fd } = file
    const entries = file.buffers.map((buffer, i) => ({
      op: /** @type {const} */ ('read'),
      fd,
      buffer,
      offset: i * READ_SIZE,
    }))
    return {
      work() {
        const { requests } = lio_listio(entries, { kq })
        if (kq.kevent(null, 1).length !== 1) throw new Error('no event')
        let units = 0
        for (const { result } of requests) if (result === READ_SIZE) units++
        return checkReads(units)
      },
      close() {
        kq.close()
        file.close()
      },
    }
  },
  node() {
    const file = openFile()
    const opened = open(file.path)
    return {
      async work() {
        const handle = await opened
        const reads = file.buffers.map((buffer, i) =>
          handle.read(buffer, 0, READ_SIZE, i * READ_SIZE),
        )
        let units = 0
        for (const { bytesRead } of await Promise.all(reads)) if (bytesRead === READ_SIZE) units++
        return checkReads(units)
      },
      close() {
        opened.then((handle) => handle.close())
        file.close()
      },
    }
  },
}
