/**
 * The list of scenarios and the few words that they are written in. A chapter
 * is a file: `const scenario = chapter('EVFILT_USER', { filters: [EVFILT_USER] })`,
 * then `scenario('a sentence about behaviour', { needs: ['poll'] }, (w) => { ... })`.
 *
 * A World without one of the filters has the scenario as pending, under the name of the
 * filter, and runs it when the filter comes; one without a capability never does.
 */
import assert from 'node:assert/strict'
import * as vocabulary from 'kqueue/core'
import {
  type Change,
  EV_ADD,
  EV_DELETE,
  EV_DISABLE,
  EV_ENABLE,
  EV_ERROR,
  EVFILT_USER,
  type Kevent,
  NOTE_TRIGGER,
} from 'kqueue/core'
import type { Capability, Queue, World, WorldKind } from './world.js'

export interface Requirements {
  needs?: readonly Capability[]
  filters?: readonly number[]
}

export interface Scenario {
  readonly chapter: string
  readonly title: string
  readonly needs: readonly Capability[]
  readonly filters: readonly number[]
  readonly run: (world: World) => void
}

type Body = (world: World) => void

/** Every scenario, in the order in which the chapters were imported. */
export const scenarios: Scenario[] = []

/** Opens a chapter whose scenarios all need `common`. */
export function chapter(name: string, common: Requirements = {}) {
  return (title: string, more: Requirements | Body, body?: Body): void => {
    const own = typeof more === 'function' ? {} : more
    const run = typeof more === 'function' ? more : body
    if (run === undefined) throw new TypeError(`${name}: ${title}: no body`)
    if (scenarios.some((s) => s.chapter === name && s.title === title)) {
      throw new TypeError(`${name}: ${title}: told twice`)
    }
    scenarios.push({
      chapter: name,
      title,
      needs: [...(common.needs ?? []), ...(own.needs ?? [])],
      filters: [...(common.filters ?? []), ...(own.filters ?? [])],
      run,
    })
  }
}

/** The filters, by name, for which a scenario waits in a kind of World: it is pending there. */
export function pendingFilters(world: WorldKind, scenario: Scenario): string[] {
  return [...new Set(scenario.filters)].filter((f) => !world.supports(f)).map(filterName)
}

function filterName(filter: number): string {
  const constants = Object.entries(vocabulary)
  const found = constants.find(([name, value]) => name.startsWith('EVFILT_') && value === filter)
  return found?.[0] ?? `filter ${filter}`
}

/** Long enough for anything that has to happen, in ms. */
export const LONG = 5000

/** The numbers of Linux, which `EV_ERROR` events carry. */
export const ERRNO = {
  ENOENT: 2,
  EBADF: 9,
  ENOMEM: 12,
  EINVAL: 22,
  ECONNRESET: 104,
  ECONNREFUSED: 111,
} as const

// Changes.

type Rest = Partial<Pick<Kevent, 'fflags' | 'data' | 'udata'>>

export function change(ident: number, filter: number, flags: number, rest: Rest = {}): Change {
  return { ident, filter, flags, ...rest }
}

export function add(ident: number, filter: number, flags = 0, rest: Rest = {}): Change {
  return change(ident, filter, EV_ADD | flags, rest)
}

export function remove(ident: number, filter: number): Change {
  return change(ident, filter, EV_DELETE)
}

export function enable(ident: number, filter: number, flags = 0): Change {
  return change(ident, filter, EV_ENABLE | flags)
}

export function disable(ident: number, filter: number, flags = 0): Change {
  return change(ident, filter, EV_DISABLE | flags)
}

/** Triggers a user event; `fflags` are added to NOTE_TRIGGER. */
export function trigger(ident: number, fflags = 0, rest: Rest = {}): Change {
  return change(ident, EVFILT_USER, 0, { ...rest, fflags: (NOTE_TRIGGER | fflags) >>> 0 })
}

// Events.

/** What is pending now. */
export function pending(queue: Queue, nevents = 64): Kevent[] {
  return queue.kevent([], nevents, 0)
}

/** What is pending, waiting for the first of it. */
export function wait(queue: Queue, nevents = 64): Kevent[] {
  return queue.kevent([], nevents, LONG)
}

/** Waits until something is the case that no event tells of. */
export function until(world: World, condition: () => boolean, what: string): void {
  for (const start = world.now(); !condition(); world.sleep(1)) {
    assert.ok(world.now() - start < LONG, `in vain: ${what}`)
  }
}

