/**
 * A queue with events of every filter: of each one that is pending, one to which nothing has
 * happened, and one that is disabled and pending. Mounts and links are those of the test's own
 * namespaces.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Change,
  EV_ADD,
  EV_CLEAR,
  EV_DISABLE,
  EV_ENABLE,
  EV_ONESHOT,
  EV_SET,
  EVFILT_EMPTY,
  EVFILT_EXCEPT,
  EVFILT_FS,
  EVFILT_NETDEV,
  EVFILT_PROC,
  EVFILT_PROCDESC,
  EVFILT_READ,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_VNODE,
  EVFILT_WRITE,
  if_nametoindex,
  KQUEUE_CPONFORK,
  type Kqueue,
  kqueuex,
  NOTE_EXIT,
  NOTE_LINKDOWN,
  NOTE_LINKUP,
  NOTE_OOB,
  NOTE_TRIGGER,
  NOTE_WRITE,
  VQ_MOUNT,
  VQ_UNMOUNT,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { whenOver } from '../patience.js'
import { directory } from './files.js'
import { command } from './namespaces.js'
import { idleStranger } from './puppets.js'
import { keep, LONG, pipe, queue, tcp, trigger, user } from './queues.js'

const C = posix.constants

/** What one event is registered with, and what makes it happen. */
interface Event {
  readonly change: Change
  happen(): unknown
}

/** Three of a filter: one that happens, one that does not, one that happens while it is disabled. */
type Three = readonly [pending: Event, idle: Event, disabled: Event]

const nothing = (): void => {}

function event(ident: number, filter: number, fflags: number, happen: () => unknown): Event {
  return { change: EV_SET(ident, filter, EV_ADD | EV_CLEAR, fflags), happen }
}

const thrice = (make: (place: number) => Event): Three => [make(0), make(1), make(2)]

const ROOM = 65536

function reading(): Event {
  const [r, w] = pipe()
  return event(r, EVFILT_READ, 0, () => posix.write(w, 'abc'))
}

function writing(): Event {
  const [r, w] = pipe()
  posix.write(w, new Uint8Array(ROOM))
  return event(w, EVFILT_WRITE, 0, () => posix.read(r, ROOM))
}

function draining(): Event {
  const [r, w] = pipe()
  posix.write(w, 'x')
  return event(w, EVFILT_EMPTY, 0, () => posix.read(r))
}

function urgent(): Event {
  const [client, server] = tcp()
  return event(server, EVFILT_EXCEPT, NOTE_OOB, () => posix.send(client, '!', C.MSG_OOB))
}

function changing(): Event {
  const path = join(directory(), 'file')
  writeFileSync(path, '')
  const fd = keep(posix.open(path, C.O_WRONLY | C.O_CLOEXEC))
  return event(fd, EVFILT_VNODE, NOTE_WRITE, () => posix.write(fd, 'x'))
}

/** Has a process exit, and sees that it has. */
function end({ pid, go }: { pid: number; go(): void }): void {
  const kq = queue()
  kq.kevent([EV_SET(pid, EVFILT_PROC, EV_ADD, NOTE_EXIT)])
  go()
  kq.kevent([], 1, LONG)
  kq.close()
}

function exiting(place: number): Event {
  const stranger = idleStranger(`exit ${place + 3}`)
  return event(stranger.pid, EVFILT_PROC, NOTE_EXIT, () => end(stranger))
}

function exitingBehind(place: number): Event {
  const stranger = idleStranger(`exit ${place + 6}`)
  const fd = keep(posix.pidfdOpen(stranger.pid))
  return event(fd, EVFILT_PROCDESC, NOTE_EXIT, () => end(stranger))
}

function signalled(place: number): Event {
  const signal = [C.SIGUSR2, C.SIGWINCH, C.SIGURG][place]!
  return event(signal, EVFILT_SIGNAL, 0, place === 1 ? nothing : () => posix.raise(signal))
}

/** The one to which nothing happens is for later. */
function expiring(place: number): Event {
  const ms = place === 1 ? 3_600_000 : 1
  const change = EV_SET(place, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, ms)
  return { change, happen: place === 1 ? nothing : () => posix.sleepNs(2e6) }
}

