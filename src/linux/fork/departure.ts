/**
 * A child is about to be started: its copies of the queues as data, and what keeps for it
 * what happens while it starts. The order is what makes that exact: new sets are filled and
 * emptied, then this process takes in what has happened, then the images are made. What
 * happens before is in the images, and what happens after in the sets.
 *
 *     const departure = depart(host, places, true)
 *     ... a process with places.stdio and departure.variable ...
 *     departure.end()
 */
import { closeSync } from 'node:fs'
import { isCopied } from '../../core/copyin.js'
import { copied } from '../../core/fork.js'
import { imageOf, isOfSystem, type KnoteImage } from '../../core/image.js'
import type { Knote } from '../../core/knote.js'
import { ENOSYS, fail } from '../../errors.js'
import { EVFILT_FS, EVFILT_NETDEV } from '../../event.js'
import { v8 } from '../../late.js'
import type { PipeReads } from '../descriptor/pipe-reads.js'
import { PollSide } from '../descriptor/poll-side.js'
import { EPOLL_CREATE, EVENTFD, IMAGE } from '../hub/facility.js'
import type { HandedMember } from '../hub/pollset.js'
import { KNOWS_ONLY_ITS_OWN } from '../hub/runtime.js'
import type { LinkTable } from '../links.js'
import type { MountTable } from '../mounts.js'
import type { HandedProcesses, ProcessTable } from '../process/table.js'
import { LinuxQueue, type QueueHost } from '../queue.js'
import type { VnodeTable } from '../vnode/table.js'
import { type Cargo, FORMAT, type Handed } from './handed.js'
import type { Places } from './places.js'

const NO_FORK =
  'Deno hands no descriptors to a child; without KQUEUE_CPONFORK nothing has to be handed on'

const NO_PROCESSES: HandedProcesses = { connector: -1, held: [] }

/** What tells of things that go on while a child starts. */
export interface Sources {
  readonly vnodes: VnodeTable
  readonly processes: ProcessTable
  readonly mounts: MountTable
  readonly links: LinkTable
  readonly pipeReads: PipeReads
}

/** Those of some that are there. */
export type Made<T> = { readonly [name in keyof T]: T[name] | undefined }

/** What fork knows of the kernel of the thread, where each source is made when it is asked for. */
export interface ForkHost extends QueueHost, Sources {
  /** Those that are made. */
  readonly sources: Made<Sources>
  /** CLOCK_MONOTONIC in ns when `uptime()` was 0. */
  readonly epoch: bigint
  queues(): Iterable<LinuxQueue>
}

/** What travels, and what this process holds until it has. */
export class Departure {
  /** Descriptors that were made for the child. */
  readonly #made = new Set<number>()
  /** The sealed file, -1 for none. */
  #image = -1
  /** An eventfd that the child writes when its copies stand. */
  done = -1
  /** What the child finds in its environment. */
  variable = ''

  constructor(
    readonly host: ForkHost,
    readonly places: Places,
  ) {}

  /** A descriptor that was made for the child: its number there. */
  give(fd: number): number {
    this.#made.add(fd)
    return this.places.place(fd)
  }

  /** Has the cargo travel in a sealed file, which it answers. */
  seal(bytes: Uint8Array): number {
    this.#image = IMAGE.check(this.host.native.imageCreate(bytes), 'fork')
    return this.#image
  }

  /** Keeps `done` beyond the end; it is the caller's to close. */
  keepDone(): number {
    this.#made.delete(this.done)
    return this.done
  }

