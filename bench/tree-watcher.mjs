// Who watches a tree, as a process of its own: `node tree-watcher.mjs NAME DIR PACKAGES`, where
// PACKAGES is what the packages of others are resolved from. It says "ready MS" when it watches,
// and then for each path that was written the moment that it knew, in ns of process.hrtime.
import { watch, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

/** What is called with the path, and who calls it. @typedef {(path: string) => void} Told */

/** @type {Record<string, () => Promise<(directory: string, told: Told) => unknown>>} */
const WATCHERS = {
  async ours() {
    const { treeEvents } = await import('kqueue')
    return (directory, told) =>
      new Promise((resolve, reject) => {
        const tell = async () => {
          const ready = () => resolve(undefined)
          for await (const { path } of treeEvents(directory, { ready })) told(path)
        }
        tell().catch(reject)
      })
  },

  async 'fs.watch'() {
    return (directory, told) =>
      watch(directory, { recursive: true }, (_event, path) => told(String(path)))
  },

  async chokidar() {
    const { default: chokidar } = await peer('chokidar')
    return (directory, told) =>
      new Promise((resolve, reject) => {
        const watcher = chokidar.watch(directory, { ignoreInitial: true })
        watcher.on('change', told).on('ready', resolve).on('error', reject)
      })
  },

  async '@parcel/watcher'() {
    const { default: parcel } = await peer('@parcel/watcher')
    return (directory, told) =>
      parcel.subscribe(directory, (_error, events) => {
        for (const { path } of events) told(path)
      })
  },
}

const [name, directory, packages] = process.argv.slice(2)

/** @param {string} name */
async function peer(name) {
  return import(pathToFileURL(createRequire(packages).resolve(name)).href)
}

const begin = await WATCHERS[name]()
const start = performance.now()
await begin(directory, () => {
  const now = process.hrtime.bigint()
  writeSync(1, `${now}\n`)
})
writeSync(1, `ready ${performance.now() - start}\n`)
// It ends with who has started it.
process.stdin.on('end', () => process.exit()).resume()
