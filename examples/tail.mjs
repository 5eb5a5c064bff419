// Follows a file as it grows, like tail -f: EVFILT_READ of a regular file reports
// while the offset is not at the end, and `data` says how far the end is away.
//
//     node examples/tail.mjs FILE      until Ctrl-C
//     node examples/tail.mjs           writes a file of its own, and ends
import { appendFileSync, closeSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EV_ADD, EV_SET, EVFILT_READ, kqueue } from 'kqueue'

const [path = demo()] = process.argv.slice(2)
const buffer = Buffer.alloc(65536)
const kq = kqueue()
let fd = open()

function open() {
  const opened = openSync(path, 'r')
  kq.kevent([EV_SET(opened, EVFILT_READ, EV_ADD)])
  return opened
}

for await (const { data } of kq) {
  if (data < 0) {
    // Somebody has cut the file: it ends before our offset. Start again.
    closeSync(fd)
    fd = open()
    continue
  }
  // Position null reads at the offset and moves it; at the end there is no event.
  const n = readSync(fd, buffer, 0, Math.min(data, buffer.length), null)
  process.stdout.write(buffer.subarray(0, n))
}
closeSync(fd)

/** A file that gets three lines, and then no more. */
function demo() {
  const directory = mkdtempSync(join(tmpdir(), 'kqueue-tail-'))
  const file = join(directory, 'log')
  appendFileSync(file, 'there from the start\n')
  const lines = ['one more', 'and another', 'the last']
  const timer = setInterval(() => {
    const line = lines.shift()
    if (line !== undefined) return appendFileSync(file, `${line}\n`)
    clearInterval(timer)
    kq.close()
    rmSync(directory, { recursive: true })
  }, 50)
  return file
}
