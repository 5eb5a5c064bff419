/**
 * The program that runs one scenario on the peer, or says which library that is:
 *
 *     KQUEUE_PEER=/path/to/lib.so KQUEUE_WAY=library node peer-run.js CHAPTER TITLE
 *     KQUEUE_PEER=/path/to/lib.so node peer-run.js
 *
 * It prints one line of JSON, a `Report`, and ends; a library that crashes or hangs takes
 * nothing else with it.
 */
import { readFileSync, writeSync } from 'node:fs'
import { PeerLibrary } from './peer-library.js'
import { makerOf, type Way } from './peer-queues.js'
import { PeerWorld } from './peer-world.js'
import { scenarios } from './scenario.js'

export interface Report {
  /** The library, where it can tell. */
  version?: string
  /** Why the scenario failed; null when it did not. */
  failure?: string | null
}

/** Imports the chapters: they are what the test imports for its effect alone. */
async function importChapters(): Promise<void> {
  const test = readFileSync(new URL('./scenarios.test.js', import.meta.url), 'utf8')
  for (const [, chapter] of test.matchAll(/^import '(\.\/[\w-]+\.js)';?$/gm)) await import(chapter!)
}

async function runScenario(chapter: string, title: string): Promise<Report> {
  await importChapters()
  const scenario = scenarios.find((s) => s.chapter === chapter && s.title === title)
  if (scenario === undefined) return { failure: `there is no scenario '${chapter}: ${title}'` }
  const world = new PeerWorld(makerOf(process.env.KQUEUE_WAY as Way))
  try {
    scenario.run(world)
    return { failure: null }
  } catch (error) {
    return { failure: error instanceof Error ? error.stack! : String(error) }
  } finally {
    world.dispose()
  }
}

const [chapter, title] = process.argv.slice(2)
const report: Report =
  chapter === undefined || title === undefined
    ? { version: new PeerLibrary(process.env.KQUEUE_PEER!).version() ?? '' }
    : await runScenario(chapter, title)
writeSync(1, `${JSON.stringify(report)}\n`)
process.exit()
