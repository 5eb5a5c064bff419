// Counts the lines that another program writes into a fifo, and ends when the last
// writer has gone: EVFILT_READ of a fifo, bytes in `data`, EV_EOF at the end.
//
//     node examples/lines.mjs [--simulated]
import { run } from './kernels.mjs'

await run(import.meta.url, {
  async main({ EV_ADD, EV_EOF, EV_SET, EVFILT_READ, kqueue }, unix) {
    unix.mkfifo('fifo')
    const fd = unix.open('fifo', 'r')
    const kq = kqueue()
    kq.kevent([EV_SET(fd, EVFILT_READ, EV_ADD)])
    unix.start('writer')

    let lines = 0
    for await (const { flags, data } of kq) {
      // The end is reported with the bytes that are left; it has come when there are none.
      if (data === 0 && flags & EV_EOF) break
      for (const byte of unix.read(fd, data)) if (byte === 0x0a) lines++
    }
    console.log(`${lines} lines`)
    kq.close()
    unix.close(fd)
  },

  /** Keeps the fifo open for as long as it lives, and writes in two goes. */
  async writer({ ticks }, unix) {
    const fd = unix.open('fifo', 'w')
    let goes = 0
    for await (const _ of ticks(100)) {
      for (let i = 0; i < 500; i++) unix.write(fd, `${500 * goes + i}\n`)
      if (++goes === 2) break
    }
  },
})
