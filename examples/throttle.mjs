// Reads a fifo at a limited rate: EV_DISPATCH switches the event off as it is handed
// out, and a one-shot timer switches it on again. The writer waits while the fifo is
// full, so nothing piles up in memory.
//
//     node examples/throttle.mjs
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  EV_ADD,
  EV_DISPATCH,
  EV_ENABLE,
  EV_EOF,
  EV_ONESHOT,
  EV_SET,
  EVFILT_READ,
  EVFILT_TIMER,
  kqueue,
} from 'kqueue'

const CHUNK = 16384 // bytes
const PAUSE = 10 // ms after each chunk
const TOTAL = 200_000

const directory = mkdtempSync(join(tmpdir(), 'kqueue-throttle-'))
const fifo = join(directory, 'fifo')
execFileSync('mkfifo', [fifo])
const fd = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK)
spawn('sh', ['-c', `head -c ${TOTAL} /dev/zero > "$1"`, 'sh', fifo])

const kq = kqueue()
kq.kevent([EV_SET(fd, EVFILT_READ, EV_ADD | EV_DISPATCH)])
const buffer = Buffer.alloc(CHUNK)
const start = performance.now()
let bytes = 0
let chunks = 0
for await (const { filter, flags, data } of kq) {
  if (filter === EVFILT_TIMER) {
    kq.kevent([EV_SET(fd, EVFILT_READ, EV_ENABLE)])
    continue
  }
  if (data === 0 && flags & EV_EOF) break
  bytes += readSync(fd, buffer, 0, Math.min(data, CHUNK), null)
  chunks++
  kq.kevent([EV_SET(1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, PAUSE)])
}
const ms = performance.now() - start
console.log(`${bytes} bytes`)
console.log(`at most one chunk every ${PAUSE} ms: ${ms >= chunks * PAUSE}`)

kq.close()
closeSync(fd)
rmSync(directory, { recursive: true })
