/** The conditions of processes and signals. */
import assert from 'node:assert/strict'
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { after, describe, test } from 'node:test'
import * as posix from '../native/posix.js'
import { type Event, events, type Running, run, start } from './command.js'

const children: ChildProcessByStdio<Writable, null, null>[] = []
after(() => {
  for (const child of children) child.kill('SIGKILL')
})

/** A shell that begins with its script when it is told to go. */
function shell(script: string) {
  const child = spawn('sh', ['-c', `read go; ${script}`], { stdio: ['pipe', 'ignore', 'ignore'] })
  children.push(child)
  return { pid: child.pid!, child, go: () => child.stdin.end('go\n') }
}

/** A kq that is watching by now: it has told that a pipe is at its end. */
async function watching(args: readonly string[]): Promise<Running> {
  const [r, w] = posix.pipe2(posix.constants.O_CLOEXEC)
  posix.close(w)
  const kq = start([...args, '--read', '3'], { fds: [r] })
  posix.close(r)
  assert.match(await kq.line(), /--read 3/)
  return kq
}

/** The number of a process that has been waited for. */
async function gonePid(): Promise<number> {
  const child = spawn('true', { stdio: 'ignore' })
  await once(child, 'exit')
  return child.pid!
}

/** What a process condition said, without the times. */
function told(stdout: string): Omit<Event, 'time'>[] {
  return events(stdout)
    .filter(({ filter }) => filter === 'EVFILT_PROC')
    .map(({ time: _time, ...rest }) => rest)
}

