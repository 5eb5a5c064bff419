/**
 * The reporter of `npm run test:run`: a line for each file that is over, so that one sees how
 * far it is; each test that fails, with the reason; and the sums, with the names of those that
 * failed once more, for who reads the end of a log only. It is the same in a terminal and in a
 * log.
 *
 *     [ 12/104] node/wait.test.js            1.9 s   41 tests
 */
import { relative, resolve } from 'node:path'

const ROOT = 'build/test'
const SUMS = ['tests', 'pass', 'fail', 'cancelled', 'skipped', 'duration_ms']
const total = process.argv.filter((word) => /\.test\.[cm]?js$/.test(word)).length

const short = (path) => relative(ROOT, path)

/** Of an error what was thrown, and not what the runner has wrapped around it. */
function reason({ error }) {
  const thrown = error?.cause ?? error
  return String(thrown?.stack ?? thrown).replace(/^/gm, '    ')
}

export default async function* progress(source) {
  const passed = new Map()
  const sums = []
  const failed = []
  /** What a test is in: test by test, as they start. */
  const path = []
  let over = 0
  for await (const { type, data } of source) {
    const isFile = data.nesting === 0 && data.name !== undefined && resolve(data.name) === data.file
    if (type === 'test:start') path.splice(data.nesting, Number.POSITIVE_INFINITY, data.name)
    else if (type === 'test:pass' && data.details.type !== 'suite') {
      passed.set(data.file, (passed.get(data.file) ?? 0) + 1)
    } else if (type === 'test:fail' && data.details.error?.failureType !== 'subtestsFailed') {
      const name = isFile ? '' : ` > ${[...path.slice(0, data.nesting), data.name].join(' > ')}`
      failed.push(`FAILED ${short(data.file)}${name}\n`)
      yield `${failed.at(-1)}${reason(data.details)}\n`
    } else if (type === 'test:stderr') yield data.message
    else if (type === 'test:diagnostic' && SUMS.includes(data.message.split(' ')[0])) {
      sums.push(data.message)
    } else if (type === 'test:complete' && isFile) {
      over++
      const place = `[${String(over).padStart(String(total).length)}/${total}]`
      const seconds = (data.details.duration_ms / 1000).toFixed(1).padStart(6)
      yield `${place} ${short(data.file).padEnd(36)} ${seconds} s\n`
    }
  }
  yield `${failed.join('')}${sums.slice(-SUMS.length).join(', ')}\n`
}
