// Taking events from a queue in every way that there is, chosen at random, and given up at
// random: what is given up must come again, so that no churn may miss an event by it.

/** What is due comes within this time, however busy the machine is, in ms. */
export const SETTLE_MS = 60_000

/** How long one look lasts at most, in ms, so that a churn notices what it waits for is there. */
const LOOK_MS = 20

/** @typedef {import('kqueue').Kqueue} Kqueue @typedef {import('kqueue').Kevent} Kevent */
/** @typedef {import('./random.mjs').Random} Random */

/** A signal that is aborted soon: in this turn of the event loop, in the next one, or later. */
function soon(/** @type {Random} */ random) {
  const controller = new AbortController()
  const abort = () => controller.abort()
  random.pick([
    () => queueMicrotask(abort),
    () => setImmediate(abort),
    () => setTimeout(abort, random.from(0, 5)),
  ])()
  return controller.signal
}

/** None for who gave up. @param {Promise<Kevent[]>} taking @param {AbortSignal} signal */
async function unlessAborted(taking, signal) {
  try {
    return await taking
  } catch (error) {
    if (error !== signal.reason) throw error
    return []
  }
}

/** @type {((kq: Kqueue, random: Random) => Promise<Kevent[]>)[]} */
const WAYS = [
  async (kq, random) => kq.kevent([], random.from(1, 64), random.from(0, 2)),
  async (kq, random) => kq.wait({ timeout: LOOK_MS, nevents: random.from(1, 64) }),
  async (kq, random) => {
    const signal = soon(random)
    return unlessAborted(kq.wait({ timeout: LOOK_MS, signal }), signal)
  },
  async (kq, random) => {
    const signal = soon(random)
    /** @type {Kevent[]} */
    const events = []
    const most = random.from(1, 20)
    const iterating = async () => {
      for await (const event of kq.events({ signal, nevents: random.from(1, 8) })) {
        events.push(event)
        if (events.length === most) break
      }
      return events
    }
    await unlessAborted(iterating(), signal)
    return events
  },
  async (kq, random) => {
    const signal = soon(random)
    const two = [kq.wait({ timeout: LOOK_MS }), kq.wait({ timeout: LOOK_MS, signal })]
    return (await Promise.all(two.map((each) => unlessAborted(each, signal)))).flat()
  },
]

/** Takes what there is, or nothing after a while. @param {Kqueue} kq @param {Random} random */
export const take = (kq, random) => random.pick(WAYS)(kq, random)

/**
 * Takes events until there are enough, and looks once more, for those that are too many.
 * Answers whether there were enough before the time to settle was over.
 *
 * @param {Kqueue} kq
 * @param {Random} random
 * @param {(event: Kevent) => void} handle
 * @param {() => boolean} enough
 */
export async function gather(kq, random, handle, enough) {
  const end = performance.now() + SETTLE_MS
  while (!enough()) {
    if (performance.now() > end) return false
    for (const event of await take(kq, random)) handle(event)
  }
  for (const event of kq.kevent([], 64, 0)) handle(event)
  return true
}

/** Keeps this thread from everything else. @param {number} ms */
export function busy(ms) {
  const end = performance.now() + ms
  while (performance.now() < end);
}

/** @param {number} ms */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Waits until something holds; whether it did before the time to settle was over. */
export async function until(/** @type {() => boolean} */ holds, ms = SETTLE_MS) {
  const end = performance.now() + ms
  while (!holds()) {
    if (performance.now() > end) return false
    await pause(2)
  }
  return true
}
