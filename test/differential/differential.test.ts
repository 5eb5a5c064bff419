/**
 * Random programs on real Linux and on the simulated kernel, which have to answer the same:
 * a difference is a mistake, or a row of docs/differences.md and of `TABLE`.
 * `KQUEUE_DIFFERENTIAL_RUNS=N` runs so many times as many programs, `KQUEUE_DIFFERENTIAL_SEED=N`
 * begins with this seed, so that the programs are others. A program that shows a difference is printed as short as it gets, ready
 * to be pasted below.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { linux } from '../scenarios/linux.js'
import { sim } from '../scenarios/sim.js'
import { type Command, show } from './command.js'
import { TABLE } from './differences.js'
import { answers } from './program.js'
import { changePrograms, filePrograms, processPrograms, streamPrograms } from './programs.js'

const environment = process.env
const seed = Number(environment.KQUEUE_DIFFERENTIAL_SEED ?? 1)
const times = Number(environment.KQUEUE_DIFFERENTIAL_RUNS ?? 1)

function same(program: readonly Command[], look = true): void {
  const there = answers(sim, program, { look })
  const here = answers(linux, program, { look }, there)
  const at = here.findIndex((answer, i) => answer !== there[i])
  if (at === -1) return
  const command = JSON.stringify(program[at] ?? 'the rest')
  assert.fail(
    `${command} answers\n  ${here[at]}\non Linux, and\n  ${there[at]}\non the simulated kernel`,
  )
}

function explore(programs: fc.Arbitrary<Command[]>, numRuns: number, look: boolean): void {
  const { counterexample, errorInstance } = fc.check(
    fc.property(programs, (program) => same(program, look)),
    { seed, numRuns: Math.ceil(numRuns * times) },
  )
  if (counterexample === null) return
  const text = `KQUEUE_DIFFERENTIAL_SEED=${seed}\n${errorInstance}\n${show(counterexample[0])}`
  throw new Error(text, { cause: errorInstance })
}

describe('Linux and the simulated kernel', () => {
  for (const [what, programs, runs, look] of [
    ['files and directories', filePrograms, 400, true],
    ['pipes and sockets', streamPrograms, 400, true],
    ['pipes and sockets at which nobody looks meanwhile', streamPrograms, 400, false],
    ['changes, good and bad', changePrograms, 400, false],
    ['processes and signals', processPrograms, 12, true],
  ] as const) {
    it(`do the same with ${what}`, (t) => {
      explore(programs, runs, look)
      t.diagnostic(`seed ${seed}: ${Math.ceil(runs * times)} programs`)
    })
  }

  it('differ only where docs/differences.md says so', () => {
    const document = readFileSync(new URL('../../../docs/differences.md', import.meta.url), 'utf8')
    for (const { row } of TABLE) assert.ok(document.includes(`\n| ${row}`), row)
  })
})
