/**
 * What native/bsd/ exports, and how it is loaded. Numbers are those of the system; what fails
 * answers -errno.
 */
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { noAddon } from '../api/addon.js'
import type { Numbers } from './vocabularies.js'

/** A record of a change or an event: so many doubles. */
export const RECORD = 6
/** The fields of a record. */
export const IDENT = 0
export const FILTER = 1
export const FLAGS = 2
export const FFLAGS = 3
export const DATA = 4
export const UDATA = 5

/** A watch of a descriptor in the event loop; it keeps the program alive while it runs. */
export interface Watch {
  readonly watch: never
}

/** A number, a flag, and strings. */
export type Row = readonly [number, boolean, ...string[]]

export interface Native {
  /** A queue that is closed on exec. */
  kqueue(): number
  /** Applies the change in the first record. */
  change(kq: number, records: Float64Array): number
  /**
   * Takes at most `max` events, and waits until there are some: for ever if `sec` is negative.
   * Answers how many.
   */
  collect(kq: number, records: Float64Array, max: number, sec: number, nsec: number): number
  close(fd: number): number
  /** Another descriptor of the same file, closed on exec. */
  dup(fd: number): number
  /** `ready` is called when the descriptor can be read, with 0, or with -errno. */
  watch(fd: number, ready: (status: number) => void): Watch | number
  watchStart(watch: Watch): number
  watchStop(watch: Watch): number
  watchRef(watch: Watch): number
  watchUnref(watch: Watch): number
  watchClose(watch: Watch): number
  /** The numbers of the system's headers: number, false, name. */
  numbers(): Row[]
  /** What is mounted: number, whether it is the first, place, source, type. */
  mounts(): Row[] | number
  /** The network interfaces: index, whether the link is up, name. */
  links(): Row[] | number
}

/** The addon. @throws KqueueError ENOSYS there is none for this system */
export function load(): Native {
  try {
    const require = createRequire(import.meta.url)
    const find = require('node-gyp-build') as (directory: string) => Partial<Native>
    const native = find(fileURLToPath(new URL('../..', import.meta.url)))
    if (native.numbers === undefined) throw new Error('this is the addon of Linux')
    return native as Native
  } catch (cause) {
    throw noAddon(cause)
  }
}

/** The numbers of the system's headers, by name. */
export function headerOf(native: Native): Numbers {
  return Object.fromEntries(native.numbers().map(([number, , name]) => [name, number]))
}
