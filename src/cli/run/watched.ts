/**
 * What is watched: each file, link and directory has a descriptor, by which its kqueue
 * event follows it. Descriptors are opened with O_PATH: nobody is told of an open, fifos
 * do not block, and it takes no permission.
 *
 * Names are looked up in the directory that is open (`/proc/self/fd/N/name`, as openat(2)
 * does), so that a directory that is renamed meanwhile is never taken for another.
 */
import { constants, fstatSync, lstatSync, openSync, readdirSync } from 'node:fs'
import { type Bytes, pathOf } from '../bytes.js'
import { O_PATH } from '../descriptor.js'
import type { Place } from './places.js'

const S_IFMT = BigInt(constants.S_IFMT)

export type Kind = 'file' | 'directory' | 'link' | 'other'

const KINDS = new Map<bigint, Kind>([
  [BigInt(constants.S_IFREG), 'file'],
  [BigInt(constants.S_IFDIR), 'directory'],
  [BigInt(constants.S_IFLNK), 'link'],
])

/** What fstat(2) says that matters. */
export interface Status {
  readonly kind: Kind
  /** What tells it from all others that are there. */
  readonly identity: string
  /** Whatever shows that it was written, touched, or given to others. */
  readonly attributes: string
}

interface Numbers {
  dev: bigint
  ino: bigint
  mode: bigint
  uid: bigint
  gid: bigint
  size: bigint
  mtimeNs: bigint
}

function statusOf({ dev, ino, mode, uid, gid, size, mtimeNs }: Numbers): Status {
  return {
    kind: KINDS.get(mode & S_IFMT) ?? 'other',
    identity: `${mode & S_IFMT}:${dev}:${ino}`,
    attributes: `${mode}:${uid}:${gid}:${size}:${mtimeNs}`,
  }
}

/** @throws Error with errno */
export function statusOfDescriptor(fd: number): Status {
  return statusOf(fstatSync(fd, { bigint: true }))
}

/** An entry of a directory that is watched. */
export abstract class Entry {
  constructor(
    readonly parent: Branch | null,
    readonly name: Bytes,
    /** It was entered as a path of the user. */
    readonly named: boolean,
    public status: Status,
  ) {}

  get path(): Bytes {
    return this.parent === null ? '/' : this.parent.pathOf(this.name)
  }
}

/** One that does not count, and is not open. */
export class Bystander extends Entry {}

/** One that is open, with an event. */
export abstract class Watched extends Entry {
  open = true

  constructor(
    parent: Branch | null,
    name: Bytes,
    named: boolean,
    status: Status,
    readonly fd: number,
  ) {
    super(parent, name, named, status)
  }
}

/** A file or a symbolic link. */
export class Leaf extends Watched {
  /** A change of it is one to run for; otherwise it is a link on the way to a path. */
  counts = true
}

/** A directory. */
export class Branch extends Watched {
  readonly entries = new Map<Bytes, Entry>()
  /** Names that may stand for others now. */
  readonly suspects = new Set<Bytes>()
  /** Its place on the way to a path of the user. */
  place: Place | null = null
  /** All that is in it counts, if the filter lets it; otherwise what has a place. */
  whole = false
  /** Nothing is told of it, because it may not be read. */
  deaf = false

  pathOf(name: Bytes): Bytes {
    return this.parent === null ? `/${name}` : `${this.path}/${name}`
  }

  /** Its names; none once it is removed. @throws Error with errno */
  names(): Bytes[] {
    try {
      return readdirSync(`/proc/self/fd/${this.fd}`, 'latin1')
    } catch (error) {
      if (isGone(error)) return []
      throw error
    }
  }

  /**
   * Opens an entry: undefined when it is gone.
   * @throws Error with errno
   */
  openEntry(name: Bytes): number | undefined {
    try {
      return openSync(this.#at(name), O_PATH | constants.O_NOFOLLOW)
    } catch (error) {
      if (isGone(error)) return undefined
      throw error
    }
  }

  /** What an entry is now: undefined when it is gone. @throws Error with errno */
  statusOf(name: Bytes): Status | undefined {
    try {
      return statusOf(lstatSync(this.#at(name), { bigint: true }))
    } catch (error) {
      if (isGone(error)) return undefined
      throw error
    }
  }

  #at(name: Bytes): string | Buffer {
    return pathOf(`/proc/self/fd/${this.fd}/${name}`)
  }
}

/** Opens the directory that all paths begin at. @throws Error with errno */
export function openRoot(): Branch {
  const fd = openSync('/', O_PATH | constants.O_DIRECTORY)
  return new Branch(null, '', false, statusOfDescriptor(fd), fd)
}

function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENOTDIR'
}
