/**
 * Runs a program in a World: what each command has answered, in words (`words.ts`) that are
 * the same in each World that does the same.
 */
import {
  EV_ADD,
  EV_DELETE,
  EV_RECEIPT,
  EV_SET,
  EVFILT_EMPTY,
  EVFILT_FS,
  EVFILT_NETDEV,
  EVFILT_PROC,
  EVFILT_READ,
  EVFILT_SIGNAL,
  EVFILT_VNODE,
  EVFILT_WRITE,
  NOTE_READ,
} from 'kqueue/core'
import type { Queue, World, WorldKind } from '../scenarios/world.js'
import { type Change, type Command, DIRECTORIES, type How, QUEUES, SLOTS } from './command.js'
import { isLeftOut, type Kind, type Open } from './differences.js'
import { Family } from './family.js'
import { ALL, OF_DESCRIPTORS, type Slot, Words } from './words.js'

/** A number that no descriptor and no process has. */
const NONE = 9_999_999
/** Connections that wait at most. */
const BACKLOG = 8
/** What takes an error from a socket. */
const CALLS: ReadonlySet<string> = new Set(['read', 'write', 'fill', 'drain', 'shutdown'])

/** Of a program as it is run: whether it is looked at after each command. */
export interface Manner {
  readonly look: boolean
}

/**
 * @param expected what the other World has answered: what happens a moment later is waited for
 */
export function answers(
  kind: WorldKind,
  program: readonly Command[],
  manner: Manner,
  expected?: readonly string[],
): string[] {
  let told: string[] = []
  kind.run((world) => {
    const running = new Running(world, manner)
    if (program.some(isOfSignals)) running.ignoreSignals()
    told = program.map((command, i) => running.run(command, expected?.[i]))
    told.push(running.rest(expected?.[program.length]))
  })
  return told
}

function isOfSignals(command: Command): boolean {
  if (command[0] === 'kevent') return command[2].some(({ filter }) => filter === EVFILT_SIGNAL)
  return command[0] === 'raise'
}

class Running {
  readonly #world: World
  readonly #queues: Queue[]
  /** For a look at the system that hands out nothing. */
  readonly #observer: Queue
  readonly #slots = new Map<number, Slot>()
  readonly #family: Family
  readonly #words: Words
  /** Queues and slots whose knote asks for NOTE_READ. */
  readonly #reading = new Set<string>()
  /** Something that a queue was told of may be gone: it was read, */
  #hasRead = false
  /** or who was told that nothing is there has had something written since. */
  #awaitsEmpty = false
  #expected: string | undefined

  constructor(
    world: World,
    readonly manner: Manner,
  ) {
    this.#world = world
    this.#queues = Array.from({ length: QUEUES }, () => world.kqueue())
    this.#observer = world.kqueue()
    this.#family = new Family(world, this.#observer)
    this.#words = new Words(this.#slots, this.#queues, this.#family)
    for (const name of ['d', 'e']) world.tree!.mkdir(name)
  }

  ignoreSignals(): void {
    this.#family.ignoreSignals()
  }

  run(command: Command, expected?: string): string {
    this.#expected = expected
    if (CALLS.has(command[0])) this.#noteCall(command[1] as number)
    let answer: string
    try {
      answer = this.#do(command)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === undefined) throw error
      // Calls that have nothing to do with queues may fail for one reason or another.
      answer = command[0] === 'kevent' ? code : 'fails'
    }
    // What has happened is known before something else does.
    if (this.manner.look) this.#observer.kevent([], 1, 0)
    return answer
  }

