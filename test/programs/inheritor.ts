/**
 * Has what it was started with, and does what it is told by messages. With 'wait' it looks
 * for its queues only when there is something to read from its standard input: until then it
 * is as good as still starting.
 */
import { readSync } from 'node:fs'
import {
  type Change,
  fork,
  inheritedKqueues,
  type Kevent,
  type KnoteInfo,
  type Kqueue,
} from 'kqueue'
import { links } from './descriptors.js'

export type Order =
  | { readonly what: 'gathered'; readonly fd: number }
  | { readonly what: 'numbers' }
  | { readonly what: 'events'; readonly fd: number; readonly timeout: number }
  | { readonly what: 'knotes'; readonly fd: number }
  | { readonly what: 'change'; readonly fd: number; readonly changes: readonly Change[] }
  | { readonly what: 'close'; readonly fd: number }
  | { readonly what: 'links' }
  | { readonly what: 'generation'; readonly fd: number; readonly left: number }

/** What is answered to each. */
export interface Answers {
  /** What has come to a queue since it began, and between which times it was looked for last, hrtime in ns. */
  gathered: { events: Kevent[]; from: number; to: number }
  numbers: number[]
  events: Kevent[]
  knotes: KnoteInfo[]
  /** The events that there are after changes. */
  change: Kevent[]
  close: null
  /** What /proc says of its descriptors, by number. */
  links: Record<number, string>
  /** How many events each generation has, the youngest first. */
  generation: number[]
}

if (process.argv.includes('wait')) readSync(0, Buffer.alloc(1))
const queues = inheritedKqueues()

function at(fd: number): Kqueue {
  const kq = queues.get(fd)
  if (kq === undefined) throw new Error(`there is no queue ${fd}`)
  return kq
}

async function generation(fd: number, left: number): Promise<number[]> {
  const younger = left === 0 ? [] : await born(fd, left - 1)
  return [...younger, at(fd).kevent([], 64, 0).length]
}

async function born(fd: number, left: number): Promise<number[]> {
  const child = fork(process.argv[1]!)
  child.send({ what: 'generation', fd, left })
  return new Promise((resolve, reject) => {
    child.once('message', (counts) => {
      child.disconnect()
      resolve(counts as number[])
    })
    child.once('exit', () => reject(new Error('a child has ended')))
  })
}

/** With 'gather' it takes every event as it comes. */
const gathered = new Map<number, Kevent[]>()
if (process.argv.includes('gather')) for (const [fd, kq] of queues) gather(fd, kq)

async function gather(fd: number, kq: Kqueue): Promise<void> {
  const events: Kevent[] = []
  gathered.set(fd, events)
  for await (const event of kq.unref()) events.push(event)
}

function last(fd: number): Answers['gathered'] {
  const now = (): number => Number(process.hrtime.bigint())
  const from = now()
  const events = [...(gathered.get(fd) ?? []), ...at(fd).kevent([], 1024, 0)]
  return { events, from, to: now() }
}

async function obey(order: Order): Promise<unknown> {
  switch (order.what) {
    case 'gathered':
      return last(order.fd)
    case 'numbers':
      return [...queues.keys()]
    case 'events':
      return at(order.fd).kevent([], 1024, order.timeout)
    case 'knotes':
      return at(order.fd).knotes()
    case 'change':
      return at(order.fd).kevent(order.changes, 1024, 0)
    case 'close':
      at(order.fd).close()
      return null
    case 'links':
      return links()
    case 'generation':
      return generation(order.fd, order.left)
  }
}

process.on('message', (order: Order) => {
  obey(order).then(
    (answer) => process.send?.(answer),
    (error: Error) => process.send?.({ error: error.message }),
  )
})
