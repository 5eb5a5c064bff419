// Follows a file as it grows, like tail -f: EVFILT_READ of a regular file reports
// while the offset is not at the end, and `data` says how far the end is away.
//
//     node examples/tail.mjs FILE            until Ctrl-C
//     node examples/tail.mjs [--simulated]   a file that another program writes to, until it ends
import { resolve } from 'node:path'
import { run } from './kernels.mjs'

await run(import.meta.url, {
  async main({ EV_ADD, EV_SET, EVFILT_PROC, EVFILT_READ, kqueue, NOTE_EXIT }, unix) {
    const [file] = unix.args
    const demo = file === undefined
    const path = demo ? 'log' : resolve(file)
    if (demo) append(unix, path, 'there from the start\n')
    const kq = kqueue()
    const open = () => {
      const fd = unix.open(path, 'r')
      kq.kevent([EV_SET(fd, EVFILT_READ, EV_ADD)])
      return fd
    }
    let fd = open()
    if (demo) kq.kevent([EV_SET(unix.start('writer'), EVFILT_PROC, EV_ADD, NOTE_EXIT)])

    const decoder = new TextDecoder()
    let text = ''
    const show = ({ data }) => {
      if (data < 0) {
        // Somebody has cut the file: it ends before our offset. Start again.
        unix.close(fd)
        fd = open()
        return
      }
      // Reading moves the offset; at the end there is no event.
      text += decoder.decode(unix.read(fd, data), { stream: true })
      const lines = text.split('\n')
      text = lines.pop()
      for (const line of lines) console.log(line)
    }
    for await (const event of kq) {
      if (event.filter === EVFILT_PROC) break
      show(event)
    }
    // What was written last may come after the end of who wrote it.
    for (const event of kq.kevent(null, 1, 0)) show(event)
    kq.close()
    unix.close(fd)
  },

  async writer({ ticks }, unix) {
    const lines = ['one more', 'and another', 'the last']
    for await (const _ of ticks(50)) {
      append(unix, 'log', `${lines.shift()}\n`)
      if (lines.length === 0) break
    }
  },
})

function append(unix, name, text) {
  const fd = unix.open(name, 'a')
  unix.write(fd, text)
  unix.close(fd)
}
