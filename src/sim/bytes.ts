/** Bytes: as calls are given them, and on their way from who writes them to who reads them. */
import { wrongType } from '../core/copyin.js'
import { EINVAL, fail } from '../errors.js'
import { encode } from './utf8.js'

/** A number of bytes. @throws KqueueError EINVAL */
export function byteCount(n: unknown, syscall: string): number {
  if (Number.isSafeInteger(n) && (n as number) >= 0) return n as number
  fail(EINVAL, syscall, `${String(n)} is not a number of bytes`)
}

/** Bytes, or text as UTF-8. @throws TypeError */
export function toBytes(data: Uint8Array | string): Uint8Array {
  if (typeof data === 'string') return encode(data)
  if (data instanceof Uint8Array) return data
  throw wrongType('data', 'a Uint8Array or a string', data)
}

/** First in, first out. */
export class Bytes {
  readonly #chunks: Uint8Array[] = []
  /** Bytes of the first chunk that are gone. */
  #taken = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Adds a copy of bytes at the end. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#chunks.push(bytes.slice())
    this.#length += bytes.length
  }

  /** Takes up to `n` bytes from the beginning. */
  shift(n: number): Uint8Array {
    const result = new Uint8Array(Math.min(n, this.#length))
    for (let at = 0; at < result.length; ) {
      const first = this.#chunks[0]!
      const part = first.subarray(this.#taken, this.#taken + result.length - at)
      result.set(part, at)
      at += part.length
      this.#taken += part.length
      if (this.#taken === first.length) {
        this.#chunks.shift()
        this.#taken = 0
      }
    }
    this.#length -= result.length
    return result
  }

  clear(): void {
    this.shift(this.#length)
  }
}
