/**
 * A file system whose files are read when its parent says so: fuse(4), as much of it as
 * it takes. Run as a child with the directory to mount on as its argument; needs root.
 *
 * `slow` is read when the parent sends 'release', and `polite` likewise, but gives up
 * with EINTR when it is interrupted; `broken` fails with EIO. The byte at n is n % 251.
 * Sends the number of reads that wait, whenever one has come.
 */
import { spawn, spawnSync } from 'node:child_process'
import { openSync, read, writeSync } from 'node:fs'

const SIZE = 1 << 20
const [ENOENT, EINTR, EIO, ENOSYS] = [2, 4, 5, 38]
const LOOKUP = 1
const FORGET = 2
const GETATTR = 3
const OPEN = 14
const READ = 15
const FLUSH = 25
const RELEASE = 18
const INIT = 26
const INTERRUPT = 36
const BATCH_FORGET = 42
const DIRECT_IO = 1
const NAMES = ['slow', 'polite', 'broken']
const FIRST_FILE = 2n

const device = openSync('/dev/fuse', 'r+')
const waiting = new Map<bigint, { file: string; offset: number; size: number }>()

function answer(unique: bigint, body: Buffer = Buffer.alloc(0), errno = 0): void {
  const header = Buffer.alloc(16)
  header.writeUInt32LE(16 + body.length, 0)
  header.writeInt32LE(-errno, 4)
  header.writeBigUInt64LE(unique, 8)
  try {
    writeSync(device, Buffer.concat([header, body]))
  } catch (error) {
    // Who has asked is gone.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

function attributes(node: bigint): Buffer {
  const directory = node === 1n
  const attr = Buffer.alloc(88)
  attr.writeBigUInt64LE(node, 0)
  attr.writeBigUInt64LE(directory ? 0n : BigInt(SIZE), 8)
  attr.writeUInt32LE(directory ? 0o40755 : 0o100644, 60)
  attr.writeUInt32LE(1, 64)
  return attr
}

function content(offset: number, size: number): Buffer {
  const length = Math.max(0, Math.min(size, SIZE - offset))
  return Buffer.from(Uint8Array.from({ length }, (_, i) => (offset + i) % 251))
}

function init(): Buffer {
  const out = Buffer.alloc(64)
  out.writeUInt32LE(7, 0)
  out.writeUInt32LE(31, 4)
  out.writeUInt32LE(4096, 20)
  return out
}

function lookup(name: string): Buffer | null {
  const index = NAMES.indexOf(name)
  if (index === -1) return null
  const node = FIRST_FILE + BigInt(index)
  const out = Buffer.alloc(40)
  out.writeBigUInt64LE(node, 0)
  return Buffer.concat([out, attributes(node)])
}

function serve(request: Buffer): void {
  const opcode = request.readUInt32LE(4)
  const unique = request.readBigUInt64LE(8)
  const node = request.readBigUInt64LE(16)
  const body = request.subarray(40)
  switch (opcode) {
    case INIT:
      answer(unique, init())
      break
    case LOOKUP: {
      const found = lookup(body.toString('latin1', 0, body.indexOf(0)))
      if (found === null) answer(unique, undefined, ENOENT)
      else answer(unique, found)
      break
    }
    case GETATTR:
      answer(unique, Buffer.concat([Buffer.alloc(16), attributes(node)]))
      break
    case OPEN: {
      const out = Buffer.alloc(16)
      out.writeUInt32LE(DIRECT_IO, 8)
      answer(unique, out)
      break
    }
    case READ:
      readFile(unique, NAMES[Number(node - FIRST_FILE)]!, body)
      break
    case INTERRUPT: {
      const interrupted = body.readBigUInt64LE(0)
      if (waiting.get(interrupted)?.file !== 'polite') break
      waiting.delete(interrupted)
      answer(interrupted, undefined, EINTR)
      break
    }
    case FLUSH:
    case RELEASE:
      answer(unique)
      break
    case FORGET:
    case BATCH_FORGET:
      break
    default:
      answer(unique, undefined, ENOSYS)
  }
}

function readFile(unique: bigint, file: string, body: Buffer): void {
  if (file === 'broken') {
    answer(unique, undefined, EIO)
    return
  }
  waiting.set(unique, {
    file,
    offset: Number(body.readBigUInt64LE(8)),
    size: body.readUInt32LE(16),
  })
  process.send?.(waiting.size)
}

let released = false
const buffer = Buffer.alloc(1 << 17)

function next(): void {
  read(device, buffer, 0, buffer.length, null, (error, n) => {
    if (error?.code === 'ENODEV') process.exit(0)
    if (error === null) serve(Buffer.from(buffer.subarray(0, n)))
    if (released) releaseAll()
    next()
  })
}

function releaseAll(): void {
  for (const [unique, { offset, size }] of waiting) answer(unique, content(offset, size))
  waiting.clear()
}

process.on('message', (message) => {
  released = message === 'release'
  if (released) releaseAll()
})

// The parent is gone.
process.on('disconnect', () => {
  spawnSync('umount', ['-l', process.argv[2]!])
  process.exit()
})

const options = `fd=3,rootmode=40000,user_id=0,group_id=0`
const mount = spawn('mount', ['-i', '-t', 'fuse', '-o', options, 'kqueue-test', process.argv[2]!], {
  stdio: ['ignore', 'ignore', 'inherit', device],
})
// It may look at what it has mounted.
mount.on('exit', (status) => {
  if (status !== 0) process.exit(1)
  process.send?.('mounted')
})
next()