/** The one event that comes. */
export function next(queue: Queue): Kevent {
  const events = wait(queue)
  assert.equal(events.length, 1, `one event, not ${show(events)}`)
  return events[0]!
}

/** Waits until `count` events were handed out, in as many calls as it takes. */
export function collect(queue: Queue, count: number): Kevent[] {
  const events: Kevent[] = []
  while (events.length < count) {
    const more = wait(queue, count - events.length)
    assert.notEqual(more.length, 0, `${count} events, only got ${show(events)}`)
    events.push(...more)
  }
  return events
}

export function idents(events: readonly Kevent[]): number[] {
  return events.map((event) => event.ident)
}

/** The same events in the order of their idents, where the order is no matter. */
export function byIdent(events: readonly Kevent[]): Kevent[] {
  return [...events].sort((a, b) => a.ident - b.ident || a.filter - b.filter)
}

function show(events: readonly Kevent[]): string {
  const one = (e: Kevent) =>
    `{ident ${e.ident}, filter ${e.filter}, flags 0x${e.flags.toString(16)}, ` +
    `fflags 0x${e.fflags.toString(16)}, data ${e.data}}`
  return events.length === 0 ? 'nothing' : events.map(one).join(', ')
}

// Expectations.

/** Exactly these events in this order; of each only the fields that are given are compared. */
export function expectEvents(actual: readonly Kevent[], ...expected: Partial<Kevent>[]): void {
  assert.equal(actual.length, expected.length, `${expected.length} events, not ${show(actual)}`)
  const seen = actual.map((event, i) =>
    Object.fromEntries(
      Object.keys(expected[i]!).map((key) => [key, event[key as keyof Kevent] as unknown]),
    ),
  )
  assert.deepStrictEqual(seen, expected)
}

/** Nothing is reported within `timeout` ms. */
export function expectNothing(queue: Queue, timeout = 0): void {
  const events = queue.kevent([], 64, timeout)
  assert.equal(events.length, 0, `nothing, not ${show(events)}`)
}

/** `action` throws a KqueueError with this code. */
export function expectError(code: string, action: () => unknown): NodeJS.ErrnoException {
  let result: unknown
  try {
    result = action()
  } catch (error) {
    assert.ok(error instanceof Error, `an Error, not ${String(error)}`)
    assert.equal((error as NodeJS.ErrnoException).code, code, error.message)
    return error as NodeJS.ErrnoException
  }
  assert.fail(`${code}, not the result ${JSON.stringify(result)}`)
}

/** The knote (ident, filter) is not there. */
export function expectGone(queue: Queue, ident: number, filter: number): void {
  expectError('ENOENT', () => queue.kevent([remove(ident, filter)]))
}

/** One `EV_ERROR` event for (ident, filter) with `errno` in `data`, 0 for success. */
export function errorEvent(ident: number, filter: number, errno: number): Partial<Kevent> {
  return { ident, filter, flags: EV_ERROR, data: errno }
}

/** `low` <= value <= `high`. */
export function expectBetween(value: number, low: number, high: number, what: string): void {
  assert.ok(value >= low, `${what} ${value} is less than ${low}`)
  assert.ok(value <= high, `${what} ${value} is more than ${high}`)
}

// Sockets and bytes.

/** A client and a server connected by TCP; the listening socket is closed. */
export function tcpPair(world: World): [number, number] {
  const listener = world.listen('tcp')
  const client = world.connect(listener)
  const server = world.accept(listener)
  world.close(listener)
  return [client, server]
}

/** Writes until there is no room; the number of bytes. */
export function fill(world: World, fd: number): number {
  const chunk = new Uint8Array(4096)
  let total = 0
  for (;;) {
    try {
      total += world.write(fd, chunk)
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN')
      return total
    }
  }
}

/** Reads until there is nothing left; the number of bytes. */
export function drain(world: World, fd: number): number {
  let total = 0
  for (;;) {
    try {
      const { length } = world.read(fd, 65536)
      if (length === 0) return total
      total += length
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN')
      return total
    }
  }
}

/** A new pipe whose reading end has the number `fd`, which is free; its writing end. */
export function pipeAt(world: World, fd: number): number {
  const [r, wr] = world.pipe()
  if (r !== fd) {
    world.dup2(r, fd)
    world.close(r)
  }
  return wr
}
