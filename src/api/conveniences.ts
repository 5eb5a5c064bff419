/**
 * What one wants most often, each a few lines over kevent: waiting for a
 * descriptor, ticking, and events of the program's own.
 */
import { givenTimeout, nanoseconds, wrongType } from '../core/copyin.js'
import { EINVAL, fail } from '../errors.js'
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_EOF,
  EV_ONESHOT,
  EV_SET,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_WRITE,
  type Kevent,
  NOTE_FFCOPY,
  NOTE_FFCTRLMASK,
  NOTE_NSECONDS,
  NOTE_TRIGGER,
} from '../event.js'
import { type Abortable, assertDescriptor } from './arguments.js'
import { Kqueue } from './kqueue.js'
import { kqueue } from './queues.js'
import type { Bound } from './system.js'

async function once(
  system: Bound,
  fd: number,
  filter: number,
  { signal }: Abortable,
): Promise<Kevent> {
  assertDescriptor(system(), fd)
  const kq = kqueue(system)
  try {
    const add = EV_SET(fd, filter, EV_ADD | EV_ONESHOT)
    kq.kevent([add])
    const [event] = await kq.wait({ nevents: 1, ...(signal && { signal }) })
    return event!
  } finally {
    kq.close()
  }
}

export async function readable(
  system: Bound,
  fd: number,
  options: Abortable = {},
): Promise<{ bytes: number; eof: boolean }> {
  const { data, flags } = await once(system, fd, EVFILT_READ, options)
  return { bytes: data, eof: (flags & EV_EOF) !== 0 }
}

export async function writable(
  system: Bound,
  fd: number,
  options: Abortable = {},
): Promise<{ space: number; eof: boolean }> {
  const { data, flags } = await once(system, fd, EVFILT_WRITE, options)
  return { space: data, eof: (flags & EV_EOF) !== 0 }
}

export async function* ticks(
  system: Bound,
  period: number | { sec: number; nsec: number },
  { signal }: Abortable = {},
): AsyncGenerator<{ expirations: number }, void, undefined> {
  const ns = nanoseconds(givenTimeout(period))
  if (ns <= 0) fail(EINVAL, 'kevent', 'a period is more than 0')
  const kq = kqueue(system)
  try {
    kq.kevent([EV_SET(0, EVFILT_TIMER, EV_ADD, NOTE_NSECONDS, ns)])
    for await (const { data } of kq.events({ ...(signal && { signal }) })) {
      yield { expirations: data }
    }
  } finally {
    kq.close()
  }
}

/** The `fflags` of a change that triggers; what are no flags is left for `kevent` to refuse. */
function triggering(fflags: number): number {
  if (!Number.isInteger(fflags) || Math.abs(fflags) > 0xffffffff) return fflags
  const how = fflags === 0 || fflags & NOTE_FFCTRLMASK ? 0 : NOTE_FFCOPY
  return (fflags | how | NOTE_TRIGGER) >>> 0
}

/** An event that the program triggers: EVFILT_USER with EV_CLEAR. */
export interface UserEvent {
  /** Triggers it. Flags replace those stored, unless NOTE_FFAND or NOTE_FFOR combines them. */
  trigger(fflags?: number): void
  /** Removes it from its queue. */
  close(): void
}

/**
 * Adds an event of the program's own to a queue.
 * @throws what `kevent` throws
 */
export function userEvent(kq: Kqueue, ident: number): UserEvent {
  if (!(kq instanceof Kqueue)) throw wrongType('kq', 'a Kqueue', kq)
  kq.kevent([EV_SET(ident, EVFILT_USER, EV_ADD | EV_CLEAR)])
  return {
    trigger(fflags = 0) {
      kq.kevent([EV_SET(ident, EVFILT_USER, 0, triggering(fflags))])
    },
    close() {
      kq.kevent([EV_SET(ident, EVFILT_USER, EV_DELETE)])
    },
  }
}
