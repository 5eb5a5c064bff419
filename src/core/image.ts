/**
 * The image of a queue: its knotes as plain data, and a copy made of them, in the same thread
 * or in another, where the descriptors have the same numbers.
 *
 *     const image = imageOf(kq, kq.knotes())
 *     ...
 *     const missing = restore(copy, image, origin)
 *
 * Nothing of a copy is queued before all of it stands: what was active is active, in the same
 * order, and what has happened since comes after that.
 */
import { EBADF, EINVAL, ENOMEM, KqueueError } from '../errors.js'
import { EV_SET, type Kevent } from '../event.js'
import type { FilterOps } from './filter.js'
import { FROM_IMAGE, invalidImage } from './image-check.js'
import type { OpenFile } from './kernel.js'
import { KN_ATTACHING, KN_DROPPED, KN_QUEUED, KN_TRAVELS, Knote } from './knote.js'
import type { Kqueue } from './kqueue.js'

export interface KnoteImage extends Kevent {
  readonly sfflags: number
  readonly sdata: number
  readonly status: number
  /** Whether a change can find it. */
  readonly listed: boolean
  /** The name of its filter, where the program has registered it by name. */
  readonly name: string | undefined
  /** What the open file is, where `ident` is a descriptor. */
  readonly file: unknown
  /** What its filter adds. */
  readonly state: unknown
}

/** The originals of images that have not left the program, for `copy` of filters. */
const originals = new WeakMap<KnoteImage, Knote>()

export interface QueueImage {
  readonly knotes: readonly KnoteImage[]
  /** Those that wait to be handed out, by their places above, the first one first. */
  readonly queued: readonly number[]
}

/** Where an image comes from, as its copy sees it. */
export interface Origin {
  /** What makes a time of the image's kernel one of this, in ns. */
  readonly shift: number
  /** This very process: what is counted for it has gone on. */
  readonly here: boolean
  /**
   * Nothing has happened since, or it comes from objects that were handed over. Otherwise
   * filters compare.
   */
  readonly handed: boolean
}

/** A knote that could not be restored, and why. */
export interface Missing {
  readonly ident: number
  readonly filter: number
  readonly errno: number
  readonly reason: string
  /** Its descriptor was closed, so that the knote would be gone in any case. */
  readonly closed: boolean
}

/** The image of a queue, with those of `knotes` that can be in one. */
export function imageOf(kq: Kqueue, knotes: Iterable<Knote>): QueueImage {
  const places = new Map<Knote, number>()
  const images: KnoteImage[] = []
  for (const kn of knotes) {
    if (!hasImage(kn)) continue
    places.set(kn, images.length)
    const image = imageOfKnote(kn)
    originals.set(image, kn)
    images.push(image)
  }
  const queued: number[] = []
  for (let kn = kq.first; kn !== null; kn = kn.queueNext) {
    const place = places.get(kn)
    if (place !== undefined) queued.push(place)
  }
  return { knotes: images, queued }
}

/** Whether a knote can be in an image: not where its filter cannot be copied. */
export function hasImage(kn: Knote): boolean {
  const ops = filterOf(kn)
  if (kn.status & (KN_DROPPED | KN_ATTACHING)) return false
  return ops?.restore !== undefined || ops?.copy !== undefined
}

/** Whether its filter is part of the system, which any thread has. */
export function isOfSystem(kn: Knote): boolean {
  return filterOf(kn)?.restore !== undefined
}

/** The filter by its number; in a knote the file has put its own in place. */
function filterOf({ kq, filter }: Knote): FilterOps | undefined {
  return kq.kernel.filters.find(filter)
}

function imageOfKnote(kn: Knote): KnoteImage {
  const { kq, ident, filter, flags, data, udata, sdata } = kn
  return {
    ident,
    filter,
    flags,
    fflags: kn.fflags >>> 0,
    data,
    udata,
    sfflags: kn.sfflags >>> 0,
    sdata,
    status: kn.status & KN_TRAVELS,
    listed: kq.find(ident, filter) === kn,
    name: kq.kernel.filters.nameOf(filter),
    file: kn.file?.identify?.() ?? null,
    state: stateOf(kn),
  }
}

/** What the filter of a knote adds; of one that only has `copy` it is `hook`. */
export function stateOf(kn: Knote): unknown {
  const ops = filterOf(kn)
  return ops?.restore === undefined ? kn.hook : (ops.image?.(kn) ?? null)
}

/**
 * Fills a new queue as an image has it. What cannot be restored is left out.
 * @throws KqueueError EINVAL the image is not one, with the knote's place; what a filter throws
 */