  /** A call takes the error from a socket. */
  #noteCall(slot: number): void {
    const { open } = this.#slots.get(slot) ?? {}
    if (open?.reset) open.failed = true
  }

  /** What is left in the queues. */
  rest(expected?: string): string {
    this.#expected = undefined
    const each = expected?.split(' | ')
    return this.#queues.map((queue, i) => this.#words.settled(queue, ALL, each?.[i])).join(' | ')
  }

  #do(command: Command): string {
    const world = this.#world
    const tree = world.tree!
    switch (command[0]) {
      case 'open':
        return this.#open(command[1], command[2], command[3])
      case 'pipe':
        return this.#placeBoth(command[1], command[2], 'pipe', () => world.pipe())
      case 'socketpair':
        return this.#placeBoth(command[1], command[2], command[3], () =>
          world.socketpair(command[3]),
        )
      case 'eventfd':
        return this.#place(command[1], 'eventfd', () => world.eventfd(command[2]))
      case 'listen':
        return this.#listen(command[1])
      case 'connect':
        return this.#connect(command[1], command[2])
      case 'accept':
        return this.#accept(command[1], command[2])
      case 'dup':
        return this.#dup(command[1], command[2])
      case 'dup2':
        return this.#dup2(command[1], command[2])
      case 'close':
        return this.#close(command[1])
      case 'write':
        return this.#write(command[1], command[2])
      case 'count':
        return this.#count(command[1], command[2])
      case 'read':
        return this.#read(command[1], command[2])
      case 'fill':
        return this.#fill(command[1])
      case 'drain':
        return this.#drain(command[1])
      case 'lseek':
        return this.#seek(command[1], command[2])
      case 'ftruncate':
        return this.#truncate(command[1], command[2])
      case 'shutdown':
        return this.#shutdown(command[1], command[2])
      case 'rename':
        world.rename(command[1], command[2])
        return ''
      case 'unlink':
        world.unlink(command[1])
        return ''
      case 'mkfifo':
        world.mkfifo(command[1])
        return ''
      case 'link':
      case 'mkdir':
      case 'rmdir':
      case 'chmod':
        ;(tree[command[0]] as (...given: unknown[]) => void)(...command.slice(1))
        return ''
      case 'pdopen':
        return this.#place(command[1], 'process', () => this.#family.pdopen(command[2]))
      case 'kevent':
        return this.#kevent(command[1], command[2], command[3])
      case 'scan':
        return this.#words.settled(this.#queues[command[1]]!, command[2], this.#expected)
      case 'kqueue':
        this.#queues[command[1]]!.close()
        this.#queues[command[1]] = world.kqueue()
        return ''
      default:
        return this.#family.run(command)
    }
  }

  #fd(slot: number): number {
    return this.#slots.get(slot)?.fd ?? -1
  }

  // Making

  #open(slot: number, name: string, mode: 'r' | 'w' | 'a' | 'rw'): string {
    const isFifo = name === 'p' || name === 'q'
    const isDirectory = DIRECTORIES.includes(name)
    // O_CREAT would make a file under the name of a fifo.
    const kind: Kind = isFifo ? 'fifo' : isDirectory ? 'directory' : 'file'
    return this.#place(slot, kind, () => this.#world.open(name, mode), { name })
  }

  #place(slot: number, kind: Kind, make: () => number, more: Partial<Open> = {}): string {
    if (this.#slots.has(slot)) this.#close(slot)
    const open: Open = { kind, slots: 1, ...more }
    this.#slots.set(slot, { fd: make(), open })
    return ''
  }

  #placeBoth(one: number, other: number, kind: Kind, make: () => [number, number]): string {
    if (one === other) return 'same'
    for (const slot of [one, other]) if (this.#slots.has(slot)) this.#close(slot)
    const [first, second] = make()
    const ends: [Open, Open] = [
      { kind, slots: 1 },
      { kind, slots: 1 },
    ]
    ends[0].peer = ends[1]
    ends[1].peer = ends[0]
    this.#slots.set(one, { fd: first, open: ends[0] })
    this.#slots.set(other, { fd: second, open: ends[1] })
    return ''
  }

  #listen(slot: number): string {
    this.#place(slot, 'listener', () => this.#world.listen('unix'), { waiting: [] })
    const { open, fd } = this.#slots.get(slot)!
    open.number = fd
    return ''
  }

  /** A listener that is known by the number of its slot. */
  #listener(slot: number): Open | undefined {
    const { open, fd } = this.#slots.get(slot) ?? {}
    return open?.kind === 'listener' && open.number === fd ? open : undefined
  }

  #connect(slot: number, listener: number): string {
    const open = this.#listener(listener)
    if (open === undefined || open.waiting!.length >= BACKLOG || slot === listener) return 'no'
    this.#place(slot, 'stream', () => this.#world.connect(open.number!))
    const client = this.#slots.get(slot)!.open
    const server: Open = { kind: 'stream', slots: 0, peer: client }
    client.peer = server
    open.waiting!.push(server)
    return ''
  }

  #accept(slot: number, listener: number): string {
    const open = this.#listener(listener)
    if (open === undefined || open.waiting!.length === 0 || slot === listener) return 'no'
    const server = open.waiting!.shift()!
    this.#place(slot, 'stream', () => this.#world.accept(open.number!))
    const { fd } = this.#slots.get(slot)!
    server.slots = 1
    this.#slots.set(slot, { fd, open: server })
    return ''
  }

  #dup(from: number, to: number): string {
    const { fd, open } = this.#slots.get(from) ?? {}
    if (fd === undefined || open === undefined || from === to) return 'no'
    if (this.#slots.has(to)) this.#close(to)
    this.#slots.set(to, { fd: this.#world.dup(fd), open })
    open.slots++
    return ''
  }

  /** Gives the number of a slot to another file. */
  #dup2(from: number, to: number): string {
    const { fd, open } = this.#slots.get(from) ?? {}
    const target = this.#slots.get(to)
    if (fd === undefined || open === undefined || target === undefined) return 'no'
    // The events of the same open file, and of the same file, stay.
    if (open === target.open || (isNamed(open) && isNamed(target.open))) return 'same'
    this.#leave(target)
    this.#world.dup2(fd, target.fd)
    this.#slots.set(to, { fd: target.fd, open })
    open.slots++
    return ''
  }

  // Ending

  #close(slot: number): string {
    const target = this.#slots.get(slot)
    this.#slots.delete(slot)
    if (target === undefined) {
      this.#world.close(-1)
      return ''
    }
    this.#leave(target)
    this.#world.close(target.fd)
    // Linux does not tell of a close before somebody asks for the descriptor; then the number
    // may be that of the same file again.
    if (isNamed(target.open) || target.open.slots > 0) this.#forget(target.fd, EVFILT_READ)
    return ''
  }

  /** Before a descriptor is closed. */
  #leave({ fd, open }: Slot): void {
    open.slots--
    // Linux resets a connection that is closed with bytes to read.
    if (open.kind === 'stream' && open.slots === 0) this.#empty(fd)
    if (open.kind === 'listener' && open.slots === 0) {
      for (const { peer } of open.waiting!) peer!.shut = peer!.reset = true
    }
  }

  #shutdown(slot: number, how: 'read' | 'write' | 'both'): string {
    const { fd, open } = this.#slots.get(slot) ?? {}
    if (open?.kind !== 'stream' || fd === undefined) return 'no'
    // Linux keeps what has come.
    this.#empty(fd)
    this.#world.shutdown(fd, how)
    const wasOver = open.shut === true || open.peer!.slots === 0
    for (const end of [open, open.peer!]) {
      end.shut = true
      for (const other of this.#slots.values()) {
        if (other.open !== end) continue
        for (const filter of [EVFILT_WRITE, EVFILT_EMPTY]) this.#forget(other.fd, filter)
        // Linux tells the other end of it as of new data, and of an end that becomes two.
        if (how === 'read' || wasOver) this.#forget(other.fd, EVFILT_READ)
      }
    }
    return ''
  }

  #forget(fd: number, filter: number): void {
    for (const queue of this.#queues) {
      queue.kevent([EV_SET(fd, filter, EV_DELETE | EV_RECEIPT)], 1, 0)
    }
  }

  #forgetVnodes(): void {
    for (const { fd, open } of this.#slots.values()) {
      if (isNamed(open)) this.#forget(fd, EVFILT_VNODE)
    }
  }

  // Reading and writing

  #write(slot: number, bytes: number): string {
    const { fd, open } = this.#slots.get(slot) ?? {}
    // Linux takes it as a reason to throw away what has come from there.
    if (open?.kind === 'dgram' && open.peer!.slots === 0) return ''
    if (open?.kind === 'eventfd') return 'no'
    return `${this.#world.write(fd ?? -1, 'x'.repeat(bytes))}`
  }

  #count(slot: number, n: number): string {
    const { fd, open } = this.#slots.get(slot) ?? {}
    if (open?.kind !== 'eventfd') return 'no'
    const bytes = new Uint8Array(8)
    bytes[0] = n
    return `${this.#world.write(fd!, bytes)}`
  }

  #read(slot: number, n: number): string {
    const { fd, open } = this.#slots.get(slot) ?? {}
    if (open?.filled || open?.peer?.filled) return this.#drain(slot)
    if (open?.reset) {
      // On Linux the error may have been taken with an event, and then reading sees the end.
      this.#empty(fd!)
      return ''
    }
    this.#hasRead = true
    const { length } = this.#world.read(fd ?? -1, open?.kind === 'eventfd' ? 8 : n)
    // NOTE_READ of reading at the end.
    if (length === 0) this.#forgetReading()
    return `${length}`
  }

  #forgetReading(): void {
    for (const each of this.#reading) {
      const [queue, fd] = each.split(' ').map(Number) as [number, number]
      this.#queues[queue]!.kevent([EV_SET(fd, EVFILT_VNODE, EV_DELETE | EV_RECEIPT)], 1, 0)
    }
    this.#reading.clear()
  }

  #fill(slot: number): string {
    const { fd, open } = this.#slots.get(slot) ?? {}
    if (open?.kind !== 'pipe' && open?.kind !== 'stream') return 'no'
    const bytes = new Uint8Array(4096)
    try {
      for (;;) {
        this.#world.write(fd!, bytes)
        open.filled = true
      }
    } catch {
      return ''
    }
  }

  #drain(slot: number): string {
    const { fd, open } = this.#slots.get(slot) ?? {}
    if (open === undefined || isNamed(open) || open.kind === 'eventfd') return 'no'
    this.#empty(fd!)
    if (open.peer !== undefined) open.peer.filled = false
    return ''
  }

  #empty(fd: number): void {
    this.#hasRead = true
    try {
      while (this.#world.read(fd, 1 << 20).length > 0);
    } catch {
      // There was nothing.
    }
  }

  /** Moves a descriptor, which Linux notices only where it is somewhere else than before. */
  #seek(slot: number, offset: number): string {
    const fd = this.#fd(slot)
    this.#world.lseek(fd, offset + 1)
    this.#observer.kevent([], 1, 0)
    this.#world.lseek(fd, offset)
    return ''
  }

  #truncate(slot: number, length: number): string {
    this.#forgetVnodes()
    this.#world.ftruncate(this.#fd(slot), length)
    return ''
  }

  // Queues

  #kevent(queue: number, changes: readonly Change[], how: How): string {
    const list = changes
      .filter(
        (each) => !isLeftOut(this.#watched(each), each, this.manner.look) && this.#isSteady(each),
      )
      .map((each) => this.#change(queue, each, how))
    if (list.length === 0 && how !== 'events') return ''
    const room = how === 'plain' ? 0 : how === 'receipts' ? list.length : ALL
    return this.#words.told(this.#queues[queue]!.kevent(list, room, 0))
  }

  /** Not what other programs do to the system. */
  #isSteady({ of, filter, flags }: Change): boolean {
    if ((flags & EV_ADD) === 0) return true
    if (filter === EVFILT_READ && of >= SLOTS) return !this.#hasRead && !this.#awaitsEmpty
    if (filter === EVFILT_NETDEV) return of === NONE
    if (filter === EVFILT_PROC) return this.#family.isSteady(of)
    return filter !== EVFILT_FS
  }

  #change(queue: number, { of, filter, flags, fflags, data, udata }: Change, how: How) {
    const ident = this.#ident(of, filter)
    if (filter === EVFILT_VNODE && fflags & NOTE_READ) this.#reading.add(`${queue} ${ident}`)
    if (filter === EVFILT_EMPTY) this.#awaitsEmpty = true
    const more = how === 'receipts' ? EV_RECEIPT : 0
    return EV_SET(ident, filter, flags | more, fflags, data, udata)
  }

  #watched({ of, filter }: Change): Open | undefined {
    return OF_DESCRIPTORS.has(filter) ? this.#slots.get(of)?.open : undefined
  }

  #ident(of: number, filter: number): number {
    if (filter === EVFILT_PROC) return this.#family.pid(of) ?? NONE
    if (!OF_DESCRIPTORS.has(filter) || of < 0) return of
    return of < SLOTS ? (this.#slots.get(of)?.fd ?? NONE) : (this.#queues[of - SLOTS]?.fd ?? NONE)
  }
}

/** Files that have an inode, by which they are known when they come back. */
function isNamed({ kind }: Open): boolean {
  return kind === 'file' || kind === 'directory' || kind === 'fifo'
}
