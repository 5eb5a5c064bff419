// Counts the lines that other programs write into a fifo, and ends when the last
// writer has gone: EVFILT_READ of a fifo, bytes in `data`, EV_EOF at the end.
//
//     node examples/lines.mjs
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EV_ADD, EV_EOF, EV_SET, EVFILT_READ, kqueue } from 'kqueue'

const directory = mkdtempSync(join(tmpdir(), 'kqueue-lines-'))
const fifo = join(directory, 'fifo')
execFileSync('mkfifo', [fifo])

// Without O_NONBLOCK the call would wait for a writer.
const fd = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK)
const kq = kqueue()
kq.kevent([EV_SET(fd, EVFILT_READ, EV_ADD)])

// Keeps the fifo open for as long as the shell lives, and writes in two goes.
spawn('sh', ['-c', 'exec > "$1"; seq 1 500; sleep 0.1; seq 501 1000', 'sh', fifo])

const buffer = Buffer.alloc(4096)
let lines = 0
for await (const { flags, data } of kq) {
  // The end is reported with the bytes that are left; it has come when there are none.
  if (data === 0 && flags & EV_EOF) break
  const n = readSync(fd, buffer, 0, Math.min(data, buffer.length), null)
  for (const byte of buffer.subarray(0, n)) if (byte === 0x0a) lines++
}
console.log(`${lines} lines`)

kq.close()
closeSync(fd)
rmSync(directory, { recursive: true })
