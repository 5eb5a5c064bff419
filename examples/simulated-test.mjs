// A test of event code without sleeping: the code under test reads lines until nothing
// has come for an idle time of an hour. On the simulated kernel the test is over at once;
// after that the same code runs on Linux, with an idle time that one can wait for.
//
//     node examples/simulated-test.mjs
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { kqueue } from 'kqueue'
import { EV_ADD, EV_SET, EVFILT_READ, SimKernel } from 'kqueue/sim'

const HOUR = 3_600_000 // ms

/** Under test: `wait` takes events from a queue, `read` bytes from a descriptor. */
async function readUntilIdle({ wait, read }, fd, idle) {
  let changelist = [EV_SET(fd, EVFILT_READ, EV_ADD)]
  let text = ''
  for (;;) {
    const [event] = await wait({ changelist, nevents: 1, timeout: idle })
    if (event === undefined) return text.trimEnd().split('\n')
    text += new TextDecoder().decode(read(fd, event.data))
    changelist = null
  }
}

// The test: a writer that pauses for less than an hour twice, and then for longer.
const kernel = new SimKernel()
const [r, w] = kernel.init.pipe()
let lines
kernel.spawn(async (p) => {
  const kq = p.kqueue()
  const calls = { wait: (options) => p.wait(kq, options), read: (fd, n) => p.read(fd, n) }
  lines = await readUntilIdle(calls, r, HOUR)
})
kernel.spawn(async (p) => {
  const kq = p.kqueue()
  for (const [line, pause] of [
    ['one', 0.9],
    ['two', 0.99],
    ['three', 1.01],
    ['too late', 0],
  ]) {
    p.write(w, `${line}\n`)
    await p.wait(kq, { timeout: pause * HOUR })
  }
})
const start = performance.now()
await kernel.run()
assert.deepEqual(lines, ['one', 'two', 'three'])
console.log(`simulated: ${lines.join(', ')} in ${Number(kernel.now) / 1e6 / HOUR} hours`)
console.log(`it took ${(performance.now() - start).toFixed(1)} ms`)

// The same code on Linux.
const directory = mkdtempSync(join(tmpdir(), 'kqueue-simulated-'))
const fifo = join(directory, 'fifo')
execFileSync('mkfifo', [fifo])
const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK)
writeSync(fd, 'four\nfive\n')
const kq = kqueue()
const calls = {
  wait: (options) => kq.wait(options),
  read(fd, n) {
    const bytes = new Uint8Array(n)
    return bytes.subarray(0, readSync(fd, bytes))
  },
}
console.log(`Linux: ${(await readUntilIdle(calls, fd, 30)).join(', ')}`)
kq.close()
closeSync(fd)
rmSync(directory, { recursive: true })
