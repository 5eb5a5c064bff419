/**
 * Random programs on real Linux and on the simulated kernel, which have to answer the same.
 * `KQUEUE_DIFFERENTIAL_RUNS=N` runs so many programs of each kind, `KQUEUE_DIFFERENTIAL_SEED=N`
 * begins with this seed. A program that shows a difference is printed as short as it gets.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { linux } from '../scenarios/linux.js'
import { sim } from '../scenarios/sim.js'
import { type Command, filePrograms, streamPrograms } from './commands.js'
import { answers } from './program.js'

const { KQUEUE_DIFFERENTIAL_RUNS: runs = '300', KQUEUE_DIFFERENTIAL_SEED: seed } = process.env

function same(program: readonly Command[]): void {
  const [here, there] = [answers(linux, program), answers(sim, program)]
  const at = here.findIndex((answer, i) => answer !== there[i])
  if (at === -1) return
  const command = JSON.stringify(program[at] ?? 'the rest')
  assert.fail(
    `${command} answers\n  ${here[at]}\non Linux, and\n  ${there[at]}\non the simulated kernel`,
  )
}

describe('Linux and the simulated kernel', () => {
  for (const [what, programs] of [
    ['files and directories', filePrograms],
    ['pipes and sockets', streamPrograms],
  ] as const) {
    it(`do the same with ${what}`, () => {
      fc.assert(fc.property(programs, same), {
        numRuns: Number(runs),
        ...(seed !== undefined && { seed: Number(seed) }),
      })
    })
  }
})
