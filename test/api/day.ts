/** A program as users write them: it imports `kqueue`, and knows of no other kernel. */
import { EV_ADD, EV_ONESHOT, EV_SET, EVFILT_TIMER, kqueue, NOTE_SECONDS, ticks } from 'kqueue'

/** Counts the hours of a day, and then waits for a minute. */
export async function day(): Promise<string> {
  let hours = 0
  for await (const { expirations } of ticks({ sec: 3600, nsec: 0 })) {
    hours += expirations
    if (hours >= 24) break
  }
  const kq = kqueue()
  kq.kevent([EV_SET(1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, NOTE_SECONDS, 60)])
  const [event] = await kq.wait()
  kq.close()
  return `${hours} hours, and timer ${event!.ident}`
}
