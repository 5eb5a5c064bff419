// Other processes for our side, by the program of peers/others.c: one that writes when it is
// told to, and many that sleep.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readSync, writeSync } from 'node:fs'
import { Failure } from './failure.mjs'
import { loadPipes } from './pipes.mjs'

const AT_ONCE = 0x80

/**
 * A process that writes times into pipes: the same for all, since how long it takes to wake who
 * sleeps depends on which processor the one who writes is on.
 *
 * @param {string} others @param {number} count of pipes
 */
export function openWriter(others, count) {
  const { open, reader, writer, close } = loadPipes()
  const error = open(1 + count, 0)
  if (error !== 0) throw new Failure(`opening pipes: errno ${-error}`)
  const pipes = Array.from({ length: count }, (_, i) => 1 + i)
  const child = spawn(others, ['writer'], {
    stdio: [reader(0), 'ignore', 'inherit', ...pipes.map(writer)],
  })
  return {
    /** Where the times are read. */
    readers: pipes.map(reader),
    /** Has it write into one of them soon, or at once. @param {number} i @param {boolean} [atOnce] */
    tell: (i, atOnce = false) => void writeSync(writer(0), Uint8Array.of(atOnce ? i | AT_ONCE : i)),
    async close() {
      const end = once(child, 'exit')
      close()
      child.kill()
      await end
    },
  }
}

const bytes = Buffer.alloc(8)

/** How long ago it was written, in µs. @param {bigint} now @param {Buffer} data */
export const since = (now, data) => Number(now - data.readBigInt64LE()) / 1000

/** The same, read from a pipe. @param {bigint} now @param {number} fd */
export function readSince(now, fd) {
  if (readSync(fd, bytes) !== bytes.length) throw new Error('no time in the pipe')
  return since(now, bytes)
}

/**
 * Processes that sleep.
 *
 * @param {string} others @param {number} count
 */
export async function openSleepers(others, count) {
  const child = spawn(others, ['sleepers', String(count)], { stdio: ['pipe', 'pipe', 'inherit'] })
  let text = ''
  for await (const chunk of child.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    text += chunk
    if (text.split('\n').length > count) break
  }
  const pids = text.trim().split('\n').map(Number)
  if (pids.length !== count) throw new Failure(`${pids.length} of ${count} processes`)
  return { pids, close: () => void child.stdin.end() }
}
