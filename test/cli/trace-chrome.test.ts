/** `kq trace --chrome`: read by the trace engine of Chromium's developer tools. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import { chromeTrace } from '#cli/trace/chrome.js'
import { Directory, run } from './command.js'
import { many, Past } from './histories.js'

const directory = new Directory()
after(() => directory.remove())

interface TraceEvent {
  readonly ph: string
  readonly name: string
  readonly pid: number
  readonly tid: number
  readonly ts: number
  readonly dur?: number
  readonly id?: number
  readonly args: {
    readonly name?: string
    readonly command?: string
    readonly parent?: number | null
    readonly ending?: string
    readonly code?: number
    readonly processes?: number
  }
}

/** What the engine makes of a trace. */
interface Engine {
  TraceModel: {
    Model: { createWithAllHandlers(): Model }
  }
}
interface Model {
  parse(events: readonly TraceEvent[], options: object): Promise<void>
  parsedTrace(): { traceEvents: readonly TraceEvent[]; data: Data } | null
}
interface Data {
  readonly Meta: {
    readonly traceBounds: { readonly min: number; readonly max: number }
    readonly processNames: ReadonlyMap<number, TraceEvent>
  }
}

async function read(text: string) {
  const { TraceModel } = (await import('@paulirish/trace_engine')) as unknown as Engine
  const { traceEvents } = JSON.parse(text) as { traceEvents: TraceEvent[] }
  const model = TraceModel.Model.createWithAllHandlers()
  await model.parse(traceEvents, { metadata: {}, isCPUProfile: false })
  const parsed = model.parsedTrace()
  assert.ok(parsed !== null)
  return { traceEvents, ...parsed.data.Meta }
}

function slices(events: readonly TraceEvent[]): TraceEvent[] {
  return events.filter(({ ph }) => ph === 'X')
}

describe('the Trace Event Format', () => {
  test('has a track and a slice for each process, with its name and its times', async () => {
    const { history } = new Past(['make', '-j2'])
      .run(2, ['cc', 'a.c'], 10, 30)
      .run(3, ['cc', 'b.c'], 20, 50, 256)
      .run(4, ['cc', 'c.c'], 60, 70, 9)
      .exit(1, 512, 100)
    const { traceEvents, traceBounds, processNames } = await read(chromeTrace(history))
    const names = [...processNames].map(([pid, { args }]) => [pid, args.name])
    assert.deepEqual(names, [
      [1, 'make 1'],
      [2, 'cc 2'],
      [3, 'cc 3'],
      [4, 'cc 4'],
    ])
    assert.equal(traceBounds.max - traceBounds.min, 100_000)
    const told = slices(traceEvents).map(({ pid, ts, dur, args }) => {
      return [pid, ts - traceBounds.min, dur, args.command, args.parent, args.ending]
    })
    assert.deepEqual(told, [
      [1, 0, 100_000, 'make -j2', null, 'exit 2'],
      [2, 10_000, 20_000, 'cc a.c', 1, 'ok'],
      [3, 20_000, 30_000, 'cc b.c', 1, 'exit 1'],
      [4, 60_000, 10_000, 'cc c.c', 1, 'SIGKILL'],
    ])
    const counts = traceEvents.filter(({ ph }) => ph === 'C')
    assert.equal(Math.max(...counts.map(({ args }) => args.processes!)), 3)
  })

  test('keeps a number that is used again apart', async () => {
    const past = new Past(['sh']).run(2, ['a'], 1, 2).run(2, ['b'], 3, 4)
    const { processNames } = await read(chromeTrace(past.history))
    assert.deepEqual(
      [...processNames.values()].map(({ args }) => args.name),
      ['sh 1', 'a 2', 'b 2'],
    )
  })

  test('of 5000 processes is read, each with an arrow from its parent', async () => {
    const history = many(5000)
    const { traceEvents, processNames } = await read(chromeTrace(history))
    assert.equal(processNames.size, history.processes.length)
    for (const ph of ['s', 'f']) {
      const arrows = traceEvents.filter((event) => event.ph === ph)
      assert.equal(new Set(arrows.map(({ id }) => id)).size, history.processes.length - 1)
    }
  })

  test('is written for a command, whatever its words are', async () => {
    const file = directory.join('trace.json')
    const words = [
      'trace',
      '--quiet',
      '--chrome',
      file,
      'sh',
      '-c',
      'cat /dev/null; exit 3',
      '"\n\\',
    ]
    assert.equal((await run(words)).code, 3)
    const { traceEvents } = await read(readFileSync(file, 'utf8'))
    const [root, child] = slices(traceEvents)
    assert.deepEqual(root!.args.code, 3)
    assert.equal(child!.args.parent, root!.pid)
    assert.ok(Math.abs(root!.ts / 1e3 - Date.now()) < 600_000)
  })
})
