// Other processes for our side, by the program of peers/others.c: one that writes when it is
// told to, and many that sleep.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readSync, writeSync } from 'node:fs'
import { Failure } from './failure.mjs'
import { loadPipes } from './pipes.mjs'

/**
 * Processes that write times into pipes.
 *
 * @param {string} others @param {number} count
 */
export function openWriters(others, count) {
  const { open, reader, writer, close } = loadPipes()
  const error = open(2 * count, 0)
  if (error !== 0) throw new Failure(`opening pipes: errno ${-error}`)
  const children = Array.from({ length: count }, (_, i) =>
    spawn(others, ['writer'], { stdio: [reader(2 * i), writer(2 * i + 1), 'inherit'] }),
  )
  return {
    /** Where the time is read, with a pipe for each. */
    readers: children.map((_, i) => reader(2 * i + 1)),
    /** Tells one of them to write soon, or at once. @param {number} i @param {boolean} [atOnce] */
    tell: (i, atOnce = false) => void writeSync(writer(2 * i), atOnce ? '!' : '.'),
    async close() {
      const ends = children.map((child) => once(child, 'exit'))
      close()
      for (const child of children) child.kill()
      await Promise.all(ends)
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
