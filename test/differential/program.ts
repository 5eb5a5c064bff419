/**
 * Runs a program in a World: what each command has answered, in words that are the same in
 * each World that does the same. Descriptors are told by their slots.
 */
import * as vocabulary from 'kqueue/core'
import {
  type Change,
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_RECEIPT,
  EV_SET,
  EVFILT_EMPTY,
  EVFILT_EXCEPT,
  EVFILT_READ,
  EVFILT_USER,
  EVFILT_VNODE,
  EVFILT_WRITE,
  type Kevent,
  NOTE_LOWAT,
} from 'kqueue/core'
import type { Queue, World, WorldKind } from '../scenarios/world.js'
import { type Command, DIRECTORIES, QUEUES } from './commands.js'

/** More events than there can be. */
const ALL = 64

/** A descriptor of the program. */
interface Open {
  readonly fd: number
  readonly kind: 'file' | 'directory' | 'pipe' | 'stream' | 'dgram'
  /** The other end. */
  peer?: Open
  closed?: boolean
  /** One of the ends was shut down. */
  shut?: boolean
}

export function answers(kind: WorldKind, program: readonly Command[]): string[] {
  let told: string[] = []
  kind.run((world) => {
    const running = new Running(world)
    told = program.map((command) => running.run(command))
    told.push(running.rest())
  })
  return told
}

class Running {
  readonly #world: World
  readonly #queues: Queue[]
  /** For a look at the system that hands out nothing. */
  readonly #observer: Queue
  readonly #slots = new Map<number, Open>()

  constructor(world: World) {
    this.#world = world
    this.#queues = Array.from({ length: QUEUES }, () => world.kqueue())
    this.#observer = world.kqueue()
  }

  run(command: Command): string {
    let answer: string
    try {
      answer = this.#do(command)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === undefined) throw error
      // Calls that have nothing to do with queues may fail for one reason or another.
      answer = command[0] === 'change' ? code : 'fails'
    }
    // What has happened is known before something else does.
    this.#observer.kevent([], 1, 0)
    return answer
  }

  /** What is left in the queues. */
  rest(): string {
    return this.#queues.map((queue) => this.#scan(queue)).join(' | ')
  }

