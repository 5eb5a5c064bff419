/**
 * Runs every scenario in every World that there is, each in a fresh one, and
 * checks that `coverage.md` names scenarios that exist.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import './registering.js'
import './failing-changes.js'
import './flags.js'
import './scanning.js'
import './waiting.js'
import './closing.js'
import './closing-kinds.js'
import './read.js'
import './read-sockets.js'
import './read-files.js'
import './write.js'
import './write-sockets.js'
import './user.js'
import './timer.js'
import './timer-units.js'
import './timer-changes.js'
import './nested.js'
import './added-filters.js'
import './reentrancy.js'
import { linux } from './linux.js'
import { type Scenario, scenarios } from './scenario.js'
import type { WorldKind } from './world.js'

const worlds: readonly WorldKind[] = process.platform === 'linux' ? [linux] : []

/** What a World lacks for a scenario, or nothing. */
function lacking(world: WorldKind, scenario: Scenario): string | false {
  const missing = [
    ...scenario.needs.filter((capability) => !world.has(capability)),
    ...scenario.filters.filter((f) => !world.supports(f)).map((f) => `filter ${f}`),
  ]
  return missing.length > 0 && `${world.name} lacks ${missing.join(', ')}`
}

const chapters = [...new Set(scenarios.map(({ chapter }) => chapter))]

for (const world of worlds) {
  describe(`scenarios on ${world.name}`, () => {
    for (const chapter of chapters) {
      describe(chapter, () => {
        for (const scenario of scenarios.filter((s) => s.chapter === chapter)) {
          it(scenario.title, { skip: lacking(world, scenario) }, () => world.run(scenario.run))
        }
      })
    }
  })
}

describe('coverage.md', () => {
  const root = dirname(createRequire(import.meta.url).resolve('kqueue/package.json'))
  const text = readFileSync(join(root, 'test/scenarios/coverage.md'), 'utf8')
  const told = new Set(scenarios.map(({ chapter, title }) => `${chapter}: ${title}`))

  it('names scenarios that exist', () => {
    const rows = text.split('\n').filter((line) => line.startsWith('| '))
    const names = rows
      .flatMap((row) => row.split('|').at(-2)!.trim().split('<br>'))
      .filter((name) => chapters.some((chapter) => name.startsWith(`${chapter}: `)))
    assert.ok(names.length > 100)
    assert.deepEqual(
      names.filter((name) => !told.has(name)),
      [],
    )
  })
})
