/**
 * The World on a C library that has kqueue() and kevent(): a native kqueue, or libkqueue.
 * `KQUEUE_PEER=/path/to/lib.so npm test` names it. Each scenario runs in a process of its
 * own (peer-run.ts) with a limit on its time.
 */
import { execFile, execFileSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import * as ours from 'kqueue/core'
import { DIFFERENCES, VERSION } from './peer-differences.js'
import type { Report } from './peer-run.js'
import { vocabulary } from './peer-vocabulary.js'
import { type Scenario, scenarios } from './scenario.js'
import type { Capability, World, WorldKind } from './world.js'

const PROGRAM = fileURLToPath(new URL('./peer-run.js', import.meta.url))
const LIMIT_MS = 30_000

/** What every Unix has. */
const CAPABILITIES = new Set<Capability>([
  'fifo',
  'file',
  'socketpair',
  'tcp',
  'unix',
  'udp',
  'pty',
  'poll',
  'tree',
])

/** What the kernel of a BSD tells its own kqueue. */
const TOLD: readonly Capability[] = ['told-of-close', 'told-of-shutdown']

for (const capability of process.platform === 'linux' ? (['eventfd'] as const) : TOLD) {
  CAPABILITIES.add(capability)
}

const FILTERS = new Set(
  Object.keys(vocabulary.filters).map((name) => (ours as unknown as Record<string, number>)[name]),
)

/** How many scenarios the peer answered as the others do, and which differ. */
interface Tally {
  ran: number
  readonly known: Set<string>
  readonly unknown: Set<string>
}

function ask(...args: string[]): Promise<Report> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [PROGRAM, ...args],
      { timeout: LIMIT_MS, killSignal: 'SIGTERM' },
      (error, stdout, stderr) => {
        if (stdout.endsWith('\n')) resolve(JSON.parse(stdout.split('\n').at(-2)!) as Report)
        else if (error?.signal === 'SIGTERM') resolve({ failure: `no end within ${LIMIT_MS} ms` })
        else resolve({ failure: `it ended with ${error?.signal ?? error?.code}: ${stderr}` })
      },
    )
  })
}

/** The peer's version, '' when it does not tell. */
function askVersion(): string {
  const line = execFileSync(process.execPath, [PROGRAM], { encoding: 'utf8' })
  return (JSON.parse(line) as Report).version ?? ''
}

class Peer implements WorldKind {
  readonly name: string
  readonly tally: Tally = { ran: 0, known: new Set(), unknown: new Set() }
  /** Why scenarios are known to fail on this very version, by 'chapter: title'. */
  readonly known: ReadonlyMap<string, string>

  constructor(version: string) {
    this.name = `the peer ${version === '' ? process.platform : version}`
    this.known = version === VERSION ? DIFFERENCES : new Map()
  }

  /** Another process finds the scenario by its chapter and title. */
  async run(use: (world: World) => void): Promise<void> {
    const { chapter, title } = scenarios.find(({ run }) => run === use) as Scenario
    const name = `${chapter}: ${title}`
    const { failure } = await ask(chapter, title)
    this.tally.ran++
    if (failure === null) return
    if (this.known.has(name)) {
      this.tally.known.add(name)
      return
    }
    this.tally.unknown.add(name)
    throw new Error(failure)
  }

  has(capability: Capability): boolean {
    return CAPABILITIES.has(capability)
  }

  supports(filter: number): boolean {
    return FILTERS.has(filter)
  }
}

/** The peer that KQUEUE_PEER names, if it does. */
export const peer = process.env.KQUEUE_PEER ? new Peer(askVersion()) : undefined

/** Says at the end how the peer did, or without one how to name it. */
export function tellOfPeer(): void {
  describe('a peer', () => {
    const skip =
      peer === undefined && 'KQUEUE_PEER=/path/to/lib.so names a C library to run them on'
    it('runs the scenarios', { skip }, (t) => {
      const { known, tally, name } = peer!
      const agreed = tally.ran - tally.known.size - tally.unknown.size
      t.diagnostic(`${name}: ${tally.ran} scenarios, ${agreed} with the same result`)
      t.diagnostic(`${tally.known.size} as on the peer's own list of known differences`)
      for (const title of known.keys()) {
        if (!tally.known.has(title)) t.diagnostic(`no longer a difference: ${title}`)
      }
    })
  })
}
