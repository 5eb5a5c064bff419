/**
 * A program that takes events for ever: `keventInto` makes no objects, and what was compiled
 * for it stays so. V8 says itself when it collects garbage and when it throws code away.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { BOUNDED, LONG } from '../patience.js'
import type { Cases } from '../programs/steady.js'
import { casesOf, program } from './processes.js'

const programs = casesOf<Cases>('steady')

/** With the compiler in turn with the program, whatever else the machine does. */
const FLAGS = [
  '--allow-natives-syntax',
  '--no-concurrent-recompilation',
  '--max-semi-space-size=1',
  '--trace-gc',
  '--trace-deopt',
]

interface Report {
  /** How much the heap has grown, in bytes an event. */
  growth: number
  collections: string[]
  /** What was compiled and did not hold. */
  deoptimised: string[]
}

/** What V8 says while a program takes a million events. */
function steady(name: keyof Cases): Report {
  const words = [...FLAGS, ...program(programs(name))]
  const { stdout, stderr } = spawnSync(process.execPath, words, {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    ...BOUNDED,
    // Millions of system calls take their time.
    timeout: 8 * LONG,
  })
  assert.equal(stderr, '')
  const [, lines, growth] = stdout.match(/^begin\n(.*?)^end (\S+)$/ms) ?? []
  assert.ok(lines !== undefined, stdout.slice(-2000))
  const said = lines.split('\n')
  return {
    growth: Number(growth),
    collections: said.filter((line) => /Scavenge|Mark-Compact|Mark-sweep/i.test(line)),
    deoptimised: said.filter((line) => line.startsWith('[bailout')),
  }
}

const STEADY: [keyof Cases, string][] = [
  ['drained', 'pipes are written and read'],
  ['trusted', 'the same happens without proofs'],
  ['rescanned', 'pipes are ready and are not read'],
  ['triggered', 'an event is triggered in its changelist'],
  ['timed', 'a timer is due'],
  ['idle', 'nothing happens'],
]

describe('A million events, where', () => {
  for (const [name, what] of STEADY) {
    it(`${what}, take no memory, and what is compiled for them holds`, () => {
      const { growth, collections, deoptimised } = steady(name)
      assert.deepEqual(collections, [])
      assert.deepEqual(deoptimised, [])
      assert.ok(growth < 1, `${growth} bytes an event`)
    })
  }

  it('each makes an object, are told apart', () => {
    assert.ok(steady('careless').collections.length > 10)
  })

  it('compiled code does not hold, are told apart', () => {
    assert.match(steady('deoptimised').deoptimised.join('\n'), /<JSFunction sum /)
  })
})