  #do(command: Command): string {
    const world = this.#world
    const tree = world.tree!
    switch (command[0]) {
      case 'open':
        this.#place(command[1], () => ({
          fd: world.open(command[2], command[3]),
          kind: DIRECTORIES.includes(command[2]) ? 'directory' : 'file',
        }))
        return ''
      case 'pipe':
        return this.#placeBoth(command[1], command[2], 'pipe', () => world.pipe())
      case 'socketpair':
        return this.#placeBoth(command[1], command[2], command[3], () =>
          world.socketpair(command[3]),
        )
      case 'close':
        this.#close(command[1])
        return ''
      case 'write':
        return this.#write(command[1], command[2])
      case 'read':
        return `${world.read(this.#fd(command[1]), command[2]).length}`
      case 'lseek':
        world.lseek(this.#fd(command[1]), command[2])
        return ''
      case 'shutdown':
        this.#shutdown(command[1], command[2])
        return ''
      case 'rename':
        world.rename(command[1], command[2])
        return ''
      case 'unlink':
        world.unlink(command[1])
        return ''
      case 'link':
      case 'mkdir':
      case 'rmdir':
      case 'chmod':
        ;(tree[command[0]] as (...given: unknown[]) => void)(...command.slice(1))
        return ''
      case 'change':
        return this.#change(command)
      case 'scan':
        return this.#scan(this.#queues[command[1]]!)
    }
  }

  #fd(slot: number): number {
    return this.#slots.get(slot)?.fd ?? -1
  }

  #place(slot: number, make: () => Open): void {
    if (this.#slots.has(slot)) this.#close(slot)
    this.#slots.set(slot, make())
  }

  #placeBoth(one: number, other: number, kind: Open['kind'], make: () => [number, number]): string {
    if (one === other) return 'same'
    for (const slot of [one, other]) if (this.#slots.has(slot)) this.#close(slot)
    const [first, second] = make()
    const ends: [Open, Open] = [
      { fd: first, kind },
      { fd: second, kind },
    ]
    ends[0].peer = ends[1]
    ends[1].peer = ends[0]
    this.#slots.set(one, ends[0])
    this.#slots.set(other, ends[1])
    return ''
  }

  #close(slot: number): void {
    const open = this.#slots.get(slot)
    const fd = this.#fd(slot)
    this.#slots.delete(slot)
    if (open?.kind === 'stream') this.#drain(fd)
    this.#world.close(fd)
    if (open !== undefined) open.closed = true
    // Linux does not tell of a close before somebody asks for the descriptor.
    this.#forget(fd, EVFILT_READ)
  }

  #write(slot: number, bytes: number): string {
    const open = this.#slots.get(slot)
    // Linux takes it as a reason to throw away what has come from there.
    if (open?.kind === 'dgram' && open.peer!.closed) return ''
    return `${this.#world.write(this.#fd(slot), 'x'.repeat(bytes))}`
  }

  #shutdown(slot: number, how: 'write' | 'both'): void {
    const open = this.#slots.get(slot)
    if (open?.kind !== 'stream') return
    this.#drain(open.fd)
    this.#world.shutdown(open.fd, how)
    for (const end of [open, open.peer!]) {
      end.shut = true
      if (end.closed) continue
      for (const filter of [EVFILT_WRITE, EVFILT_EMPTY]) this.#forget(end.fd, filter)
    }
  }

  /**
   * Bytes that nobody has read: closed with them a connection is broken on Linux, and when its
   * reading is shut down they stay.
   */
  #drain(fd: number): void {
    try {
      this.#world.read(fd, 1 << 20)
    } catch {
      // There was nothing.
    }
  }

  #forget(fd: number, filter: number): void {
    for (const queue of this.#queues) {
      queue.kevent([EV_SET(fd, filter, EV_DELETE | EV_RECEIPT)], 1, 0)
    }
  }

  #change([, queue, slot, filter, flags, fflags, data]: Extract<
    Command,
    ['change', ...unknown[]]
  >): string {
    const open = this.#slots.get(slot)
    const ident = filter === EVFILT_USER ? slot : (open?.fd ?? -1)
    if (!isComparable(open, filter, flags, fflags)) return ''
    const change: Change = EV_SET(ident, filter, flags, fflags, data, slot)
    return this.#told(this.#queues[queue]!.kevent([change], flags & EV_RECEIPT ? 1 : 0, 0))
  }

  #scan(queue: Queue): string {
    return this.#told(queue.kevent([], ALL, 0))
  }

  #told(events: readonly Kevent[]): string {
    // What has happened at once comes in any order.
    return events
      .map((event) => this.#words(event))
      .sort()
      .join(', ')
  }

  #words({ filter, flags, fflags, data, udata }: Kevent): string {
    const open = this.#slots.get(udata as number)
    const shown = isCounted(open, filter) ? `${data}` : data > 0 ? 'some' : 'none'
    return `${nameOf('EVFILT_', filter)} of ${udata} flags ${flags.toString(16)} fflags ${fflags.toString(16)} data ${shown}`
  }
}

/** What docs/differences.md says that Linux does not do, or does in another way. */
function isComparable(
  open: Open | undefined,
  filter: number,
  flags: number,
  fflags: number,
): boolean {
  if ((flags & EV_ADD) === 0 || open === undefined) return true
  if (filter === EVFILT_WRITE || filter === EVFILT_EMPTY) {
    if (open.shut || (open.kind === 'pipe' && open.peer!.closed)) return false
    // How often it is told that there is room.
    if (flags & EV_CLEAR) return false
  }
  // The size of a directory is up to its file system.
  if (open.kind === 'directory' && filter === EVFILT_READ) return false
  // Linux counts the first datagram.
  if (open.kind === 'dgram' && fflags & NOTE_LOWAT) return false
  // Files that are no sockets have no out-of-band data on either, for other reasons.
  return filter !== EVFILT_EXCEPT || open.kind === 'stream'
}

/** Whether `data` is the same number on both. */
function isCounted(open: Open | undefined, filter: number): boolean {
  if (filter === EVFILT_READ) return open?.kind !== 'dgram'
  return filter === EVFILT_VNODE || filter !== EVFILT_WRITE
}

function nameOf(prefix: string, value: number): string {
  const found = Object.entries(vocabulary).find(
    ([name, each]) => name.startsWith(prefix) && each === value,
  )
  return found?.[0] ?? `${value}`
}
