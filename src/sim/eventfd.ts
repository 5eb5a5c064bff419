/** A counter as an open file: eventfd(2) of FreeBSD and Linux. */
import type { FilterOps } from '../core/filter.js'
import { Knlist } from '../core/knlist.js'
import type { Knote } from '../core/knote.js'
import { EAGAIN, EINVAL, KqueueError, refuse } from '../errors.js'
import { EVFILT_READ, EVFILT_WRITE, NOTE_LOWAT } from '../event.js'
import { SimFile } from './file.js'

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
    if (this.#counter === 0n) throw new KqueueError(EAGAIN, 'read', { reason: 'it counts 0' })
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
    if (more > HIGHEST) throw new KqueueError(EINVAL, 'write', { reason: 'too high a number' })
    if (more > this.room) throw new KqueueError(EAGAIN, 'write', { reason: 'the counter is full' })
    this.#counter += more
    this.list.note(0)
    return SIZE
  }

  kqfilter(kn: Knote): number {
    if (kn.filter === EVFILT_READ) kn.ops = readFilter
    else if (kn.filter === EVFILT_WRITE) kn.ops = writeFilter
    else return refuse(EINVAL, `an eventfd has no filter ${kn.filter}`)
    return watch(kn)
  }
}

function tooShort(syscall: string): KqueueError {
  return new KqueueError(EINVAL, syscall, { reason: `an eventfd takes ${SIZE} bytes` })
}

function watch(kn: Knote): number {
  ;(kn.file as EventFile).list.add(kn)
  return 0
}

function filterWith(count: (file: EventFile) => bigint): FilterOps {
  return {
    isFd: true,
    attach: watch,
    detach: (kn) => kn.list?.remove(kn),
    event(kn) {
      kn.data = Number(count(kn.file as EventFile))
      return kn.data >= (kn.sfflags & NOTE_LOWAT ? Math.max(1, kn.sdata) : 1)
    },
  }
}

/** `data`: the counter. filt_eventfdread. */
const readFilter = filterWith(({ counter }) => counter)

/** `data`: what can be added. filt_eventfdwrite. */
const writeFilter = filterWith(({ room }) => room)
