// Who watches the files of a directory, for the rows about files: this package and
// others, each as a function that calls back with the name of a file that was written.
import { closeSync, mkdtempSync, openSync, rmSync, watch, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { EV_ADD, EV_CLEAR, EV_SET, EVFILT_VNODE, kqueue, NOTE_WRITE } from 'kqueue'
import { hasPackage, importPackage } from './packages.mjs'

/**
 * @typedef {(directory: string, names: string[], written: (name: string) => void) =>
 *   (() => unknown) | Promise<() => unknown>} Watcher watches, and is how to end that
 */

/** @type {Record<string, Watcher>} */
export const WATCHERS = {
  ours(directory, names, written) {
    const kq = kqueue()
    const fds = names.map((name) => openSync(join(directory, name), 'r'))
    kq.kevent(
      fds.map((fd, i) => EV_SET(fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_WRITE, 0, names[i])),
    )
    tell()
    async function tell() {
      for await (const { udata } of kq.events({ nevents: 1024 })) written(String(udata))
    }
    return () => {
      kq.close()
      fds.forEach(closeSync)
    }
  },

  'fs.watch'(directory, _names, written) {
    const watcher = watch(directory, (_event, name) => written(String(name)))
    return () => watcher.close()
  },

  async chokidar(directory, _names, written) {
    const { default: chokidar } = await importPackage('chokidar')
    const watcher = chokidar.watch(directory, { ignoreInitial: true })
    watcher.on('change', (path) => written(basename(path)))
    await new Promise((resolve) => watcher.once('ready', resolve))
    return () => watcher.close()
  },

  async '@parcel/watcher'(directory, _names, written) {
    const { default: parcel } = await importPackage('@parcel/watcher')
    const subscription = await parcel.subscribe(directory, (_error, events) => {
      for (const { path } of events) written(basename(path))
    })
    return () => subscription.unsubscribe()
  },
}

/** Files in a directory of their own, and who is told of a file that was written. */
export class Files {
  /** @type {string[]} */
  names
  directory = mkdtempSync(join(tmpdir(), 'kqueue-bench-'))
  #end = () => {}
  #fds
  /** @type {(name: string) => void} */
  written = () => {}

  /** @param {number} count */
  constructor(count) {
    this.names = Array.from({ length: count }, (_, i) => `file${i}`)
    this.#fds = this.names.map((name) => openSync(join(this.directory, name), 'w'))
  }

  /** @param {Watcher} watcher */
  async watch(watcher) {
    this.#end = await watcher(this.directory, this.names, (name) => this.written(name))
    return this
  }

  /** Overwrites the first byte of a file. @param {number} index */
  write(index) {
    writeSync(this.#fds[index], 'x', 0)
  }

  async close() {
    await this.#end()
    this.#fds.forEach(closeSync)
    rmSync(this.directory, { recursive: true })
  }
}

/**
 * A contestant for each watcher.
 *
 * @param {number} count of files
 * @param {(files: Files) => Promise<number>} sample
 */
export function contest(count, sample) {
  const names = Object.keys(WATCHERS).filter((name) => NODE_ALONE.has(name) || hasPackage(name))
  const begin = (/** @type {string} */ name) => async () => {
    const files = await new Files(count).watch(WATCHERS[name])
    return { sample: () => sample(files), close: () => files.close() }
  }
  return Object.fromEntries(names.map((name) => [name, begin(name)]))
}

/** What needs no package of others. */
const NODE_ALONE = new Set(['ours', 'fs.watch'])
