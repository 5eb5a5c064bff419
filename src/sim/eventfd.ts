/** A counter as an open file: eventfd(2) of FreeBSD and Linux. */
import type { FilterOps } from '../core/filter.js'
import { Knlist } from '../core/knlist.js'
import type { Knote } from '../core/knote.js'
import { EAGAIN, EINVAL, fail, KqueueError } from '../errors.js'
import { EVFILT_READ, EVFILT_WRITE } from '../event.js'
import { SimFile } from './file.js'
import { attachWith, enough, filterOn } from './file-filter.js'

/** Bytes of the counter: what is read and written. */
const SIZE = 8
/** The highest value of the counter. */
const HIGHEST = 2n ** 64n - 2n

export class EventFile extends SimFile {
  readonly list = new Knlist()
  #counter: bigint

  constructor(initial: number) {
    super()
    this.#counter = BigInt(initial)
  }

  get counter(): bigint {
    return this.#counter
  }

  get room(): bigint {
    return HIGHEST - this.#counter
  }

  /** The counter as 8 bytes, little end first, and 0 from now on. */
  override read(n: number): Uint8Array {
    if (n < SIZE) throw tooShort('read')
    if (this.#counter === 0n) fail(EAGAIN, 'read', 'it counts 0')
    const bytes = new Uint8Array(SIZE)
    new DataView(bytes.buffer).setBigUint64(0, this.#counter, true)
    this.#counter = 0n
    this.list.note(0)
    return bytes
  }

  /** Adds 8 bytes, little end first, to the counter. */
  override write(bytes: Uint8Array): number {
    if (bytes.length < SIZE) throw tooShort('write')
    const more = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)
    if (more > HIGHEST) fail(EINVAL, 'write', 'too high a number')
    if (more > this.room) fail(EAGAIN, 'write', 'the counter is full')
    this.#counter += more
    this.list.note(0)
    return SIZE
  }

  kqfilter(kn: Knote): number {
    return attachWith(kn, filters.get(kn.filter), 'an eventfd')
  }
}

function tooShort(syscall: string): KqueueError {
  return new KqueueError(EINVAL, syscall, { reason: `an eventfd takes ${SIZE} bytes` })
}

function filterWith(count: (file: EventFile) => bigint): FilterOps {
  return filterOn(
    (kn) => (kn.file as EventFile).list,
    (kn) => {
      kn.data = Number(count(kn.file as EventFile))
      return enough(kn, 1)
    },
  )
}

const filters = new Map<number, FilterOps>([
  // `data`: the counter. filt_eventfdread.
  [EVFILT_READ, filterWith(({ counter }) => counter)],
  // `data`: what can be added. filt_eventfdwrite.
  [EVFILT_WRITE, filterWith(({ room }) => room)],
])
