/**
 * The compiled modules as a browser can have them: what each imports, which tests need
 * nothing that a browser lacks, and a server for them with the import map that gives
 * `node:test` and `node:assert` their stand-ins.
 */
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'

const require = createRequire(import.meta.url)
/** The directory of the package. */
export const root = dirname(require.resolve('kqueue/package.json'))
const fastCheck = dirname(require.resolve('fast-check/package.json'))
const pureRand = dirname(
  createRequire(join(fastCheck, 'package.json')).resolve('pure-rand/package.json'),
)

/** Where a browser finds what modules import by name; a name that ends in '/' is a beginning. */
const IMPORTS: Record<string, string> = {
  'kqueue/core': '/dist/core/index.js',
  'kqueue/sim': '/dist/sim/index.js',
  'node:test': '/build/test/browser/node-test.js',
  'node:assert': '/build/test/browser/assert.js',
  'node:assert/strict': '/build/test/browser/assert.js',
  'fast-check': '/fast-check/lib/fast-check.js',
}

/** What is served, by the beginning of the path. */
const DIRECTORIES: Record<string, string> = {
  '/dist/': join(root, 'dist'),
  '/build/test/': join(root, 'build/test'),
  '/fast-check/': fastCheck,
  '/pure-rand/': pureRand,
}

/** The specifiers that a module imports, `import('...')` included. */
export function importsOf(path: string): string[] {
  const source = readFileSync(path, 'utf8')
  const pattern =
    /^(?:import|export)\s+(?:[\w$*{}\s,]+\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm
  return [...source.matchAll(pattern)].map(([, by, call]) => (by ?? call)!)
}

/** What a module, or one that it imports, needs and a browser does not have. */
export function lacking(path: string, seen = new Set<string>()): string[] {
  if (seen.has(path)) return []
  seen.add(path)
  const missing = importsOf(path).flatMap((specifier) => {
    if (specifier.startsWith('.')) return lacking(join(dirname(path), specifier), seen)
    return specifier in IMPORTS ? [] : [specifier]
  })
  return [...new Set(missing)]
}

/** The modules of fast-check name those of pure-rand without the ending of the file. */
function importMap(): string {
  const imports = { ...IMPORTS }
  for (const specifier of importsOf(join(fastCheck, 'lib/fast-check.js'))) {
    const [name, ...path] = specifier.split('/')
    if (name === 'pure-rand') imports[specifier] = `/pure-rand/lib/esm/${path.join('/')}.js`
  }
  return JSON.stringify({ imports })
}

function page(): string {
  return `<!doctype html><title>tests</title><script type="importmap">${importMap()}</script>`
}

function find(path: string): string | undefined {
  const start = Object.keys(DIRECTORIES).find((each) => path.startsWith(each))
  if (start === undefined || path.includes('..') || !path.endsWith('.js')) return undefined
  return join(DIRECTORIES[start]!, path.slice(start.length))
}

/** Serves an empty page and the modules on a port of its own. */
export async function serve(): Promise<{ server: Server; url: string }> {
  const server = createServer(({ url = '/' }, response) => {
    try {
      const file = find(url)
      const type = file === undefined ? 'text/html' : 'text/javascript'
      const body = file === undefined ? page() : readFileSync(file)
      response.writeHead(file === undefined && url !== '/' ? 404 : 200, {
        'content-type': type,
        'cache-control': 'max-age=3600',
      })
      response.end(body)
    } catch {
      response.writeHead(404).end()
    }
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return { server, url: `http://127.0.0.1:${port}/` }
}