  /** The child has started, or will not: closes what was made for it. */
  end(): void {
    for (const fd of this.#made) this.host.native.close(fd)
    this.#made.clear()
    if (this.#image !== -1) closeSync(this.#image)
    this.#image = -1
  }
}

/**
 * Prepares a start; null when no queue is to be copied.
 * @throws KqueueError EMFILE, ENFILE; ENOSYS where children get no descriptors; DataCloneError naming a `udata` that cannot travel
 */
export function depart(host: ForkHost, places: Places): Departure | null {
  host.sweep()
  const queues = [...host.queues()].filter((kq) => isCopied(kq.flags) && places.isFree(kq.fd))
  if (queues.length === 0) return null
  if (KNOWS_ONLY_ITS_OWN) fail(ENOSYS, 'fork', NO_FORK)
  const departure = new Departure(host, places)
  try {
    load(departure, queues)
    return departure
  } catch (error) {
    departure.end()
    throw error
  }
}

function load(departure: Departure, queues: readonly LinuxQueue[]): void {
  const { host, places } = departure
  const { native } = host
  const has = reserve(places, queues)
  const ticket = departure.give(EVENTFD.check(native.eventfdCreate(1), 'fork'))
  departure.done = EVENTFD.check(native.eventfdCreate(0), 'fork')
  const done = departure.give(departure.done)
  const knotes = queues.flatMap((kq) => [...copied(kq, kq.flags)])
  const handed = handOver(departure, knotes, has)
  host.lookAtFiles()
  host.drainProcesses()
  host.poll(0, 0)
  host.settleFiles()

  // A filter may have closed some of it while this process took in what has happened.
  const present = queues.filter((kq) => !kq.closed)
  for (const kq of queues) if (kq.closed) places.leaveOut(kq.fd)
  for (const fd of has) if (native.cloexecGet(fd) < 0 && has.delete(fd)) places.leaveOut(fd)
  const goes = (kn: Knote): boolean =>
    isOfSystem(kn) && (!kn.ops.isFd || has.has(kn.ident) || present.some((kq) => kq === kn.file))
  const bytes = pack({
    format: FORMAT,
    pid: process.pid,
    epoch: host.epoch,
    queues: present.map((kq) => ({
      fd: kq.fd,
      flags: kq.flags,
      image: imageOf(kq, [...copied(kq, kq.flags)].filter(goes)),
    })),
    cloexec: [...has].filter((fd) => native.cloexecGet(fd) === 1),
    ticket,
    done,
    handed,
  })
  const image = departure.seal(bytes)
  for (const kq of present) places.put(kq.fd, image)
  departure.variable = `${process.pid},${present[0]?.fd ?? -1}`
}

/**
 * Gives the queues and what they watch their own numbers, before anything else can be in the
 * way: the descriptors that the child has.
 */
function reserve(places: Places, queues: readonly LinuxQueue[]): Set<number> {
  for (const kq of queues) places.put(kq.fd, kq.fd)
  const has = new Set<number>()
  for (const kq of queues) {
    for (const kn of copied(kq, kq.flags)) {
      const watches = kn.ops.isFd && kn.file !== null && !(kn.file instanceof LinuxQueue)
      if (watches && places.keeps(kn.ident)) has.add(kn.ident)
    }
  }
  for (const fd of has) places.keep(fd)
  return has
}

/** Makes what only one child can have. What there is no room for, the child makes for itself. */
function handOver(departure: Departure, knotes: readonly Knote[], has: Set<number>): Handed {
  const { sets, sources } = departure.host
  const { mounts, links, pipeReads, processes, vnodes } = sources
  const made = sets.handOver((side) => membersOf(side, knotes, has))
  if (typeof made === 'number') throw EPOLL_CREATE.failure(-made, 'fork')
  const give = (fd: number): number => departure.give(fd)
  const given = new Map([...made].map(([side, set]) => [side, { ...set, fd: give(set.fd) }]))
  const inotify = vnodes?.handOver((fd) => has.has(fd)) ?? -1
  const pipes = pipeReads?.handOver((fd) => has.has(fd)) ?? -1
  const mounting = (watches(knotes, EVFILT_FS) && mounts?.handOver()) || -1
  const linking = (watches(knotes, EVFILT_NETDEV) && links?.handOver()) || -1
  const { connector, held } = processes?.handOver(knotes) ?? NO_PROCESSES
  return {
    sets: given,
    inotify: inotify < 0 ? -1 : give(inotify),
    pipes: pipes < 0 ? -1 : give(pipes),
    mounts:
      typeof mounting === 'number'
        ? null
        : { ...mounting, fd: give(mounting.fd), witness: give(mounting.witness) },
    links: typeof linking === 'number' ? null : { ...linking, fd: give(linking.fd) },
    processes: {
      connector: connector < 0 ? -1 : give(connector),
      held: held.map((process) => ({ ...process, fd: departure.places.place(process.fd) })),
    },
  }
}

const watches = (knotes: readonly Knote[], filter: number): boolean =>
  knotes.some((kn) => kn.filter === filter)

/** The descriptors of the sides that the knotes are on. */
function membersOf(kind: number, knotes: readonly Knote[], has: Set<number>): HandedMember[] {
  const sides = new Set<PollSide>()
  for (const { hook, ident } of knotes) {
    if (hook instanceof PollSide && hook.set.side === kind && has.has(ident)) sides.add(hook)
  }
  return [...sides].map(({ descriptor: { fd }, generation, events, error }) => ({
    fd,
    generation,
    events,
    error,
  }))
}

/** @throws DataCloneError naming the event whose `udata` cannot be cloned */
function pack(cargo: Cargo): Buffer {
  try {
    return v8().serialize(cargo)
  } catch (error) {
    for (const { image } of cargo.queues) image.knotes.forEach(checkUdata)
    throw error
  }
}

function checkUdata({ ident, filter, udata }: KnoteImage): void {
  try {
    v8().serialize(udata)
  } catch (error) {
    const { message } = error as Error
    const where = `the udata of ident ${ident}, filter ${filter}, cannot go to another process`
    throw new DOMException(`${where}: ${message}`, 'DataCloneError')
  }
}
