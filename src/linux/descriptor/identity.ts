/**
 * What tells the file behind a descriptor from another that has its number later, as plain
 * data: device, inode, and when it was made, where that does not change. Files without an
 * inode of their own, such as timers and epoll instances, are told apart by their kind only;
 * an eventfd has a number.
 */
import { readFileSync, readlinkSync } from 'node:fs'
import { numbers, record, text } from '../../core/image-check.js'
import type { FileHub } from '../hub/hub.js'
import {
  STAT_BIRTH,
  STAT_BIRTH_NSEC,
  STAT_DEV,
  STAT_INO_HIGH,
  STAT_INO_LOW,
} from '../hub/native.js'
import { OVERLAYFS } from './file-systems.js'

/** Of the inode that all share who have none of their own. */
const ANONYMOUS = 'anon_inode:'

interface FileIdentity {
  /** None for a descriptor that is closed. */
  readonly inode: readonly number[]
  /** What /proc says of a file without an inode of its own; '' for others. */
  readonly kind: string
}

/** What tells one file from another: device, inode, and when it was made. */
export class Identity {
  readonly #dev: number
  readonly #inoHigh: number
  readonly #inoLow: number
  readonly #birth: number
  readonly #birthNsec: number

  readonly #hasBirth: boolean

  /** Of `fd`, for which `hub.stat` has been asked. */
  constructor({ native, statistics }: FileHub, fd: number) {
    this.#dev = statistics[STAT_DEV]!
    this.#inoHigh = statistics[STAT_INO_HIGH]!
    this.#inoLow = statistics[STAT_INO_LOW]!
    this.#birth = statistics[STAT_BIRTH]!
    this.#birthNsec = statistics[STAT_BIRTH_NSEC]!
    this.#hasBirth = this.#birth !== 0 && native.fileSystem(fd) !== OVERLAYFS
  }

  /** Whether `fd` is that file; leaves its statistics with the kernel. Hot path. */
  holds(hub: FileHub, fd: number): boolean {
    if (hub.stat(fd) !== 0) return false
    const { statistics } = hub
    return (
      statistics[STAT_INO_LOW] === this.#inoLow &&
      statistics[STAT_INO_HIGH] === this.#inoHigh &&
      statistics[STAT_DEV] === this.#dev &&
      (!this.#hasBirth ||
        // Where statx(2) is not allowed any more nobody knows.
        statistics[STAT_BIRTH] === 0 ||
        (statistics[STAT_BIRTH] === this.#birth && statistics[STAT_BIRTH_NSEC] === this.#birthNsec))
    )
  }
}

export type Statistics = Pick<FileHub, 'native' | 'stat' | 'statistics'>

export function identify(hub: Statistics, fd: number): FileIdentity {
  if (hub.stat(fd) !== 0) return { inode: [], kind: '' }
  const { statistics, native } = hub
  const inode = [STAT_DEV, STAT_INO_HIGH, STAT_INO_LOW].map((field) => statistics[field]!)
  const born = [STAT_BIRTH, STAT_BIRTH_NSEC].map((field) => statistics[field]!)
  if (native.fileSystem(fd) !== OVERLAYFS) inode.push(...born)
  return { inode, kind: kindOf(fd) }
}

/** @throws KqueueError EINVAL it is no identity */
export function isIdentified(hub: Statistics, fd: number, identity: unknown): boolean {
  const given = record<'inode' | 'kind'>(identity, 'file')
  const before = numbers(given.inode, 'file.inode')
  const kind = text(given.kind, 'file.kind')
  const now = identify(hub, fd)
  const isSame =
    before.length === now.inode.length && before.every((each, i) => each === now.inode[i])
  return before.length > 0 && isSame && kind === now.kind
}

function kindOf(fd: number): string {
  try {
    const link = readlinkSync(`/proc/self/fd/${fd}`)
    if (!link.startsWith(ANONYMOUS)) return ''
    const id = /^eventfd-id:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))
    return id === null ? link : `${link} ${id[1]}`
  } catch {
    return ''
  }
}
