// What one knote costs: run as `node --expose-gc memory.mjs ROW`, a process of
// its own for each measurement, which prints the bytes of JavaScript heap and
// external memory that every further knote takes, and for `memory` those resident.
import { EV_ADD, EV_DELETE, kqueue } from 'kqueue'

/**
 * @typedef {object} Registrations
 * @property {number} count
 * @property {number} filter
 * @property {(i: number) => number} ident
 * @property {() => void} close
 */

const CHUNK = 500

/** @param {Registrations} registrations @param {boolean} resident */
function bytesPerKnote({ count, filter, ident, close }, resident) {
  const kq = kqueue()
  /** @param {number} flags @param {number} from @param {number} to */
  const change = (flags, from, to) => {
    const changes = []
    for (let i = from; i < to; i++) changes.push({ ident: ident(i), filter, flags })
    kq.kevent(changes)
  }
  // Code and first tables are there before the counting starts.
  change(EV_ADD, 0, Math.min(CHUNK, count))
  change(EV_DELETE, 0, Math.min(CHUNK, count))

  const before = used()
  for (let i = 0; i < count; i += CHUNK) change(EV_ADD, i, Math.min(i + CHUNK, count))
  const after = used()
  kq.close()
  close()
  const heap = Math.round((after.used - before.used) / count)
  return resident ? { heap, resident: Math.round((after.rss - before.rss) / count) } : { heap }
}

function used() {
  globalThis.gc?.()
  globalThis.gc?.()
  const { heapUsed, external, rss } = process.memoryUsage()
  return { used: heapUsed + external, rss }
}

try {
  const { default: row } = await import(`./rows/${process.argv[2]}.mjs`)
  console.log(JSON.stringify(bytesPerKnote(row.registrations(), row.resident ?? false)))
} catch (error) {
  // The parent shows the first line.
  console.error(String(error))
  process.exitCode = 1
}
