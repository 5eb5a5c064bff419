/**
 * What our handler does when nobody watches any more, with one copy of the package in the process
 * and with two: programs that take steps and then signal themselves.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { exited, spawn, until, whenOver, within } from '../patience.js'
import type { Cases, Steps } from '../programs/copies.js'
import { copyPackage } from './copies.js'
import { casesOf, program } from './processes.js'
import { LONG } from './queues.js'
import { SIGNALS, SIGRTMIN } from './signals.js'

const MODULES = { A: copyPackage(), B: copyPackage() }

const copies = casesOf<Cases>('copies')

/** Node.js with a program that takes steps and then raises the signal. */
const raising = (...all: Steps[]): string[] => [
  process.execPath,
  ...program(copies('takes steps', MODULES, ...all)),
]

/** How it ends. */
async function end(...all: Steps[]): Promise<string> {
  const child = spawn('sh', ['-c', 'ulimit -c 0; exec "$@"', '-', ...raising(...all)], {
    // With sanitizers the addon is somewhere else; those of the copies are beside them.
    env: { ...process.env, KQUEUE_PREBUILD: undefined },
    timeout: LONG * 4,
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [said, [, signal]] = await Promise.all([
    text(child.stdout),
    once(child, 'exit') as Promise<[number | null, string | null]>,
  ])
  return said + (signal ?? '')
}

describe('A signal that was watched', () => {
  const { SIGTERM, SIGHUP } = SIGNALS
  for (const steps of [
    '+A raise -A',
    // Two copies, in every order.
    '+A +B raise -A raise -B',
    '+A +B raise -B raise -A',
    '+B +A raise -A raise +A raise -B raise -A',
    '+A -A +B -B',
    '+A +B -A +A raise -B raise -A',
    // In workers.
    '+a +B raise -a raise -B',
    '+A +b raise -A raise -b',
    '+a +b raise -b raise -a',
    // The addon is nobody's when the worker ends; its handler may still be called.
    '+a -a',
    '+a save -a restore',
    '+a +b raise save -a -b restore',
    '+a chain raise -a',
    // Listeners come and go.
    'on +A +B off raise -A -B',
    '+A on +B raise off raise -A raise -B',
    '+A +B on raise -A raise off raise -B',
    '+a +b on raise off raise -a raise -b',
    '+A +B -A on -B off',
    // Others save our handler and put it back, when it is used and when it no longer is.
    '+A save restore raise -A',
    '+A save -A restore',
    '+A save -A restore +A raise -A',
    '+A +B save -A -B restore',
    '+A +B save -A restore raise -B',
    '+A save -A restore +B raise -B save restore',
    // Others put theirs over ours, and call ours.
    '+A chain -A',
    '+A chain raise raise -A',
    '+A +B chain raise -A raise -B',
    '+A chain raise -A +A raise -A',
    '+A save -A restore chain +A raise -A',
  ]) {
    it(`has its default action again after ${steps}`, async () => {
      // Node.js has a handler for SIGTERM, which puts the terminal back and sends it again.
      const ends = [end(['SIGTERM', SIGTERM, steps]), end(['SIGHUP', SIGHUP, steps])]
      assert.deepEqual(await Promise.all(ends), ['raises SIGTERM', 'raises SIGHUP'])
    })
  }

  it('does what it did before', async () => {
    // Each with a signal of its own, which is as it was when the program began.
    const cases = [
      ['SIGHUP', 'ignore +A +B raise -A -B', 0],
      ['SIGQUIT', 'ignore +A save -A restore', 0],
      ['SIGALRM', 'ignore +a save -a restore', 0],
      ['SIGUSR2', 'ignore +A chain -A', 1],
      ['SIGVTALRM', 'ignore +A chain raise raise -A', 3],
      ['SIGXCPU', 'count +A +B -A -B', 1],
      ['SIGIO', 'count +A chain -A', 2],
      ['SIGPWR', 'count +A chain raise raise -A', 6],
      ['SIGSTKFLT', 'count +A +B chain raise raise -A -B', 6],
    ] as const
    const said = await end(...cases.map(([name, steps]) => [name, SIGNALS[name], steps] as const))
    assert.deepEqual(
      said.trim().split(' raises ').join('\n'),
      `raises ${cases.map(([, , handled]) => `lives ${handled}`).join('\n')}`,
    )
  })
})

describe('The default action of a call of our handler that nobody needs', () => {
  const DEADLY = [
    'SIGQUIT',
    'SIGABRT',
    'SIGALRM',
    'SIGUSR2',
    'SIGPIPE',
    'SIGXCPU',
    'SIGSYS',
  ] as const
  for (const name of DEADLY) {
    it(`of ${name} ends the process`, async () => {
      const steps = name === 'SIGPIPE' ? 'on off +A save -A restore' : '+A save -A restore'
      assert.equal(await end([name, SIGNALS[name], steps]), `raises ${name}`)
    })
  }

  it('of a real-time signal ends the process', async () => {
    assert.match(await end(['SIGRTMIN+3', SIGRTMIN + 3, '+A save -A restore']), /^raises (?!lives)/)
  })

  it('of SIGCHLD, SIGCONT, SIGURG and SIGWINCH is nothing', async () => {
    const names = ['SIGCHLD', 'SIGCONT', 'SIGURG', 'SIGWINCH'] as const
    const cases = names.map((name) => [name, SIGNALS[name], '+A save -A restore'] as const)
    assert.equal(await end(...cases), 'raises lives 0 '.repeat(names.length))
  })

  const { stdout } = spawnSync('timeout', ['--version'], { encoding: 'utf8' })
  const skip = !/coreutils/.test(stdout ?? '') && 'there is no timeout(1) of coreutils'

  it('of SIGTSTP stops the process until it is continued', { skip }, async () => {
    // Linux stops no process of an orphaned group, as this one's may be; timeout(1) makes a
    // group of its own, of which we are the parent.
    const words = raising(['SIGTSTP', SIGNALS.SIGTSTP, '+A save -A restore'])
    const job = spawn('timeout', [String(LONG), ...words], {
      env: { ...process.env, KQUEUE_PREBUILD: undefined },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let said = ''
    job.stdout.on('data', (chunk) => {
      said += chunk
    })
    const closed = once(job.stdout, 'close')
    await until(() => said.endsWith('raises '), 'it raises the signal')
    // timeout(1) has one child.
    const children = readFileSync(`/proc/${job.pid}/task/${job.pid}/children`, 'utf8')
    const pid = Number(children)
    whenOver(() => job.exitCode ?? process.kill(pid, 'SIGKILL'))
    const status = (): string => readFileSync(`/proc/${pid}/status`, 'utf8')
    await until(() => /^State:\tT/m.test(status()), 'it is stopped')
    process.kill(pid, 'SIGCONT')
    await within(Promise.all([closed, exited(job)]), 'it goes on to its end')
    assert.equal(said, 'raises lives 0 ')
  })
})