function triggered(place: number, kq: Kqueue): Event {
  const trigger = { ...EV_SET(place, EVFILT_USER, 0, NOTE_TRIGGER, 9), udata: place }
  const happen = place === 1 ? nothing : () => kq.kevent([trigger])
  return event(place, EVFILT_USER, place + 7, happen)
}

/** What happens to the original of a queue does not happen to its copy. */
function nested(place: number): Event {
  const inner = kqueuex(KQUEUE_CPONFORK)
  whenOver(() => inner.close())
  inner.kevent([user(1, EV_CLEAR)])
  return event(inner.fd, EVFILT_READ, 0, place === 1 ? nothing : () => inner.kevent([trigger(1)]))
}

/** A directory on which something is mounted, until the test is over. */
export function mounting(): { mount(): void; unmount(): void } {
  const path = directory()
  let mounted = false
  const unmount = (): void => {
    command('umount', path)
    mounted = false
  }
  whenOver(() => mounted && unmount())
  return {
    mount() {
      command('mount', '-t', 'tmpfs', 'none', path)
      mounted = true
    },
    unmount,
  }
}

function mounts(): Three {
  const { mount, unmount } = mounting()
  return [
    event(1, EVFILT_FS, VQ_MOUNT, mount),
    event(2, EVFILT_FS, VQ_UNMOUNT, unmount),
    event(3, EVFILT_FS, VQ_MOUNT, nothing),
  ]
}

export const ip = (line: string): string => command('ip', ...line.split(' '))

function linking(): Three {
  for (const [one, other] of [
    ['ka', 'kb'],
    ['kc', 'kd'],
  ]) {
    ip(`link add ${one} type veth peer name ${other}`)
    ip(`link set ${other} up`)
    whenOver(() => ip(`link delete ${one}`))
  }
  const notes = NOTE_LINKUP | NOTE_LINKDOWN
  return [
    event(if_nametoindex('ka'), EVFILT_NETDEV, notes, () => ip('link set ka up')),
    event(if_nametoindex('kc'), EVFILT_NETDEV, notes, () => ip('link set kc up')),
    event(0, EVFILT_NETDEV, notes, nothing),
  ]
}

/** A queue, and what is still to happen to it. */
export class EveryFilter {
  readonly kq = kqueuex(KQUEUE_CPONFORK)
  readonly #all: readonly Three[]

  /** @param withQueues it also watches queues, which are of one thread */
  constructor(withQueues: boolean) {
    const { kq } = this
    whenOver(() => kq.close())
    // For connections.
    ip('link set lo up')
    this.#all = [
      ...[reading, writing, draining, urgent, changing, exiting, exitingBehind].map(thrice),
      ...[signalled, expiring].map(thrice),
      thrice((place) => triggered(place, kq)),
      ...(withQueues ? [thrice(nested)] : []),
      mounts(),
      linking(),
    ]
    for (const each of this.#all) {
      for (const [place, { change }] of each.entries()) {
        const flags = change.flags | (place === 2 ? EV_DISABLE : 0)
        kq.kevent([{ ...change, flags, udata: [change.ident, change.filter] }])
      }
    }
    // Not the order in which they were added.
    for (const [pending, , disabled] of this.#all.toReversed()) {
      pending.happen()
      disabled.happen()
    }
  }

  /** The filters that it has events of. */
  get filters(): Set<number> {
    return new Set(this.#all.map(([{ change }]) => change.filter))
  }

  /** What enables those that are disabled. */
  get enabling(): Change[] {
    return this.#all.map(([, , { change }]) => {
      const { ident, filter, fflags = 0 } = change
      const asked = filter === EVFILT_USER ? 0 : fflags
      return EV_SET(ident, filter, EV_ENABLE, asked, 0, 'enabled')
    })
  }

  /** Has happen what can happen to copies as well, and has not: to how many. */
  happen(): number {
    const idle = this.#all.map(([, each]) => each).filter(({ happen }) => happen !== nothing)
    for (const { happen } of idle) happen()
    return idle.length
  }
}
