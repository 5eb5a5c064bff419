/**
 * The check of an image on entry: it may come from anybody. What passes is trusted inside;
 * what a filter adds is checked by the filter, with the same words.
 *
 *     const period = whole(given.period, 'state.period', 0, LONGEST)
 */
import { EINVAL, KqueueError } from '../errors.js'
import { EV_ADD, EV_DELETE, EV_DISABLE, EV_ENABLE, EV_FORCEONESHOT } from '../event.js'
import type { KnoteImage, QueueImage } from './image.js'
import { KN_ACTIVE, KN_TRAVELS } from './knote.js'

/** The call, for errors. */
export const FROM_IMAGE = 'fromImage'

/** Flags that are of changes, and that no knote has. */
const ACTIONS = EV_ADD | EV_DELETE | EV_ENABLE | EV_DISABLE | EV_FORCEONESHOT
/** `data` is an int64. */
const DATA = 2 ** 63

/** A field is not what it must be. */
export function invalidImage(field: string, wanted: string): KqueueError {
  return new KqueueError(EINVAL, FROM_IMAGE, { reason: `${field} must be ${wanted}` })
}

/** What may have these fields. */
export type Given<Field extends string> = Readonly<Partial<Record<Field, unknown>>>

/** An object that is neither null nor an array. */
export function record<Field extends string>(value: unknown, field: string): Given<Field> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Given<Field>
  }
  throw invalidImage(field, `an object, not ${kindOf(value)}`)
}

/** An array without holes, so that its length is no more than there is memory for. */
export function list(value: unknown, field: string): readonly unknown[] {
  if (!Array.isArray(value)) throw invalidImage(field, `an array, not ${kindOf(value)}`)
  const hole = value.findIndex((_, place) => !(place in value))
  if (hole === -1) return value
  throw invalidImage(`${field}[${hole}]`, 'there: the array has a hole')
}

/** A whole number in a range. */
export function whole(value: unknown, field: string, least: number, most: number): number {
  const fits = Number.isInteger(value) && (value as number) >= least && (value as number) <= most
  // Not -0.
  if (fits) return (value as number) + 0
  const given = typeof value === 'number' ? value : kindOf(value)
  throw invalidImage(field, `a whole number from ${least} to ${most}, not ${given}`)
}

export function mask(value: unknown, field: string, allowed: number): number {
  const bits = whole(value, field, 0, 0xffffffff)
  if ((bits & ~allowed) === 0) return bits
  throw invalidImage(
    field,
    `a mask of 0x${(allowed >>> 0).toString(16)}, not 0x${bits.toString(16)}`,
  )
}

export function truth(value: unknown, field: string): boolean {
  if (typeof value === 'boolean') return value
  throw invalidImage(field, `a boolean, not ${kindOf(value)}`)
}

export function text(value: unknown, field: string): string {
  if (typeof value === 'string') return value
  throw invalidImage(field, `a string, not ${kindOf(value)}`)
}

/** Numbers, so many of them. */
export function numbers(value: unknown, field: string, length?: number): readonly number[] {
  const given = list(value, field)
  if (length !== undefined && given.length !== length) {
    throw invalidImage(field, `${length} numbers, not ${given.length}`)
  }
  for (const each of given) {
    if (typeof each !== 'number') throw invalidImage(field, `numbers, not ${kindOf(each)}`)
  }
  return given as readonly number[]
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : typeof value
}

/**
 * The knotes of an image, and which of them wait.
 * @throws KqueueError EINVAL naming the field
 */
export function checkQueueImage(given: unknown): QueueImage {
  const { knotes, queued } = record(given, 'the image')
  const images = list(knotes, 'knotes').map(checkKnote)
  const seen = new Set<number>()
  for (const [i, given] of list(queued, 'queued').entries()) {
    const field = `queued[${i}]`
    const place = whole(given, field, 0, images.length - 1)
    if (seen.has(place)) throw invalidImage(field, `another knote: ${place} is in it already`)
    if ((images[place]!.status & KN_ACTIVE) === 0) {
      throw invalidImage(field, `a knote that is active, which knotes[${place}] is not`)
    }
    seen.add(place)
  }
  return { knotes: images, queued: [...seen] }
}

function checkKnote(given: unknown, place: number): KnoteImage {
  const at = `knotes[${place}]`
  const it = record(given, at)
  const { ident, filter, flags, status, listed, udata, name, file, state } = it
  const u32 = (field: string): number => mask(it[field], `${at}.${field}`, 0xffffffff)
  const int64 = (field: string): number => whole(it[field], `${at}.${field}`, -DATA, DATA)
  const { MAX_SAFE_INTEGER } = Number
  return {
    ident: whole(ident, `${at}.ident`, -MAX_SAFE_INTEGER, MAX_SAFE_INTEGER),
    filter: whole(filter, `${at}.filter`, -32768, -1),
    flags: mask(flags, `${at}.flags`, 0xffff & ~ACTIONS),
    fflags: u32('fflags'),
    data: int64('data'),
    udata,
    sfflags: u32('sfflags'),
    sdata: int64('sdata'),
    status: mask(status, `${at}.status`, KN_TRAVELS),
    listed: truth(listed, `${at}.listed`),
    name: name === undefined ? undefined : text(name, `${at}.name`),
    file,
    state,
  }
}
