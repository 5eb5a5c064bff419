/** A program whose `import 'kqueue'` is replaced runs on virtual time as it stands. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const MOCKS = '--experimental-test-module-mocks'
/** Not before Node.js 22.3. */
const canMock = spawnSync(process.execPath, [MOCKS, '--eval', '']).status === 0

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** What Node.js prints. It is no test of the runner that runs this one. */
function node(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  return spawnSync(process.execPath, ['--no-warnings', ...args], { encoding: 'utf8', env })
}

describe("A program whose import 'kqueue' is replaced", () => {
  it('runs on virtual time with a hook of the loader', () => {
    const { status, stdout, stderr } = node(file('./day-replaced.js'))
    assert.equal(stderr, '')
    assert.equal(stdout, '24 hours, and timer 1\n86460000000000 ns\n')
    assert.equal(status, 0)
  })

  it('runs on virtual time with mock.module', { skip: !canMock && 'Node.js has none' }, () => {
    const { status, stdout } = node(MOCKS, file('./day-mocked.js'))
    assert.equal(status, 0, stdout)
  })
})
