/**
 * Tests in namespaces of their own (namespaces(7)), where they may mount, make network
 * interfaces and name the host, and nothing of it is left: as root, or as a user who may make user
 * namespaces. Skipped for others.
 *
 *     inNamespaces(import.meta.url, () => {
 *       it('...', () => ...)
 *     })
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { BOUNDED } from '../patience.js'
import { type Case, program } from './processes.js'
import { INSIDE, UNSHARE } from './unshare.js'

/** Why there can be no namespaces, or false. */
function forbidden(): string | false {
  const [command, ...words] = UNSHARE
  const { status, stderr, error } = spawnSync(command, [...words, 'true'], {
    encoding: 'utf8',
    ...BOUNDED,
  })
  return status !== 0 && (error?.message ?? stderr.trim())
}

/** Runs `tests`, which are all of a file, in a program of their own. */
export function inNamespaces(url: string, tests: () => void): void {
  if (process.env[INSIDE] !== undefined) {
    tests()
    return
  }
  it('in namespaces of their own', { skip: forbidden() }, (t) => {
    const { NODE_TEST_CONTEXT: _context, ...env } = process.env
    const [command, ...words] = UNSHARE
    const { status, stdout, stderr } = spawnSync(
      command,
      [...words, process.execPath, '--test-reporter=tap', fileURLToPath(url)],
      { encoding: 'utf8', env: { ...env, [INSIDE]: '1' }, timeout: 120_000, killSignal: 'SIGKILL' },
    )
    assert.equal(status, 0, stdout + stderr)
    const [passed, skipped] = ['pass', 'skipped'].map((how) =>
      Number(new RegExp(`^# ${how} (\\d+)`, 'm').exec(stdout)?.[1]),
    ) as [number, number]
    assert.ok(passed + skipped > 0, stdout)
    if (passed > 0) t.diagnostic(`${passed} passed`)
    else t.skip('none can be run there')
  })
}

const users = spawnSync('unshare', ['-Ur', 'true'], { encoding: 'utf8', ...BOUNDED })
/** Why there can be no user namespaces, or false. */
export const noUsers = users.status !== 0 && (users.error?.message ?? users.stderr.trim())

/** Runs a case to its end in a user namespace of its own, of which a limit is so low. */
export function limited(limit: string, most: number, what: Case) {
  const script = `echo ${most} > /proc/sys/user/${limit} && exec "$@"`
  const args = ['-Ur', 'sh', '-c', script, 'sh', process.execPath, ...program(what)]
  return spawnSync('unshare', args, { encoding: 'utf8', ...BOUNDED })
}

/** Runs a program to its end; it must succeed. */
export function command(name: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(name, args, {
    encoding: 'utf8',
    ...BOUNDED,
  })
  if (status !== 0) throw error ?? new Error(`${name} ${args.join(' ')}: ${stderr}`)
  return stdout
}
