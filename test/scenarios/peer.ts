/**
 * The Worlds of peers: a C library that has kqueue() and kevent(), the package's system for a
 * kernel's own kqueue on that library, and that system on a kernel that has one.
 * `KQUEUE_PEER=/path/to/lib.so npm test` names a library. Each scenario runs in a process of its
 * own (peer-run.ts) with a limit on its time.
 */
import { execFile, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import * as ours from 'kqueue/core'
import { VOCABULARIES } from '#bsd/vocabularies.js'
import { compile } from '../bsd/addon.js'
import { DIFFERENCES, OF_THE_SYSTEM, VERSION } from './peer-differences.js'
import type { Way } from './peer-queues.js'
import type { Report } from './peer-run.js'
import { libkqueue, vocabulary } from './peer-vocabulary.js'
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
  'accept-queue',
])

/** What the kernel of a BSD tells its own kqueue. */
const TOLD: readonly Capability[] = ['told-of-close', 'told-of-shutdown']

for (const capability of process.platform === 'linux' ? (['eventfd'] as const) : TOLD) {
  CAPABILITIES.add(capability)
}

/** How many scenarios a peer answered as the others do, and which differ. */
interface Tally {
  ran: number
  readonly known: Set<string>
  readonly unknown: Set<string>
}

type Environment = Readonly<Record<string, string>>

function ask(environment: Environment, ...args: string[]): Promise<Report> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [PROGRAM, ...args],
      { timeout: LIMIT_MS, killSignal: 'SIGTERM', env: { ...process.env, ...environment } },
      (error, stdout, stderr) => {
        if (stdout.endsWith('\n')) resolve(JSON.parse(stdout.split('\n').at(-2)!) as Report)
        else if (error?.signal === 'SIGTERM') resolve({ failure: `no end within ${LIMIT_MS} ms` })
        else resolve({ failure: `it ended with ${error?.signal ?? error?.code}: ${stderr}` })
      },
    )
  })
}

/** The version of the library that KQUEUE_PEER names, '' when it does not tell. */
function askVersion(): string {
  const line = execFileSync(process.execPath, [PROGRAM], { encoding: 'utf8' })
  return (JSON.parse(line) as Report).version ?? ''
}

class Peer implements WorldKind {
  readonly tally: Tally = { ran: 0, known: new Set(), unknown: new Set() }
  readonly #filters: ReadonlySet<number | undefined>
  readonly #environment: Environment

  /** @param known why scenarios are known to fail on this very version, by 'chapter: title' */
  constructor(
    readonly name: string,
    way: Way,
    filters: object,
    readonly known: ReadonlyMap<string, string>,
    environment: Environment = {},
  ) {
    const numbers = ours as unknown as Record<string, number>
    this.#filters = new Set(Object.keys(filters).map((filter) => numbers[filter]))
    this.#environment = { ...environment, KQUEUE_WAY: way }
  }

  /** Another process finds the scenario by its chapter and title. */
  async run(use: (world: World) => void): Promise<void> {
    const { chapter, title } = scenarios.find(({ run }) => run === use) as Scenario
    const name = `${chapter}: ${title}`
    const { failure } = await ask(this.#environment, chapter, title)
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
    return this.#filters.has(filter)
  }
}

/** Where the headers of a library are: beside it, where Debian has them, or KQUEUE_PEER_HEADERS. */
function headersOf(library: string): string {
  const places = [
    process.env.KQUEUE_PEER_HEADERS,
    join(dirname(library), 'include'),
    '/usr/include/kqueue',
  ]
  const found = places.find((place) => place && existsSync(join(place, 'sys/event.h')))
  if (found === undefined) throw new Error('KQUEUE_PEER_HEADERS names no sys/event.h')
  return found
}

function* findPeers(): Iterable<Peer> {
  const library = process.env.KQUEUE_PEER
  if (library) {
    const version = askVersion()
    const known = version === VERSION ? DIFFERENCES : new Map()
    const name = version === '' ? process.platform : version
    yield new Peer(`the peer ${name}`, 'library', vocabulary.filters, known)
    if (process.platform !== 'linux') return
    const link = [library, `-Wl,-rpath,${dirname(library)}`]
    const addon = compile({ name: 'peer', include: headersOf(library), link })
    const also = version === VERSION ? new Map([...DIFFERENCES, ...OF_THE_SYSTEM]) : new Map()
    yield new Peer(`the native system on ${name}`, 'system', libkqueue.filters, also, {
      KQUEUE_ADDON: addon,
    })
  }
  const own = VOCABULARIES.get(process.platform)
  if (own === undefined) return
  yield new Peer(`the kernel of ${own.system}`, 'package', own.filters, new Map())
}

/** The peers that there are here. */
export const peers: readonly Peer[] = [...findPeers()]

/** Says at the end how the peers did, or without one how to name it. */
export function tellOfPeers(): void {
  describe('a peer', () => {
    const skip =
      peers.length === 0 && 'KQUEUE_PEER=/path/to/lib.so names a C library to run them on'
    it('runs the scenarios', { skip }, (t) => {
      for (const { known, tally, name } of peers) {
        const agreed = tally.ran - tally.known.size - tally.unknown.size
        t.diagnostic(`${name}: ${tally.ran} scenarios, ${agreed} with the same result`)
        t.diagnostic(`${tally.known.size} as on the peer's own list of known differences`)
        for (const title of known.keys()) {
          if (!tally.known.has(title)) t.diagnostic(`no longer a difference: ${title}`)
        }
      }
    })
  })
}
