/**
 * `npm run test:runtimes`: runs the tests in Bun and Deno, which load the addon but have no libuv.
 *
 *     npm run test:runtimes                       # in both
 *     npm run test:runtimes -- deno node/wait     # in one, the files whose paths have one of the words
 *
 * What cannot be there is in `lacking.ts`, with reasons. Anything else that fails, ends the process
 * or does not end makes this fail. Takes the runtimes from npm, into `build/runtimes`.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { INSIDE, UNSHARE } from '../node/unshare.js'
import { filesOf, lackingIn, type Runtime } from './lacking.js'
import type { Lacking, Result } from './runner.js'

const VERSIONS: Record<Runtime, string> = { bun: '1.4.5', deno: '2.9.6' }

/** A file of tests has to be over after so long: ms. */
const PATIENCE = 120_000

const root = fileURLToPath(new URL('../../..', import.meta.url))
const place = join(root, 'build/runtimes')
/** As deep as `build/test`, since tests find what is beside that. */
const copies = join(root, 'build/test-runtimes')

const COMMANDS: Record<Runtime, readonly string[]> = {
  bun: [join(place, 'node_modules/bun/bin/bun.exe')],
  deno: [join(place, 'node_modules/deno/deno'), 'run', '--allow-all', '--no-prompt'],
}

function install(): void {
  const packages = Object.entries(VERSIONS).map(([name, version]) => `${name}@${version}`)
  const args = ['install', '--silent', '--no-save', '--no-audit', '--prefix', place, ...packages]
  mkdirSync(place, { recursive: true })
  execFileSync('npm', args, { stdio: 'inherit' })
}

/** The tests with `runner.ts` for `node:test`, which no runtime lets be replaced. */
function copyTests(): void {
  rmSync(copies, { recursive: true, force: true })
  cpSync(join(root, 'build/test'), copies, { recursive: true })
  const all = execFileSync('grep', ['-rl', '--include=*.js', "from 'node:test'", copies])
  for (const path of all.toString().trim().split('\n')) {
    const runner = relative(dirname(path), join(copies, 'runtimes/runner.js'))
    const from = runner.startsWith('.') ? runner : `./${runner}`
    const text = readFileSync(path, 'utf8')
    writeFileSync(path, text.replaceAll("from 'node:test'", `from '${from}'`))
  }
}

/** A file whose tests are in namespaces of their own is run there as a whole. */
const unshares = (file: string): boolean =>
  readFileSync(join(copies, `${file}.test.js`), 'utf8').includes('inNamespaces(')

/** Runs a file of tests to its end, which may be a bad one. */
async function runFile(runtime: Runtime, file: string, lacking: Lacking): Promise<Result[]> {
  const results = join(place, `${runtime}-${file.replaceAll('/', '-')}.results`)
  writeFileSync(results, '')
  const inside = unshares(file)
  const [command, ...words] = [...(inside ? UNSHARE : []), ...COMMANDS[runtime]]
  const tests = join(copies, `${file}.test.js`)
  words.push(join(copies, 'runtimes/file.js'), tests, results, JSON.stringify(lacking))
  const child = spawn(command!, words, {
    env: { ...process.env, ...(inside && { [INSIDE]: '1' }) },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: PATIENCE,
    killSignal: 'SIGKILL',
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
  }
  const [status, signal] = (await once(child, 'close')) as [number | null, string | null]
  const lines = readFileSync(results, 'utf8').split('\n').filter(Boolean)
  const told = lines.map((line) => JSON.parse(line) as Result)
  const last = told.at(-1)
  if (last?.state !== 'ends' || status !== 0) {
    const what = `the process ended with ${signal ?? status}:\n${said.slice(-4000)}`
    told.push({ name: last?.state === 'begins' ? last.name : 'the file', state: 'fails', what })
  }
  return told
}

interface Sums {
  passes: number
  fails: number
  skips: number
}

function report(runtime: Runtime, file: string, results: readonly Result[], sums: Sums): void {
  const count = (state: keyof Sums) => results.filter((each) => each.state === state).length
  for (const state of ['passes', 'fails', 'skips'] as const) sums[state] += count(state)
  console.log(
    `${runtime} ${file}: ${count('passes')} passed, ${count('fails')} failed, ${count('skips')} skipped`,
  )
  for (const { name, state, what } of results) {
    if (state === 'fails') console.log(`  FAILED ${name}\n    ${what.replaceAll('\n', '\n    ')}`)
  }
}

async function runIn(runtime: Runtime, wanted: readonly string[]): Promise<Sums> {
  const sums: Sums = { passes: 0, fails: 0, skips: 0 }
  const isWanted = (file: string) =>
    wanted.length === 0 || wanted.some((word) => `${file}.test.js`.includes(word))
  const queue = filesOf(copies).filter(isWanted)
  const work = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const lacking = lackingIn(runtime, file)
      if (typeof lacking === 'string') console.log(`${runtime} ${file}: left out: ${lacking}`)
      else report(runtime, file, await runFile(runtime, file, lacking), sums)
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
  return sums
}

const given = process.argv.slice(2)
const named = (Object.keys(VERSIONS) as Runtime[]).filter((name) => given.includes(name))
const wanted = given.filter((word) => !(word in VERSIONS))
if (Object.values(COMMANDS).some(([command]) => !existsSync(command!))) install()
copyTests()
for (const runtime of named.length > 0 ? named : (Object.keys(VERSIONS) as Runtime[])) {
  const { passes, fails, skips } = await runIn(runtime, wanted)
  console.log(
    `${runtime} ${VERSIONS[runtime]}: ${passes} passed, ${fails} failed, ${skips} skipped`,
  )
  if (fails > 0 || passes === 0) process.exitCode = 1
}