export function restore(kq: Kqueue, { knotes, queued }: QueueImage, origin: Origin): Missing[] {
  const missing: Missing[] = []
  const restored = knotes.map((image, place) => {
    // A filter's `copy` may delete an original, and close the copy.
    if (kq.closed || (originals.get(image)?.status ?? 0) & KN_DROPPED) return null
    const kn = new Restoring(kq, image, place).knote(origin)
    if (kn instanceof Knote) return kn
    missing.push(kn)
    return null
  })
  // What has happened since, which comes last.
  const since: Knote[] = []
  for (let kn = kq.first; kn !== null; kn = kq.first) {
    since.push(kn)
    kq.dequeue(kn)
  }
  for (const kn of [...queued.map((place) => restored[place]), ...since]) {
    if (kn && (kn.status & (KN_DROPPED | KN_QUEUED)) === 0) kq.append(kn)
  }
  return missing
}

/** One knote that is made of its image. */
class Restoring {
  constructor(
    readonly kq: Kqueue,
    readonly image: KnoteImage,
    readonly place: number,
  ) {}

  knote(origin: Origin): Knote | Missing {
    const { kq, image, place } = this
    const { kernel } = kq
    const filter = image.name === undefined ? image.filter : kernel.filters.byName(image.name)
    const ops = filter === undefined ? undefined : kernel.filters.find(filter)
    if (filter === undefined || (ops?.restore === undefined && ops?.copy === undefined)) {
      const named = image.name === undefined ? image.filter : `'${image.name}'`
      return this.#missing(EINVAL, `there is no filter ${named} here that can be copied`)
    }
    if (kq.size >= kernel.sysctl.kq_knotemax) {
      return this.#missing(ENOMEM, `sysctl.kq_knotemax allows ${kq.size} knotes in a queue`)
    }
    if (image.listed && kq.find(image.ident, filter) !== undefined) {
      throw invalidImage(`knotes[${place}]`, `the only one for ident ${image.ident} of its filter`)
    }
    const file = ops.isFd ? this.#file() : null
    if (ops.isFd && file === null) {
      return this.#missing(EBADF, `${image.ident} is not the descriptor that it was`, true)
    }
    const kn = this.#make(filter, ops, file)
    return this.#attach(kn, ops, origin) ?? kn
  }

  #missing(errno: number, reason = '', closed = false): Missing {
    const { ident, filter } = this.image
    return { ident, filter, errno, reason, closed }
  }

  /** The open file, null when it is closed or the number is another's. */
  #file(): OpenFile | null {
    const file = this.kq.files.fget(this.image.ident, false)
    return (file?.isIdentified?.(this.image.file) ?? true) ? file : null
  }

  #make(filter: number, ops: FilterOps, file: OpenFile | null): Knote {
    const { ident, flags, fflags, data, udata, sfflags, sdata, status } = this.image
    const kn = new Knote(this.kq, EV_SET(ident, filter, 0, sfflags, sdata, udata), ops, file)
    return Object.assign(kn, { flags, fflags, data, status })
  }

  /** Has the filter attach the knote, which may do to the queue what it likes: null, or what failed. */
  #attach(kn: Knote, ops: FilterOps, origin: Origin): Missing | null {
    const { kq } = this
    if (ops.isFd && ops.restore === undefined) kn.hold()
    kn.status |= KN_ATTACHING
    if (this.image.listed) kq.adopt(kn)
    else kq.adoptUnlisted(kn)
    let attached = false
    try {
      const error = ops.restore?.(kn, this.image.state, origin) ?? this.#copy(kn, ops)
      attached = error === 0
      if (!attached) return this.#refusal(error)
    } catch (thrown) {
      return this.#thrown(thrown)
    } finally {
      kn.status &= ~KN_ATTACHING
      if (!attached && (kn.status & KN_DROPPED) === 0) kq.remove(kn)
    }
    if (kn.status & KN_DROPPED) kn.ops.detach(kn)
    return null
  }

  /** What a filter of the program has answered. */
  #refusal(error: number): Missing {
    if (Number.isInteger(error) && error > 0) return this.#missing(error)
    const { filter } = this.image
    return this.#missing(EINVAL, `the copy of filter ${filter} did not answer 0 or an errno`)
  }

  #thrown(thrown: unknown): Missing {
    if (!(thrown instanceof KqueueError)) throw thrown
    if (thrown.syscall !== FROM_IMAGE) return this.#missing(-thrown.errno, thrown.reason)
    const reason = `knotes[${this.place}].${thrown.reason}`
    throw new KqueueError(-thrown.errno, FROM_IMAGE, { reason })
  }

  /**
   * A filter that the program has added. Where the image has come from elsewhere the original
   * is a knote that is in no queue.
   */
  #copy(kn: Knote, ops: FilterOps): number {
    const { image } = this
    kn.hook = image.state
    const original = originals.get(image)
    if (original !== undefined) return ops.copy!(kn, original)
    const from = this.#make(kn.filter, ops, kn.file)
    from.hook = image.state
    return ops.copy!(kn, from)
  }
}

/** The error that a knote which is missing is for who cannot do without. */
export function failure({ ident, filter, errno, reason }: Missing): KqueueError {
  return new KqueueError(errno, FROM_IMAGE, {
    reason: `ident ${ident} of filter ${filter}${reason === '' ? '' : `: ${reason}`}`,
  })
}
