// Reads a fifo at a limited rate: EV_DISPATCH switches the event off as it is handed
// out, and a one-shot timer switches it on again. The writer waits while the fifo is
// full, so nothing piles up in memory.
//
//     node examples/throttle.mjs [--simulated]
import { run } from './kernels.mjs'

const CHUNK = 16384 // bytes
const PAUSE = 10 // ms after each chunk
const TOTAL = 200_000

await run(import.meta.url, {
  async main(calls, unix) {
    const { EV_ADD, EV_DISPATCH, EV_ENABLE, EV_EOF, EV_ONESHOT, EV_SET } = calls
    const { EVFILT_READ, EVFILT_TIMER, kqueue } = calls
    unix.mkfifo('fifo')
    const fd = unix.open('fifo', 'r')
    const kq = kqueue()
    kq.kevent([EV_SET(fd, EVFILT_READ, EV_ADD | EV_DISPATCH)])
    unix.start('writer')

    const start = unix.now()
    let [bytes, chunks] = [0, 0]
    for await (const { filter, flags, data } of kq) {
      if (filter === EVFILT_TIMER) {
        kq.kevent([EV_SET(fd, EVFILT_READ, EV_ENABLE)])
        continue
      }
      if (data === 0 && flags & EV_EOF) break
      bytes += unix.read(fd, Math.min(data, CHUNK)).length
      chunks++
      kq.kevent([EV_SET(1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, PAUSE)])
    }
    console.log(`${bytes} bytes`)
    console.log(
      `at most one chunk every ${PAUSE} ms: ${unix.now() - start >= chunks * PAUSE - 1e-3}`,
    )
    kq.close()
    unix.close(fd)
  },

  async writer({ writable }, unix) {
    const fd = unix.open('fifo', 'w')
    for (let left = TOTAL; left > 0; ) {
      const { space } = await writable(fd)
      left -= unix.write(fd, new Uint8Array(Math.min(space, left)))
    }
  },
})
