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
import './drained.js'
import './write.js'
import './write-sockets.js'
import './user.js'
import './timer.js'
import './timer-units.js'
import './timer-changes.js'
import './nested.js'
import './added-filters.js'
import './reentrancy.js'
import './proc.js'
import './proc-track.js'
import './procdesc.js'
import './signal.js'
import './empty.js'
import './except.js'
import './fork.js'
import './fork-filters.js'
import './images.js'
import './trusting.js'
import './vnode.js'
import './vnode-directories.js'
import './fs.js'
import './netdev.js'
import './aio.js'
import { peers, tellOfPeers } from './peer.js'
import { pendingFilters, type Scenario, scenarios } from './scenario.js'
import { sim } from './sim.js'
import type { Capability, WorldKind } from './world.js'

/** Its calls are of an addon that is made for Linux only. */
const linux: WorldKind | undefined =
  process.platform === 'linux' ? (await import('./linux.js')).linux : undefined

const worlds: readonly WorldKind[] = [...(linux === undefined ? [] : [linux]), sim, ...peers]

/** Why a World does not run a scenario: a filter that is pending there, or what it cannot do. */
function lacking(world: WorldKind, scenario: Scenario): string | false {
  const pending = pendingFilters(world, scenario)
  if (pending.length > 0) return `pending: ${pending.join(', ')}`
  const missing = scenario.needs.filter((capability) => !world.has(capability))
  return missing.length > 0 && `${world.name} lacks ${missing.join(', ')}`
}

const chapters = [...new Set(scenarios.map(({ chapter }) => chapter))]

/** Counts the scenarios that wait for a filter, by its name: 'EVFILT_PROC: 12'. */
function countPending(world: WorldKind): string[] {
  const counts = new Map<string, number>()
  for (const scenario of scenarios) {
    for (const name of pendingFilters(world, scenario)) {
      counts.set(name, (counts.get(name) ?? 0) + 1)
    }
  }
  return [...counts].map(([name, count]) => `${name}: ${count}`)
}

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

tellOfPeers()

describe('pending', () => {
  for (const world of worlds) {
    it(`on ${world.name}`, (t) => {
      const pending = countPending(world)
      t.diagnostic(`${world.name}: ${pending.length === 0 ? 'nothing' : pending.join(', ')}`)
    })
  }
})

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

  it('names those of fork that Linux cannot express', { skip: linux === undefined }, () => {
    const { has, varies } = linux!
    const never = (capability: Capability) => !has(capability) && !varies!(capability)
    const forks = scenarios.filter((s) => s.needs.includes('fork') && s.needs.some(never))
    const rows = text.slice(text.indexOf('## Fork, what Linux cannot express'))
    assert.deepEqual(
      forks.map((s) => `${s.chapter}: ${s.title}`).sort(),
      [...told].filter((name) => rows.includes(name)).sort(),
    )
  })
})
