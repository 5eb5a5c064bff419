/** processExit and processTree. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { type ProcessEvent, processExit, processTree } from 'kqueue'
import { lacksForks } from '../native/system.js'
import { spawn } from '../patience.js'
import { descriptors } from './processes.js'
import { cleanUpPuppets, idleStranger, puppet, stranger } from './puppets.js'
import { cleanUp } from './queues.js'

cleanUp()
cleanUpPuppets()

describe('processExit', () => {
  it('tells the code of a process that we did not start', async () => {
    const { pid, go } = idleStranger('exit 7')
    const exit = processExit(pid)
    go()
    assert.deepEqual(await exit, { pid, status: 7 << 8, code: 7, signal: null })
  })

  it('tells the signal, by name or by number', async () => {
    for (const [number, signal] of [
      [15, 'SIGTERM'],
      [9, 'SIGKILL'],
      [40, 'SIG40'],
    ] as const) {
      const pid = stranger('exec sleep 100')
      const exit = processExit(pid)
      process.kill(pid, number)
      assert.deepEqual(await exit, { pid, status: number, code: null, signal })
    }
  })

  it('gives up with the reason of a signal, and leaves nothing behind', async () => {
    const { pid } = puppet()
    const before = descriptors()
    const reason = new Error('enough')
    const controller = new AbortController()
    const exit = processExit(pid, { signal: controller.signal })
    assert.equal(descriptors(), before + 2, 'a queue and a pidfd')
    controller.abort(reason)
    await assert.rejects(exit, reason)
    await assert.rejects(processExit(pid, { signal: AbortSignal.abort(reason) }), reason)
    assert.ok(descriptors() <= before)
  })

  it('rejects what is no process', async () => {
    await assert.rejects(processExit(0), { code: 'ESRCH' })
    await assert.rejects(processExit(0x7fffffff), { code: 'ESRCH' })
    await assert.rejects(processExit(1.5), { code: 'EINVAL' })
    await assert.rejects(processExit('1' as unknown as number), { code: 'ERR_INVALID_ARG_TYPE' })
    await assert.rejects(processExit(1, { signal: 1 as unknown as AbortSignal }), {
      code: 'ERR_INVALID_ARG_TYPE',
    })
  })
})

describe('processTree', { skip: lacksForks }, () => {
  it('follows the descendants that there are, each once, if that is wanted', async () => {
    const script =
      'sh -c "sh -c \'read x <&3; exit 5\'; exit 4" & echo up; read go; sh -c "exit 3"; wait'
    const child = spawn('sh', ['-c', script], { stdio: ['pipe', 'pipe', 'ignore', 'pipe'] })
    const tree = processTree(child.pid!, { descendants: true })
    const [input, inner] = [child.stdin!, child.stdio[3] as NodeJS.WritableStream]
    await once(child.stdout!, 'data')
    const events: ProcessEvent[] = []
    const next = async () => {
      const { value } = await tree.next()
      if (value) events.push(value)
      return value !== undefined
    }
    await next()
    inner.write('go\n')
    input.write('go\n')
    while (await next());
    const born = events.filter(({ type }) => type === 'fork').map(({ pid }) => pid)
    assert.equal(new Set(born).size, 3)
    assert.equal(born.length, 3)
    const ends = events.flatMap((event) => (event.type === 'exit' ? [event.code] : []))
    assert.deepEqual(ends.sort(), [0, 3, 4, 5])
    assert.ok(events.some((event) => event.type === 'fork' && event.existing))
    const wrong = { descendants: 1 as unknown as boolean }
    await assert.rejects(processTree(1, wrong).next(), { code: 'ERR_INVALID_ARG_TYPE' })
  })

  it('tells what a process and its descendants do, until the last has exited', async () => {
    const before = descriptors()
    const child = spawn('sh', ['-c', 'read x; (sh -c "exit 3"; exit 4) & wait; exit 5'], {
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    const events: ProcessEvent[] = []
    const tree = processTree(child.pid!)
    const first = tree.next()
    child.stdin.end('go\n')
    events.push((await first).value as ProcessEvent)
    for await (const event of tree) events.push(event)
    const [fork, deeper] = events.filter(({ type }) => type === 'fork')
    const parents = [fork, deeper].map((event) => event?.type === 'fork' && event.parent)
    assert.deepEqual(parents, [child.pid, fork!.pid])
    const execs = events.filter((event) => event.type === 'exec')
    assert.deepEqual(
      execs.map(({ pid }) => pid),
      [deeper!.pid],
    )
    assert.match(execs[0]!.name, /^(sh|)$/)
    const exits = events.flatMap((event) =>
      event.type === 'exit' ? [[event.pid, event.code]] : [],
    )
    assert.deepEqual(
      new Map(exits as [number, number][]),
      new Map([
        [deeper!.pid, 3],
        [fork!.pid, 4],
        [child.pid!, 5],
      ]),
    )
    assert.equal(events.length, 6)
    await new Promise((resolve) => child.once('close', resolve))
    assert.ok(descriptors() <= before)
  })

  it('tells each exec, what runs now, and when everything happened', async () => {
    const script = 'read x; exec sh -c "exec env cat"'
    // Without what sanitizers preload, which makes processes of its own.
    const child = spawn('sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'], env: {} })
    const begin = performance.now()
    const tree = processTree(child.pid!)
    const first = tree.next()
    child.stdin.write('go\n')
    const events = [(await first).value as ProcessEvent]
    for await (const event of tree) {
      events.push(event)
      // cat waits for its end.
      if (events.length === 3) child.stdin.end()
    }
    assert.deepEqual(
      events.map(({ type }) => type),
      ['exec', 'exec', 'exec', 'exit'],
    )
    const cat = events[2]!
    assert.ok(cat.type === 'exec' && cat.name === 'cat')
    assert.deepEqual(cat.argv, ['cat'])
    const times = events.map(({ time }) => time)
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    )
    assert.ok(times[0]! > begin && times.at(-1)! < performance.now())
  })

  it('tells command lines: empty words, no UTF-8, and of a long one the beginning', async () => {
    // What is executed waits for its end, and so can be asked.
    const script = `read x
      sh -c 'read x' '' 'a b' "$(printf '\\377')"
      sh -c 'read x' "$(printf '%5000s' x)"`
    const child = spawn('sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'] })
    const lines: (readonly string[] | null)[] = []
    const tree = processTree(child.pid!)
    const first = tree.next()
    child.stdin.write('go\n')
    const told = async function* () {
      yield (await first).value as ProcessEvent
      yield* tree
    }
    for await (const event of told()) {
      if (event.type !== 'exec' || event.name !== 'sh') continue
      lines.push(event.argv)
      child.stdin.write('on\n')
    }
    assert.deepEqual(lines, [
      ['sh', '-c', 'read x', '', 'a b', '\ufffd'],
      ['sh', '-c', 'read x', `${' '.repeat(4096 - 'sh -c read x '.length)}…`],
    ])
  })

  it('announces each process before anything else is told of it', async () => {
    const loop = 'i=0; while [ $i -lt 50 ]; do /bin/true & i=$((i+1)); done; wait'
    const { pid, go } = idleStranger(loop)
    const known = new Set([pid])
    const gone = new Set<number>()
    const tree = processTree(pid)
    const first = tree.next()
    go()
    const told = async function* () {
      yield (await first).value as ProcessEvent
      yield* tree
    }
    for await (const event of told()) {
      if (event.type === 'fork') known.add(event.pid)
      assert.ok(known.has(event.pid) && !gone.has(event.pid))
      if (event.type === 'exit') gone.add(event.pid)
    }
    assert.deepEqual(gone, known)
    assert.equal(gone.size, 51, 'the shell and 50')
  })

  it('ends when it is left, and when it is aborted', async () => {
    const parent = puppet()
    const before = descriptors()
    const left = processTree(parent.pid)
    const first = left.next()
    parent.fork()
    assert.equal((await first).value?.type, 'fork')
    await left.return()
    assert.ok(descriptors() <= before)
    const reason = new Error('enough')
    const controller = new AbortController()
    const aborted = processTree(parent.pid, { signal: controller.signal }).next()
    controller.abort(reason)
    await assert.rejects(aborted, reason)
    assert.ok(descriptors() <= before)
  })

  it('rejects what is no process', async () => {
    await assert.rejects(processTree(0).next(), { code: 'ESRCH' })
  })
})
