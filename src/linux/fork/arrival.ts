/**
 * A process that was started with copies of queues finds them: what the parent has made for
 * it becomes its own, and the copies stand under the numbers of the originals.
 *
 *     const arrival = arrive(native)
 *     const kernel = LinuxKernel.ofThread(arrival?.sets)
 *     arrival?.settle(kernel)
 */
import { closeSync, fstatSync, readSync, writeSync } from 'node:fs'
import { type Missing, restore } from '../../core/image.js'
import { errnoName } from '../../errors.js'
import { v8 } from '../../late.js'
import type { Native } from '../hub/native.js'
import { KNOWS_ONLY_ITS_OWN } from '../hub/runtime.js'
import type { HandedSets } from '../hub/sets.js'
import { processStat } from '../process/procfs.js'
import { LinuxQueue } from '../queue.js'
import type { ForkHost } from './departure.js'
import { type Cargo, FORMAT, type Handed, VARIABLE } from './handed.js'

/** The copies that this process was started with, by descriptor. */
export const inherited = new Map<number, LinuxQueue>()

/** One of an eventfd. */
const ONE = new BigUint64Array([1n])

/** What was handed over to this process; null when nothing was. Asked once. */
export function arrive(native: Native): Arrival | null {
  const text = process.env[VARIABLE]
  if (text === undefined || native.threadIsFirst() === 0) return null
  // It is not for the children of this process.
  delete process.env[VARIABLE]
  const [, pid, number] = /^(\d+),(\d+)$/.exec(text) ?? []
  if (number === undefined || !mayBeParent(Number(pid))) return null
  const cargo = read(native, Number(number))
  if (cargo?.format !== FORMAT || cargo.pid !== Number(pid)) return null
  // The first one that takes the ticket.
  const isFirst = takes(cargo.ticket)
  // The parent has ended: it may be that of who has taken it all.
  if (!isFirst && process.ppid !== cargo.pid) return null
  return new Arrival(native, cargo, isFirst)
}

/** Not while it lives and is the parent of another process. */
function mayBeParent(pid: number): boolean {
  return process.ppid === pid || processStat(pid) === null
}

/** The sealed file under a number, unless it is something else. */
function read(native: Native, number: number): Cargo | null {
  if (native.imageIs(number) !== 1) return null
  if (KNOWS_ONLY_ITS_OWN) {
    process.emitWarning('kqueue: Deno takes over no queues, which stay with the parent')
    return null
  }
  const bytes = Buffer.alloc(fstatSync(number).size)
  readSync(number, bytes, 0, bytes.length, 0)
  try {
    return v8().deserialize(bytes) as Cargo
  } catch {
    // Somebody else's.
    return null
  }
}

/** Whether an eventfd has been written: it is 0 from now on. */
export function takes(fd: number): boolean {
  try {
    return readSync(fd, Buffer.alloc(8)) === 8
  } catch {
    return false
  }
}

export class Arrival {
  readonly #handed: Handed | null

  constructor(
    readonly native: Native,
    readonly cargo: Cargo,
    isFirst: boolean,
  ) {
    for (const fd of cargo.cloexec) native.cloexecSet(fd)
    if (isFirst) this.#handed = owned(native, cargo.handed)
    else {
      this.#handed = null
      closeAll(descriptorsOf(cargo.handed))
    }
  }

  /** For the kernel of this thread. */
  get sets(): HandedSets | undefined {
    return this.#handed?.sets
  }

  /** Makes the copies. */
  settle(host: ForkHost): void {
    const { cargo } = this
    this.#takeOver(host)
    const queues = cargo.queues.map(({ fd, flags }) => new LinuxQueue(host, flags, fd))
    const shift = Number(cargo.epoch - host.epoch)
    const origin = { shift, here: false, handed: this.#handed !== null }
    const missing = cargo.queues.flatMap(({ image }, at) => restore(queues[at]!, image, origin))
    this.#takenOver(host)
    host.poll(0, 0)
    for (const kq of queues) inherited.set(kq.expose(), kq)
    host.settle()
    if (missing.length > 0) warn(missing)
    writeSync(cargo.done, ONE)
    closeAll([cargo.done, cargo.ticket])
  }

  #takeOver(host: ForkHost): void {
    const handed = this.#handed
    if (handed === null) return
    const { connector, held } = handed.processes
    if (handed.pipes !== -1) host.pipeReads.takeOver(handed.pipes)
    if (handed.inotify !== -1) host.vnodes.takeOver(handed.inotify)
    if (handed.mounts !== null) host.mounts.takeOver(handed.mounts)
    if (handed.links !== null) host.links.takeOver(handed.links)
    if (connector !== -1 || held.length > 0) host.processes.takeOver(handed.processes)
  }

  #takenOver({ sets, sources }: ForkHost): void {
    if (this.#handed === null) return
    const { vnodes, pipeReads, mounts, links, processes } = sources
    pipeReads?.takenOver()
    sets.takenOver()
    vnodes?.takenOver()
    mounts?.takenOver()
    links?.takenOver()
    processes?.takenOver()
  }
}

function descriptorsOf({ sets, inotify, pipes, mounts, links, processes }: Handed): number[] {
  return [
    ...[...sets.values()].map(({ fd }) => fd),
    inotify,
    pipes,
    ...(mounts === null ? [] : [mounts.fd, mounts.witness]),
    ...(links === null ? [] : [links.fd]),
    processes.connector,
    ...processes.held.map(({ fd }) => fd),
  ].filter((fd) => fd !== -1)
}

/** What was handed over as this process's own; what it has closed before is not among it. */
function owned(native: Native, handed: Handed): Handed {
  const { sets, inotify, pipes, mounts, links, processes } = handed
  const has = (fd: number): boolean => fd !== -1 && native.descriptorTake(fd) === fd
  // Before it is taken, which polls it: that ends what the witness has to tell.
  const changed = mounts !== null && native.mountsChanged(mounts.witness) === 1
  return {
    sets: new Map([...sets].filter(([, { fd }]) => has(fd))),
    inotify: has(inotify) ? inotify : -1,
    pipes: has(pipes) ? pipes : -1,
    mounts:
      mounts !== null && has(mounts.fd) && has(mounts.witness) ? { ...mounts, changed } : null,
    links: links !== null && has(links.fd) ? links : null,
    // The connector takes its socket by itself.
    processes: { ...processes, held: processes.held.filter(({ fd }) => has(fd)) },
  }
}

function closeAll(fds: readonly number[]): void {
  for (const fd of fds) {
    try {
      closeSync(fd)
    } catch {
      // The program has closed it.
    }
  }
}

function warn(missing: readonly Missing[]): void {
  const each = missing.map(
    ({ ident, filter, errno, reason }) =>
      `ident ${ident}, filter ${filter}: ${errnoName(errno)}, ${reason}`,
  )
  const what = missing.length === 1 ? 'one event is' : `${missing.length} events are`
  process.emitWarning(
    `${what} missing in the copy of a kqueue: ${each.join('; ')}`,
    'KqueueWarning',
  )
}
