/**
 * The image of a queue as programs have it: with where it comes from, checked on entry.
 *
 *     const image = takeImage(kq, fd, home, () => kernel.poll(0, 0))
 *     ...
 *     fill(copy, checkImage(given, home), home)
 */
import { EBADF, EINVAL, fail, KqueueError } from '../errors.js'
import { KQUEUE_FLAGS } from './copyin.js'
import { failure, hasImage, imageOf, type QueueImage, restore, stateOf } from './image.js'
import {
  checkQueueImage,
  FROM_IMAGE,
  invalidImage,
  list,
  mask,
  record,
  whole,
} from './image-check.js'
import type { Knote } from './knote.js'
import type { Kqueue } from './kqueue.js'

/** The layout; another number is of another version of the package. */
const FORMAT = 1

/** Longer after its start than a clock can run. */
const LATEST = 2n ** 63n

/** Which process of which system an image is of. */
export interface ImageHome {
  readonly system: string
  readonly pid: number
  /** When the process began: with the pid it tells it from others. */
  readonly start: number
  /** CLOCK_MONOTONIC in ns when the times in an image are 0. */
  readonly epoch: bigint
}

/** A queue as plain data, which structured cloning takes: `kq.image()`. */
export interface KqueueImage extends ImageHome, QueueImage {
  readonly format: typeof FORMAT
  /** Its descriptor, by which the knotes of other queues name it. */
  readonly fd: number
  /** KQUEUE_*. */
  readonly flags: number
}

/**
 * The image of a queue.
 * @param takeIn has the kernel take in what has happened until now
 * @throws KqueueError EINVAL a `udata` cannot be cloned, and nothing was done
 */
export function takeImage(
  kq: Kqueue & { readonly flags: number },
  fd: number,
  { system, pid, start, epoch }: ImageHome,
  takeIn: () => void,
): KqueueImage {
  for (const kn of [...kq.knotes()]) if (hasImage(kn)) cloneOf(kn, kn.udata, 'udata')
  takeIn()
  const { knotes, queued } = imageOf(kq, kq.knotes())
  const { flags } = kq
  const image = { format: FORMAT, system, pid, start, epoch, fd, flags, knotes, queued } as const
  try {
    return structuredClone(image)
  } catch (error) {
    // A filter of the program's own keeps something else in `hook`.
    for (const kn of kq.knotes()) if (hasImage(kn)) cloneOf(kn, stateOf(kn), 'hook')
    throw error
  }
}

/** @throws KqueueError EINVAL */
function cloneOf({ ident, filter }: Knote, value: unknown, what: string): void {
  try {
    structuredClone(value)
  } catch (cause) {
    const reason = `the ${what} of ident ${ident}, filter ${filter}, cannot be cloned: ${cause}`
    throw Object.assign(new KqueueError(EINVAL, 'image', { reason }), { cause })
  }
}

/**
 * An image that has come from somewhere, as plain data of its own.
 * @throws KqueueError EINVAL naming the field, and what it must be
 */
export function checkImage(given: unknown, home: ImageHome): KqueueImage {
  const image = record(cloned(given), 'an image')
  const { format, epoch, fd, flags } = image
  if (format !== FORMAT) {
    throw invalidImage('format', `${FORMAT}, of this version of the package, not ${show(format)}`)
  }
  for (const field of ['system', 'pid', 'start'] as const) {
    if (image[field] === home[field]) continue
    throw invalidImage(field, `${show(home[field])}, of this process, not ${show(image[field])}`)
  }
  if (typeof epoch !== 'bigint' || epoch < 0n || epoch > LATEST) {
    throw invalidImage('epoch', `a bigint from 0 to 2^63, not ${show(epoch)}`)
  }
  const { system, pid, start } = home
  return {
    format: FORMAT,
    system,
    pid,
    start,
    epoch,
    fd: whole(fd, 'fd', 0, 0x7fffffff),
    flags: mask(flags, 'flags', KQUEUE_FLAGS),
    ...checkQueueImage(image),
  }
}

function cloned(given: unknown): unknown {
  try {
    refuseHoles(given)
    return structuredClone(given)
  } catch (cause) {
    if (cause instanceof KqueueError) throw cause
    const error = invalidImage('an image', `plain data, which can be cloned: ${cause}`)
    throw Object.assign(error, { cause })
  }
}

/** Before it is cloned: JavaScriptCore looks at each of four thousand million holes. */
function refuseHoles(given: unknown): void {
  const { knotes, queued } = Object(given) as QueueImage
  if (Array.isArray(knotes)) list(knotes, 'knotes')
  if (Array.isArray(queued)) list(queued, 'queued')
}

function show(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  return typeof value === 'object' || typeof value === 'symbol' ? typeof value : String(value)
}

/**
 * Fills a new queue. Knotes of descriptors that were closed meanwhile are left out, as they
 * are in the original.
 * @throws KqueueError what keeps another knote from being restored; the queue is to be closed
 */
export function fill(kq: Kqueue, image: KqueueImage, home: ImageHome): void {
  const origin = { shift: Number(image.epoch - home.epoch), here: true, handed: false }
  for (const each of restore(kq, image, origin)) if (!each.closed) throw failure(each)
  if (kq.closed) fail(EBADF, FROM_IMAGE, 'a filter has closed the queue')
}
