// READS requests of 4 KiB each from a file in the page cache, one by one, and the
// event of each. Node.js: as many fs.read at a time, with callbacks.
import { read } from 'node:fs'
import { aio_read, EventList, kqueue } from 'kqueue'
import { checkReads, openFile } from '../files.mjs'
import { READ_SIZE, READS } from '../sizes.mjs'

/** @type {import('../measure.mjs').Row} */
export default {
  name: 'aio-read',
  unit: 'reads/s',
  ours() {
    const file = openFile()
    const kq = kqueue()
    const list = new EventList(READS)
    return {
      work() {
        const { fd } = file
        for (let i = 0; i < READS; i++) {
          aio_read({ fd, buffer: file.buffers[i], offset: i * READ_SIZE, kq })
        }
        let units = 0
        for (let seen = 0; seen < READS; ) {
          const n = kq.keventInto(null, list)
          for (let i = 0; i < n; i++) if (list.udata[i].result === READ_SIZE) units++
          seen += n
        }
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
    return {
      work: () =>
        new Promise((resolve) => {
          let left = READS
          let units = 0
          for (let i = 0; i < READS; i++) {
            read(file.fd, file.buffers[i], 0, READ_SIZE, i * READ_SIZE, (_, n) => {
              if (n === READ_SIZE) units++
              if (--left === 0) resolve(checkReads(units))
            })
          }
        }),
      close: () => file.close(),
    }
  },
}
