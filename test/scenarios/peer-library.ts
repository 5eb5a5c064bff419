/**
 * kqueue(2) and kevent(2) of the C library that KQUEUE_PEER names, called through koffi, as
 * queues of a World. 64-bit systems with little-endian numbers.
 */
import { closeSync } from 'node:fs'
import { getSystemErrorName } from 'node:util'
import koffi from 'koffi'
import {
  type Change,
  EV_ADD,
  EV_DELETE,
  EV_DISABLE,
  EV_ENABLE,
  EV_EOF,
  EV_ERROR,
  EVFILT_READ,
  EVFILT_WRITE,
  type Kevent,
  type Timeout,
} from 'kqueue/core'
import {
  ourFilter,
  ourFlags,
  ourNotes,
  theirFilter,
  theirFlags,
  theirNotes,
} from './peer-vocabulary.js'
import { ERRNO } from './scenario.js'

/** Bytes of a struct kevent: FreeBSD's has `uint64_t ext[4]` at its end. */
const SIZE = process.platform === 'freebsd' ? 64 : 32

/** libkqueue hands these out with the event; it would hide all other differences. */
const ACTIONS = EV_ADD | EV_DELETE | EV_ENABLE | EV_DISABLE

/** Throws for -1 as Node.js does for its own calls. */
export function checked(result: number, syscall: string): number {
  if (result !== -1) return result
  const errno = koffi.errno()
  const code = errno > 0 ? getSystemErrorName(-errno) : 'no errno'
  throw Object.assign(new Error(`${code}: ${syscall}`), { code, errno: -errno, syscall })
}

/** An errno of this platform as the scenarios number it. */
function ourErrno(errno: number): number {
  if (errno <= 0) return errno
  return (ERRNO as Record<string, number>)[getSystemErrorName(-errno)] ?? errno
}

function timespec(timeout: Timeout | undefined): Buffer | null {
  if (timeout === null || timeout === undefined) return null
  const { sec, nsec } =
    typeof timeout === 'number'
      ? { sec: Math.floor(timeout / 1000), nsec: Math.round((timeout % 1000) * 1e6) }
      : timeout
  const buffer = Buffer.alloc(16)
  buffer.writeBigInt64LE(BigInt(sec), 0)
  buffer.writeBigInt64LE(BigInt(nsec), 8)
  return buffer
}

export class PeerLibrary {
  readonly #library
  readonly #kqueue
  readonly #kevent
  /** What `udata` stands for: a pointer there, any value here. */
  readonly #values: unknown[] = [undefined]

  constructor(path: string) {
    this.#library = koffi.load(path)
    this.#kqueue = this.#library.func('int kqueue(void)')
    this.#kevent = this.#library.func('int kevent(int, void *, int, void *, int, void *)')
  }

  kqueue(): number {
    return checked(this.#kqueue(), 'kqueue')
  }

  close(kq: number): void {
    closeSync(kq)
  }

  kevent(kq: number, changes: readonly Change[], nevents: number, timeout?: Timeout): Kevent[] {
    const changelist = Buffer.alloc(SIZE * changes.length)
    for (const [i, change] of changes.entries()) this.#write(changelist, i * SIZE, change)
    const eventlist = Buffer.alloc(SIZE * Math.max(nevents, 0))
    const result: number = this.#kevent(
      kq,
      changes.length === 0 ? null : changelist,
      changes.length,
      nevents === 0 ? null : eventlist,
      nevents,
      timespec(timeout),
    )
    const count = checked(result, 'kevent')
    return Array.from({ length: count }, (_, i) => this.#read(eventlist, i * SIZE))
  }

  /** Of libkqueue, which tells it through a filter of its own; undefined for others. */
  version(): string | undefined {
    if (process.platform !== 'linux') return undefined
    const EVFILT_LIBKQUEUE = -12
    const NOTE_VERSION = 1
    const kq = this.kqueue()
    const change = { ident: 0, filter: EVFILT_LIBKQUEUE, flags: EV_ADD, fflags: NOTE_VERSION }
    const [{ data = 0 } = {}] = this.kevent(kq, [change], 1, 0)
    const [major, minor, patch, release] = [24, 16, 8, 0].map((shift) => (data >>> shift) & 0xff)
    return `libkqueue ${major}.${minor}.${patch}-${release}`
  }

  #write(buffer: Buffer, at: number, change: Change): void {
    const { ident, filter, flags, fflags = 0, data = 0, udata } = change
    buffer.writeBigUInt64LE(BigInt.asUintN(64, BigInt(ident)), at)
    buffer.writeInt16LE(theirFilter(filter), at + 8)
    buffer.writeUInt16LE(theirFlags(flags), at + 10)
    buffer.writeUInt32LE(theirNotes(filter, fflags), at + 12)
    buffer.writeBigInt64LE(BigInt(data), at + 16)
    buffer.writeBigUInt64LE(BigInt(this.#token(udata)), at + 24)
  }

  #token(udata: unknown): number {
    const known = this.#values.indexOf(udata)
    return known === -1 ? this.#values.push(udata) - 1 : known
  }

  #read(buffer: Buffer, at: number): Kevent {
    const filter = ourFilter(buffer.readInt16LE(at + 8))
    const flags = ourFlags(buffer.readUInt16LE(at + 10)) & ~ACTIONS
    const fflags = buffer.readUInt32LE(at + 12)
    const data = Number(buffer.readBigInt64LE(at + 16))
    const socketError =
      (flags & EV_EOF) !== 0 && (filter === EVFILT_READ || filter === EVFILT_WRITE)
    return {
      ident: Number(buffer.readBigUInt64LE(at)),
      filter,
      flags,
      fflags: socketError ? ourErrno(fflags) : ourNotes(filter, fflags),
      data: flags & EV_ERROR ? ourErrno(data) : data,
      udata: this.#values[Number(buffer.readBigUInt64LE(at + 24))],
    }
  }
}
