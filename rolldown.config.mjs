/**
 * `npm run build`: from the modules of src/, a few files that load fast. Every module is an entry
 * nevertheless, so that `#linux/…` and `#cli/…` have it for tests: a line under dist/ that
 * exports it from the chunk it is in, of which there is one. Only entries of the package are packed.
 */
import * as fs from 'node:fs'
import { defineConfig } from 'rolldown'
import { later } from './scripts/later.mjs'

const { dependencies } = JSON.parse(fs.readFileSync('package.json', 'utf8'))

const modules = fs
  .readdirSync('src', { recursive: true })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
  .map((name) => [name.slice(0, -'.ts'.length), `src/${name}`])

/** What `kq --version` needs, which is not to load the rest. */
const FIRST = /src\/cli\/(main|package|version)\.ts/

/** What few programs need of the floors above and of the machine. */
const SELDOM =
  /src\/(api\/(aio|seldom|trees)|core\/(fork|image|kqueue-image|filters\/(fs|netdev|proc)))[./]/

/** What belongs to Linux and a first queue does not need. */
const FILES =
  /src\/linux\/(vnode|descriptor\/(file-sides?|polled-file|vnode-side)\.|hub\/inotify)/
const PROCESSES = /src\/linux\/process\/(?!procfs)/
const RARE = /src\/linux\/(fork\/[^h]|trees|aio|links|mounts|descriptor\/empty)/
const isLate = (id) => [FILES, PROCESSES, RARE].some((late) => late.test(id))

/**
 * By `import`, each of these takes its time, and is loaded with all that belongs to it, as the
 * streams of node:fs.
 */
const LEAN = new Set(
  ['events', 'fs', 'os', 'path', 'timers/promises', 'url', 'util'].map((name) => `node:${name}`),
)

const lean = {
  name: 'lean',
  resolveId(id, importer) {
    if (!LEAN.has(id)) return undefined
    const [, platform] = /src\/(linux|bsd)\//.exec(importer) ?? []
    return `\0lean/${FIRST.test(importer) ? 'first' : (platform ?? 'rest')}/${id}`
  },
  load(id) {
    const [, name] = /^\0lean\/\w+\/(.+)/.exec(id) ?? []
    if (name === undefined) return undefined
    const names = Object.keys(process.getBuiltinModule(name)).filter(
      (each) => /^[A-Za-z]\w+$/.test(each) && each !== 'default',
    )
    return [
      "import { createRequire } from 'node:module'",
      // Node.js has the first one since 20.16.
      `const module = (process.getBuiltinModule ?? createRequire(import.meta.url))('${name}')`,
      ...names.map((each) => `export const ${each} = /* @__PURE__ */ module.${each}`),
    ].join('\n')
  },
}

export default defineConfig({
  input: Object.fromEntries(modules),
  platform: 'node',
  external: Object.keys(dependencies),
  tsconfig: true,
  plugins: [
    lean,
    later(
      {
        seldom: ['machine'],
        linux: ['machine', 'system'],
        files: ['machine', 'system', 'linux'],
        processes: ['machine', 'system', 'linux', 'seldom'],
        rare: ['machine', 'system', 'linux', 'seldom'],
        bsd: ['machine', 'system'],
      },
      ['seldom'],
    ),
  ],
  treeshake: { propertyReadSideEffects: false },
  output: {
    dir: 'dist',
    cleanDir: true,
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name].js',
    minifyInternalExports: false,
    comments: false,
    codeSplitting: {
      // Programs run when they are loaded, and stay by themselves. With a module comes what it imports, unless a group above has it.
      groups: [
        { name: 'version', test: /src\/cli\/version|lean\/first/ },
        {
          name: 'machine',
          test: (id) =>
            /src\/((core|api)\/(?!index)|(event|errors)\.ts)/.test(id) && !SELDOM.test(id),
        },
        { name: 'seldom', test: SELDOM },
        { name: 'system', test: /src\/(index|late|parts)\.ts|lean\/rest\/node:fs|\0later/ },
        { name: 'linux', test: (id) => /(src|lean)\/linux\//.test(id) && !isLate(id) },
        { name: 'files', test: FILES },
        { name: 'processes', test: PROCESSES },
        { name: 'rare', test: RARE },
        { name: 'bsd', test: /(src|lean)\/bsd\// },
        { name: 'sim', test: /src\/sim\// },
        {
          name: 'command',
          test: /src\/cli\/(?!main|kq|holder|package|version|run|trace)|lean\/rest/,
        },
        { name: 'run', test: /src\/cli\/run/ },
        { name: 'trace', test: /src\/cli\/trace/ },
      ].map((group, at, { length }) => ({ ...group, priority: length - at })),
    },
  },
})
