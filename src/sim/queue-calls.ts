/** What the system calls on queues come to: kqueue(2), kevent(2). */
import {
  ChangeBuffer,
  eventCount,
  type GivenTimeout,
  givenTimeout,
  nanoseconds,
  options,
} from '../core/copyin.js'
import { EventArray } from '../core/event-list.js'
import { EINVAL, KqueueError } from '../errors.js'
import type { Change, EventSink, Kevent, Timeout } from '../event.js'
import type { SimFile } from './file.js'
import { SimQueue } from './queue.js'

/** Events that `wait` hands out at most, unless told otherwise. */
const NEVENTS = 64

/** What `wait` takes. */
export interface WaitOptions {
  changelist?: readonly Change[] | null
  /** The most events to hand out, 64 by default. */
  nevents?: number
  /** How long to wait, for ever by default. */
  timeout?: Timeout
}

/** @throws KqueueError EINVAL the file is not a queue */
export function asQueue(file: SimFile, fd: number): SimQueue {
  if (file instanceof SimQueue) return file
  throw new KqueueError(EINVAL, 'kevent', { reason: `${fd} is not the descriptor of a queue` })
}

/** The whole of kevent(2), at once: answers the number of events. */
export function kevent(
  queue: SimQueue,
  changelist: readonly Change[] | null | undefined,
  sink: EventSink,
  max: number,
  timeout: GivenTimeout,
): number {
  const buffer = new ChangeBuffer()
  buffer.read(changelist)
  return queue.kevent(buffer.changes, buffer.length, sink, max, timeout)
}

/** What `wait` was given, as it is meant. @throws TypeError; KqueueError EINVAL */
export function waitOptions(given: WaitOptions) {
  const { changelist, nevents = NEVENTS, timeout = null } = options(given, 'options')
  return { changelist, max: eventCount(nevents), limit: givenTimeout(timeout) }
}

/** kevent(2) for a program, which sleeps. */
export async function wait(
  queue: SimQueue,
  { changelist, max, limit }: ReturnType<typeof waitOptions>,
): Promise<Kevent[]> {
  const buffer = new ChangeBuffer()
  buffer.read(changelist)
  const sink = new EventArray()
  const errors = queue.change(buffer.changes, buffer.length, sink, max)
  if (errors === 0 && max > 0) {
    return queue.sleep(max, nanoseconds(limit), { interruptible: true })
  }
  await queue.kernel.scheduler.pause(queue.process)
  return sink.events
}
