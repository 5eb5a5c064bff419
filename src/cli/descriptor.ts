/**
 * FD|PATH on the command line: a descriptor inherited from the shell, or a path
 * that is opened. `parseDescriptor` reads it, `openDescriptor` opens it.
 */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  type Stats,
} from 'node:fs'
import { EV_ADD, EV_SET, EVFILT_READ, kqueue } from '../index.js'
import { fileOf } from './bytes.js'
import { Refusal, UsageError } from './errors.js'

const MAX_FD = 0x7fffffff

/** Opens without reading, waiting, or being an event for others; Node.js does not name it. open(2). */
export const O_PATH = 0o10000000

/** A descriptor to watch, or to write to. */
export interface Descriptor {
  readonly fd: number
  readonly stats: Stats
  /** It was opened here, by a path. */
  readonly isOpened: boolean
  /** Closes it where it was opened here. */
  close(): void
}

/**
 * A number is a descriptor, everything else a path.
 * @param option what it was given for: '--read'
 * @throws UsageError
 */
export function parseDescriptor(option: string, text: string): number | string {
  if (text === '') {
    throw new UsageError(`${option} '' names nothing; write ${option} FD or ${option} PATH`)
  }
  if (/^[-+]\d+$/.test(text)) {
    throw new UsageError(
      `${option} ${text} is not a descriptor, which is 0 or more; a file of that name is ./${text}`,
    )
  }
  return /^\d+$/.test(text) ? Number(text) : text
}

/**
 * Opens a path, or makes sure that a descriptor is open.
 * @param access O_RDONLY or O_WRONLY
 * @throws Error with errno; Refusal
 */
export function openDescriptor(name: number | string, access: number): Descriptor {
  if (typeof name === 'number') {
    const sign = access === constants.O_WRONLY ? '>' : '<'
    const missing = new Refusal(
      'EBADF',
      `descriptor ${name} is not open; the shell opens it with ${name}${sign}FILE`,
    )
    if (name > MAX_FD || isOwn(name)) throw missing
    try {
      return { fd: name, stats: fstatSync(name), isOpened: false, close() {} }
    } catch {
      throw missing
    }
  }
  return openPath(name, access)
}

/**
 * Opens a file to be written, and waits for nobody: a fifo needs a reader.
 *
 * /dev/stdout, /dev/fd/3 and the like are the descriptors themselves, as for a shell. To open
 * them would be to begin a file again that a command writes as well, and cannot be done
 * with a socket.
 * @param flags besides O_WRONLY: O_CREAT, O_TRUNC, O_EXCL
 * @throws Error with errno; Refusal
 */
export function openOutput(path: string, flags: number): Descriptor {
  const fd = inheritedOf(path)
  if (fd === undefined) return openPath(path, constants.O_WRONLY | flags)
  const descriptor = openDescriptor(fd, constants.O_WRONLY)
  if (!isWritable(fd)) throw new Refusal('EBADF', `descriptor ${fd} is open for reading only`)
  return descriptor
}

/** The descriptor that a path means, whatever that is. */
function inheritedOf(path: string): number | undefined {
  const standard = ['/dev/stdin', '/dev/stdout', '/dev/stderr'].indexOf(path)
  if (standard !== -1) return standard
  const [, number] = /^(?:\/dev|\/proc\/self)\/fd\/(\d+)$/.exec(path) ?? []
  return number === undefined ? undefined : Number(number)
}

function isWritable(fd: number): boolean {
  const access = flagsOf(fd) & (constants.O_WRONLY | constants.O_RDWR)
  return access !== constants.O_RDONLY
}

/** Whether to read from a descriptor never waits. */
export function isNonblocking(fd: number): boolean {
  return (flagsOf(fd) & constants.O_NONBLOCK) !== 0
}

/** How many bytes there were, 0 at the end; undefined when somebody else has read them. */
export function readSome(fd: number, buffer: Buffer): number | undefined {
  try {
    return readSync(fd, buffer)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined
    throw error
  }
}

/** Whether there is something to read now. */
export function hasBytes(fd: number): boolean {
  const queue = kqueue()
  try {
    const [event] = queue.kevent([EV_SET(fd, EVFILT_READ, EV_ADD)], 1, 0)
    return event !== undefined && event.data > 0
  } finally {
    queue.close()
  }
}

/** proc_pid_fdinfo(5) */
function flagsOf(fd: number): number {
  const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')
  return Number.parseInt(/^flags:\s*([0-7]+)$/m.exec(info)?.[1] ?? '', 8)
}

function openPath(path: string, flags: number): Descriptor {
  try {
    // A fifo is to be opened at once, whoever has its other end; a terminal is only looked at.
    const fd = openSync(fileOf(path), flags | constants.O_NONBLOCK | constants.O_NOCTTY)
    return { fd, stats: fstatSync(fd), isOpened: true, close: () => closeSync(fd) }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error
    throw new Refusal('ENXIO', reasonForNoDevice(path))
  }
}

/** Why open(2) says ENXIO. */
function reasonForNoDevice(path: string): string {
  // fstat needs an open descriptor; O_PATH opens a socket too.
  const fd = openSync(fileOf(path), O_PATH)
  const stats = fstatSync(fd)
  closeSync(fd)
  if (stats.isSocket()) return 'a socket cannot be opened by its path; give a connected descriptor'
  if (stats.isFIFO()) return 'no process has this fifo open for reading'
  return 'no such device or address'
}

/**
 * Whether a number is a descriptor of Node's own and not an inherited one: without
 * this, a redirection forgotten in the shell would watch the event loop itself. What
 * Node opened lies at or above its first epoll instance.
 */
function isOwn(fd: number): boolean {
  const open = readdirSync('/proc/self/fd').map(Number)
  const links = new Map(open.map((number) => [number, linkOf(number)]))
  const first = Math.min(...open.filter((n) => n > 2 && links.get(n) === EVENTPOLL))
  const link = links.get(fd)
  if (link === undefined || fd < first) return false
  if (link === EVENTPOLL || link === 'anon_inode:[eventfd]') return true
  if (link.startsWith('anon_inode:[io_uring]')) return true
  // A pipe with both ends in this process.
  const ends = open.filter((n) => n >= first && links.get(n) === link)
  return link.startsWith('pipe:') && ends.length === 2
}

/** The descriptors above 2 that were open when this process began. */
export function inheritedDescriptors(): number[] {
  const open = readdirSync('/proc/self/fd').map(Number)
  return open.filter((fd) => fd > 2 && linkOf(fd) !== '' && !isOwn(fd)).sort((a, b) => a - b)
}

const EVENTPOLL = 'anon_inode:[eventpoll]'

function linkOf(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return ''
  }
}

/** Whether a socket listens: for it, what can be read is connections. proc(5). */
export function isListening({ stats }: Descriptor): boolean {
  if (!stats.isSocket()) return false
  const inode = String(stats.ino)
  return TABLES.some(([table, inodeColumn, stateColumn, listening]) =>
    lines(`/proc/self/net/${table}`).some((line) => {
      const columns = line.trim().split(/\s+/)
      return columns[inodeColumn] === inode && columns[stateColumn] === listening
    }),
  )
}

/** Table, column of the inode, column of the state or flags, what it says when listening. */
const TABLES = [
  ['tcp', 9, 3, '0A'],
  ['tcp6', 9, 3, '0A'],
  ['unix', 6, 3, '00010000'],
] as const

function lines(path: string): string[] {
  try {
    return readFileSync(path, 'latin1').split('\n')
  } catch {
    return []
  }
}
