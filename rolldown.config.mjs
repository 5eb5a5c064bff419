/**
 * `npm run build`: from the modules of src/, a few files that load fast. Every module is an entry
 * nevertheless, so that `#linux/…` and `#cli/…` have it for tests: a line under dist/ that
 * exports it from the chunk it is in, of which there is one. Only entries of the package are packed.
 */
import * as fs from 'node:fs'
import { defineConfig } from 'rolldown'
import { parseAst } from 'rolldown/parseAst'
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
  /src\/(api\/(aio|bind-all|processes|seldom|trees)|core\/(fork|image|kqueue-image|process-journal|filters\/(fs|netdev|proc)))[./]/

/** What belongs to Linux and a first queue does not need. */
const FILES =
  /src\/linux\/(vnode|descriptor\/(empty|file-sides?|pipe-reads|polled-file|vnode-side)\.)/
const PROCESSES = /src\/linux\/process\/(?!procfs)/
const RARE = /src\/linux\/(fork\/[^h]|trees|aio|links|mounts)/
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

/** The entry of the package in one file with its module, which would be a second one. */
const together = {
  name: 'together',
  generateBundle(_options, bundle) {
    const entry = bundle['index.js']
    const chunk = bundle['chunks/index.js']
    const [exported] = parseAst(chunk.code).body.slice(-1)
    const others = entry.exports.filter((name) => !chunk.exports.includes(name))
    entry.code = [
      chunk.code.slice(0, exported.start).replaceAll('from "./', 'from "./chunks/'),
      `export { ${others.join(', ')} } from "./chunks/machine.js";`,
      chunk.code.slice(exported.start),
    ].join('')
    chunk.code = 'export * from "../index.js";\n'
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
        files: ['machine', 'linux'],
        processes: ['machine', 'linux', 'seldom'],
        rare: ['machine', 'linux', 'seldom'],
        bsd: ['machine'],
      },
      { both: ['seldom'], provided: ['linux'] },
    ),
    together,
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
            /src\/((core|api)\/(?!index)|(errors|event|late|parts)\.ts)|\0later/.test(id) &&
            !SELDOM.test(id),
        },
        { name: 'seldom', test: SELDOM },
        { name: 'linux', test: (id) => /(src|lean)\/linux\//.test(id) && !isLate(id) },
        { name: 'index', test: /src\/index\.ts/ },
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