describe('--exit', { concurrency: 2 }, () => {
  test('tells the status of a process that is no child of kq', async () => {
    const { pid, go } = shell('exit 7')
    const kq = await watching(['wait', '--all', '--json', '--exit', `${pid}`])
    go()
    const { code, stdout } = await kq.ended
    assert.equal(code, 0)
    assert.deepEqual(told(stdout), [
      {
        filter: 'EVFILT_PROC',
        ident: pid,
        flags: ['EV_EOF'],
        fflags: ['NOTE_EXIT'],
        data: 7 << 8,
        source: `--exit ${pid}`,
        code: 7,
        signal: null,
      },
    ])
  })

  test('says it in words', async () => {
    for (const [script, words] of [
      ['exit 7', 'exited with status 7'],
      ['kill -TERM $$', 'was killed by SIGTERM'],
      ['ulimit -c 0; kill -SEGV $$', 'was killed by SIGSEGV'],
      ['kill -40 $$', 'was killed by SIG40'],
    ]) {
      const { pid, go } = shell(script!)
      const kq = await watching(['wait', '--all', '--exit', `${pid}`])
      go()
      const { stdout } = await kq.ended
      assert.match(stdout, new RegExp(`  --exit ${pid}  process ${pid} ${words}\\n$`))
    }
  })

  test('kq watch ends with 0 when the last process is gone', async () => {
    const [first, second] = [shell('exit 1'), shell('exit 2')]
    const kq = await watching([
      'watch',
      '--exit',
      `${first.pid}`,
      '--exit',
      `${second.pid}`,
      '--json',
    ])
    first.go()
    assert.equal(JSON.parse(await kq.line()).ident, first.pid)
    second.go()
    const { code, stdout } = await kq.ended
    assert.equal(code, 0)
    assert.deepEqual(
      told(stdout).map(({ data }) => data >> 8),
      [1, 2],
    )
  })

  test('the same process twice, and as another condition', async () => {
    const { pid, go } = shell('exit 0')
    const twice = ['--exit', `${pid}`, '--exit', `${pid}`, '--track', `${pid}`]
    const kq = await watching(['wait', '--all', '--json', ...twice])
    go()
    const { code, stdout } = await kq.ended
    assert.equal(code, 0)
    assert.equal(told(stdout).length, 3)
  })

  test('names the signal that killed a process', async () => {
    for (const [script, signal] of [
      ['kill -KILL $$', 'SIGKILL'],
      ['kill -40 $$', 'SIG40'],
    ]) {
      const { pid, go } = shell(script!)
      const kq = await watching(['wait', '--all', '--json', '--exit', `${pid}`])
      go()
      const [event] = told((await kq.ended).stdout)
      const { code, signal: by } = event as unknown as { code: null; signal: string }
      assert.deepEqual([code, by], [null, signal])
    }
  })

  test('a process that is gone already: exit 0, and a line that says so', async () => {
    const pid = await gonePid()
    for (const command of ['wait', 'watch']) {
      const { code, stdout, stderr } = await run([command, '--exit', `${pid}`])
      assert.deepEqual([code, stderr], [0, ''])
      assert.match(stdout, new RegExp(`^[^\n]* --exit ${pid}  process ${pid} is gone already\n$`))
    }
    const { stdout } = await run(['wait', '--exit', `${pid}`, '--json'])
    assert.deepEqual(told(stdout), [
      {
        filter: 'EVFILT_PROC',
        ident: pid,
        flags: ['EV_EOF'],
        fflags: ['NOTE_EXIT'],
        data: -1,
        source: `--exit ${pid}`,
        code: null,
        signal: null,
        gone: true,
      },
    ])
  })

  test('several with --all, of which some are gone and one may be named twice', async () => {
    const [gone, other] = [await gonePid(), await gonePid()]
    const { pid, go } = shell('exit 9')
    const pids = [gone, pid, other, gone].flatMap((each) => ['--exit', `${each}`])
    const kq = start(['wait', '--all', '--json', ...pids])
    // Those that are gone are told when all are watched.
    for (let told = 0; told < 3; told++) await kq.line()
    go()
    const { code, stdout } = await kq.ended
    assert.equal(code, 0)
    const endings = told(stdout).map(({ ident, ...rest }) => [
      ident,
      (rest as { code?: number }).code,
    ])
    const byPid = ([a]: unknown[], [b]: unknown[]): number => Number(a) - Number(b)
    assert.deepEqual(
      endings.sort(byPid),
      [
        [gone, null],
        [gone, null],
        [other, null],
        [pid, 9],
      ].sort(byPid),
    )
  })

  test('a process that never was, or of which more is asked: exit 1', async () => {
    const never = await run(['wait', '--exit', `${0x7fffffff}`])
    assert.deepEqual([never.code, never.stdout], [1, ''])
    assert.match(
      never.stderr,
      /^kq: --exit 2147483647: ESRCH: there is no process 2147483647, and never was: [^\n]+\n$/,
    )
    const fork = await run(['wait', '--exec', `${await gonePid()}`])
    assert.deepEqual([fork.code, fork.stdout], [1, ''])
    assert.match(fork.stderr, /ESRCH/)
  })
})

describe('--fork and --exec', { concurrency: 2 }, () => {
  test('tell of a fork', async () => {
    const { pid, go, child } = shell('(exit 3); read more')
    const kq = await watching(['wait', '--all', '--json', '--fork', `${pid}`])
    child.stdin.write('go\n')
    const { code, stdout } = await kq.ended
    assert.equal(code, 0)
    assert.deepEqual(
      told(stdout).map(({ ident, fflags }) => [ident, fflags]),
      [[pid, ['NOTE_FORK']]],
    )
    go()
  })

  test('tell the program that is executed', async () => {
    const { pid, child } = shell('exec cat')
    const kq = await watching(['wait', '--all', '--exec', `${pid}`])
    child.stdin.write('go\n')
    const { code, stdout } = await kq.ended
    assert.equal(code, 0)
    assert.match(stdout, new RegExp(` process ${pid} executed cat\n$`))
    child.stdin.end()
  })

  test('end with the process', async () => {
    const { pid, go } = shell('exit 5')
    const kq = await watching(['watch', '--fork', `${pid}`, '--exec', `${pid}`])
    go()
    const { code, stdout } = await kq.ended
    assert.equal(code, 0)
    assert.equal(stdout.match(/exited with status 5\n/g)?.length, 2)
  })
})

