/**
 * A regular file: bytes in memory, and what reading, writing and truncating an
 * open one does and reports.
 */
import { EFBIG, EINVAL, ENOSPC, fail } from '../errors.js'
import { NOTE_ATTRIB, NOTE_EXTEND, NOTE_READ, NOTE_WRITE } from '../event.js'
import { O_APPEND } from './fcntl.js'
import { Vnode, VnodeFile } from './vnode.js'

/** The most bytes a file can have. */
const FILE_MAX = 2 ** 31

export class Regular extends Vnode {
  readonly type = 'regular'
  // Has room to grow; what it has from `size` on is zero, and what it has not is as well.
  #bytes = new Uint8Array(0)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** A copy of up to `n` bytes from `offset`. */
  readAt(offset: number, n: number): Uint8Array {
    const length = Math.max(0, Math.min(n, this.#size - offset))
    const result = new Uint8Array(length)
    if (length > 0) result.set(this.#bytes.subarray(offset, offset + length))
    return result
  }

  /** Writes, and grows if need be; between the old end and `offset` there are zeros. */
  writeAt(offset: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return
    const before = this.#size
    const end = offset + bytes.length
    this.#reserve(checkSize(end, 'write'))
    this.#bytes.set(bytes, offset)
    this.#size = Math.max(before, end)
    this.note(end > before ? NOTE_WRITE | NOTE_EXTEND : NOTE_WRITE)
    this.noteSize()
    this.tell('write')
  }

  /**
   * Cuts the file, or lets it grow by zeros. Reported as FreeBSD does, NOTE_ATTRIB;
   * growth is NOTE_EXTEND as well, as kqueue(2) says of it.
   */
  resize(length: number): void {
    const before = this.#size
    checkSize(length, 'ftruncate')
    this.#size = length
    if (length < before) this.#bytes.fill(0, length, before)
    this.note(NOTE_ATTRIB)
    if (length > before) this.note(NOTE_EXTEND)
    this.noteSize()
    this.tell('write')
  }

  #reserve(end: number): void {
    const old = this.#bytes
    if (end <= old.length) return
    try {
      this.#bytes = new Uint8Array(Math.min(FILE_MAX, Math.max(end, 2 * old.length, 64)))
    } catch {
      fail(ENOSPC, 'write', 'the engine has no memory for more bytes')
    }
    this.#bytes.set(old)
  }
}

function checkSize(size: number, syscall: string): number {
  if (size <= FILE_MAX) return size
  fail(EFBIG, syscall, `a file has at most ${FILE_MAX} bytes`)
}

export class RegularFile extends VnodeFile {
  constructor(
    readonly regular: Regular,
    flags: number,
  ) {
    super(regular, flags)
  }

  override read(n: number): Uint8Array {
    const bytes = this.pread(n, this.offset)
    this.offset += bytes.length
    // What is left is an edge, as where the file grows: filt_vfsread is asked at any note.
    if (bytes.length > 0) this.readers.note(0)
    return bytes
  }

  override write(bytes: Uint8Array): number {
    this.permit('write')
    const at = this.#place(this.offset)
    // Moved first, so that who is asked while the growth is noted sees the whole.
    const before = this.offset
    this.offset = at + bytes.length
    try {
      this.regular.writeAt(at, bytes)
    } catch (error) {
      this.offset = before
      throw error
    }
    return bytes.length
  }

  /**
   * Up to `n` bytes from an offset, which is not that of the file. pread(2).
   * @throws KqueueError EBADF not open for reading, EIO revoked
   */
  pread(n: number, offset: number): Uint8Array {
    this.permit('read')
    if (!Number.isSafeInteger(n) || n < 0) fail(EINVAL, 'read', `${n} is not a number of bytes`)
    const bytes = this.regular.readAt(offset, n)
    if (n > 0) this.vnode.note(NOTE_READ)
    return bytes
  }

  /**
   * Writes to an offset, with O_APPEND to the end: the number of bytes. pwrite(2).
   * @throws KqueueError EBADF not open for writing, EIO revoked, EFBIG
   */
  pwrite(bytes: Uint8Array, offset: number): number {
    this.permit('write')
    this.regular.writeAt(this.#place(offset), bytes)
    return bytes.length
  }

  /**
   * ftruncate(2).
   * @throws KqueueError EINVAL not open for writing, or no length; EFBIG; EIO revoked
   */
  override truncate(length: number): void {
    if (!this.writable || !Number.isSafeInteger(length) || length < 0) {
      const reason = this.writable
        ? `${length} is not a length`
        : 'the file was not opened for writing'
      fail(EINVAL, 'ftruncate', reason)
    }
    this.permit('write')
    this.regular.resize(length)
  }

  #place(offset: number): number {
    return this.flags & O_APPEND ? this.regular.size : offset
  }
}
