// What it takes to begin: in processor time of a whole process, beside `node -e 0`, and by the clock
// between two lines of a program.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const path = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url))
const root = path('../..')
const KQ = path('../../dist/cli/main.js')

/** @param {string[]} words a program that writes the figure to standard error */
function figure(...words) {
  return () => ({
    async sample() {
      const { stderr } = await run(process.execPath, words, { cwd: root })
      return Number(stderr)
    },
    close() {},
  })
}

/** @param {string[]} words */
const node = (...words) => figure('--require', path('../cpu.cjs'), ...words)

/** @param {string} program */
const program = (program) => node('--input-type=module', '--eval', program)

/** @param {string} what */
const first = (what) => figure(path('../first.mjs'), what)

/** @type {import('../measure.mjs').Row} */
export default {
  name: 'start',
  unit: 'µs',
  samples: 30,
  latency: () => ({
    'node -e 0': node('-e', '0'),
    'a module': program(''),
    "import 'kqueue'": program("import 'kqueue'"),
    'and kqueue()': program("import { kqueue } from 'kqueue'; kqueue().close()"),
    'kq --version': node(KQ, '--version'),
    'kq wait': node(KQ, 'wait', '--timer', '1us'),
    "await import('kqueue')": first('import'),
    'the first kqueue()': first('kqueue'),
  }),
}
