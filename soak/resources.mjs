// What a process has: counted before and after, so that what is left over is seen.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'

const MIB = 2 ** 20

/** The text of a file of /proc, '' when it is gone. @param {string} path */
function text(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** What a descriptor is, without the number of its inode. @param {string} fd */
function kind(fd) {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).replace(/:\[\d+\]$/, '')
  } catch {
    return null // the one that has listed them
  }
}

/** Modules: those that a worker was reading as it was terminated, which Node.js leaves open. */
const MODULE = /\.m?js$/

/** @param {(string | null)[]} names @returns {Record<string, number>} */
function tally(names) {
  /** @type {Record<string, number>} */
  const counts = {}
  for (const name of names) if (name !== null) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

/** Memory in MiB: not the same twice, so it is for people to judge. */
export function memory() {
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage()
  const anonymous = Number(/^RssAnon:\s*(\d+)/m.exec(text('/proc/self/status'))?.[1]) * 1024
  const mib = (/** @type {number} */ bytes) => Math.round((bytes / MIB) * 10) / 10
  const open = readdirSync('/proc/self/fd').map(kind)
  return {
    'modules that Node.js left open': open.filter((name) => name !== null && MODULE.test(name))
      .length,
    'rss, MiB': mib(rss),
    'heap, MiB': mib(heapUsed),
    'external, MiB': mib(external),
    'native, MiB': mib(Math.max(0, anonymous - heapTotal)),
  }
}

/** What must be the same before and after. @returns {Record<string, number>} */
function counts() {
  const fds = readdirSync('/proc/self/fd')
  const kinds = fds.map(kind).filter((name) => name !== null && !MODULE.test(name))
  const watches = fds.flatMap((fd) => text(`/proc/self/fdinfo/${fd}`).match(/^inotify wd:/gm) ?? [])
  const tasks = readdirSync('/proc/self/task')
  const children = tasks.flatMap(
    (tid) => text(`/proc/self/task/${tid}/children`).match(/\d+/g) ?? [],
  )
  const prefixed = (/** @type {string} */ prefix, /** @type {Record<string, number>} */ all) =>
    Object.fromEntries(Object.entries(all).map(([name, count]) => [`${prefix} ${name}`, count]))
  return {
    descriptors: kinds.length,
    ...prefixed('descriptors:', tally(kinds)),
    'inotify watches': watches.length,
    threads: tasks.length,
    'child processes': children.length,
    ...prefixed('handles:', tally(process.getActiveResourcesInfo())),
  }
}

/** Counts, once what goes by itself has gone. */
export async function resources() {
  for (let i = 0; i < 3; i++) {
    await nextTurn()
    globalThis.gc?.()
  }
  return { counts: counts(), memory: memory() }
}

/** Counts that differ. @param {Record<string, number>} before @param {Record<string, number>} after */
export function differences(before, after) {
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...names].filter((name) => (before[name] ?? 0) !== (after[name] ?? 0))
}