describe('--track', { concurrency: 2 }, () => {
  test('tells of every descendant, until the last has exited', async () => {
    const { pid, go } = shell('(cat /dev/null; exit 3); sh -c "exit 4"; exit 5')
    const kq = await watching(['watch', '--track', `${pid}`, '--json'])
    go()
    const { code, stdout } = await kq.ended
    assert.equal(code, 0)
    const all = told(stdout)
    const born = all.filter(({ fflags }) => fflags.includes('NOTE_CHILD'))
    const [first, second] = born.filter(({ data }) => data === pid)
    const [third] = born.filter(({ data }) => data === first?.ident)
    assert.equal(born.length, 3)
    const exits = all.filter(({ fflags }) => fflags.includes('NOTE_EXIT'))
    assert.deepEqual(
      new Map(exits.map(({ ident, data }) => [ident, data >> 8])),
      new Map([
        [third!.ident, 0],
        [first!.ident, 3],
        [second!.ident, 4],
        [pid, 5],
      ]),
    )
    const executed = all.filter(({ fflags }) => fflags.includes('NOTE_EXEC'))
    assert.deepEqual(
      new Set(executed.map(({ ident }) => ident)),
      new Set([third!.ident, second!.ident]),
    )
    assert.ok(all.every(({ source }) => source === `--track ${pid}`))
  })

  test('goes on when the process itself has gone', async () => {
    const { pid, go } = shell('sh -c "read x; exit 6" < /dev/zero & exit 0')
    const kq = await watching(['watch', '--track', `${pid}`, '--json'])
    go()
    let child = 0
    for (let gone = false; !gone; ) {
      const event = JSON.parse(await kq.line()) as Event
      if (event.fflags.includes('NOTE_CHILD')) child = event.ident
      gone = event.ident === pid && event.flags.includes('EV_EOF')
    }
    process.kill(child, 'SIGTERM')
    const { code, stdout } = await kq.ended
    assert.equal(code, 0)
    const last = told(stdout).at(-1)!
    assert.deepEqual([last.ident, last.data], [child, 15])
  })

  test('kq wait --all is over at the first event, beside others', async () => {
    const { pid, go } = shell('(exit 1); (exit 2); exit 3')
    const kq = await watching(['wait', '--all', '--json', '--track', `${pid}`, '--exit', `${pid}`])
    go()
    const { code, stdout } = await kq.ended
    assert.equal(code, 0)
    assert.deepEqual(
      new Set(told(stdout).map(({ source }) => source)),
      new Set([`--track ${pid}`, `--exit ${pid}`]),
    )
    assert.equal(told(stdout).length, 2)
  })
})

describe('--signal', { concurrency: 2 }, () => {
  for (const [name, sent] of [
    ['USR1', 'SIGUSR1'],
    ['sigterm', 'SIGTERM'],
    ['2', 'SIGINT'],
    ['RTMIN+6', 40],
    ['SIGRTMAX-24', 40],
    ['SIG40', 40],
  ] as const) {
    test(`${name} is told, and does nothing else`, async () => {
      const kq = await watching(['wait', '--all', '--json', '--signal', name])
      process.kill(kq.child.pid!, sent)
      const { code, stdout } = await kq.ended
      assert.equal(code, 0)
      const last = events(stdout).at(-1)!
      assert.deepEqual([last.filter, last.data], ['EVFILT_SIGNAL', 1])
      assert.equal(last.source, `--signal ${name}`)
    })
  }

  test('in words', async () => {
    const kq = await watching(['watch', '--signal', 'USR2'])
    process.kill(kq.child.pid!, 'SIGUSR2')
    for (let line = ''; !line.includes('USR2'); ) line = await kq.line()
    kq.child.kill('SIGTERM')
    const { code, stdout } = await kq.ended
    assert.equal(code, 143)
    assert.match(stdout, / {2}--signal USR2 {2}SIGUSR2 was sent\n/)
  })
})
