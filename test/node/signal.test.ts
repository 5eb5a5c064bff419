/** EVFILT_SIGNAL: which signals are counted, how exactly, and in which ways to wait. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { EV_DELETE, EV_DISABLE, EV_ENABLE, EV_SET, EVFILT_SIGNAL, EVFILT_TIMER } from 'kqueue'
import * as posix from '../native/posix.js'
import { spawn, until } from '../patience.js'
import type { Cases as Scarce } from '../programs/scarce.js'
import type { Cases as Signals } from '../programs/signals.js'
import { casesOf, program, run } from './processes.js'
import { cleanUp, LONG, queue, timer } from './queues.js'
import {
  blocks,
  counts,
  listen,
  masks,
  openOnce,
  SIGNALS,
  SIGRTMAX,
  SIGRTMIN,
  signal,
  tasks,
  total,
} from './signals.js'

before(openOnce)
cleanUp()

const scarce = casesOf<Scarce>('scarce')
const signals = casesOf<Signals>('signals')

const { SIGUSR1, SIGPWR, SIGPIPE, SIGCHLD, SIGTERM, SIGINT, SIGWINCH } = SIGNALS
const { SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP } = SIGNALS
const ALL = Array.from({ length: SIGRTMAX }, (_, i) => i + 1)
/** Kept by the C library. */
const INTERNAL = ALL.filter((n) => n > 31 && n < SIGRTMIN)
const REFUSED: readonly number[] = [
  ...[SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP],
  ...INTERNAL,
]
/** For which Node.js has handlers that do more than end the process. */
const HANDLED = Object.entries(SIGNALS)
  .filter(([name]) => name === 'SIGUSR1' || process.listenerCount(name) > 0)
  .map(([, number]) => number)

describe('A signal', () => {
  for (const number of ALL.filter((n) => !REFUSED.includes(n) && !HANDLED.includes(n))) {
    it(`${number} is counted`, () => {
      const kq = queue()
      kq.kevent([signal(number)])
      for (let i = 0; i < 3; i++) posix.raise(number)
      posix.tgkill(number)
      assert.deepEqual(counts(kq.kevent([], 8, LONG)), [[number, 4]])
      assert.deepEqual(kq.kevent([], 8, 0), [])
    })
  }

  for (const number of [...REFUSED, 0, -1, 65, 128, 2 ** 31, 2 ** 32 + 10]) {
    it(`${number} is refused`, () => {
      const before = masks()
      assert.throws(() => queue().kevent([signal(number)]), { code: 'EINVAL', message: /signal/ })
      assert.deepEqual(masks(), before)
    })
  }

  it('that the C library or the processor raises is refused with the reason', () => {
    const kq = queue()
    assert.throws(() => kq.kevent([signal(32)]), /C library/)
    assert.throws(() => kq.kevent([signal(SIGSEGV)]), /instruction/)
  })

  it('that is ignored is counted, and does nothing else', () => {
    const kq = queue()
    kq.kevent([signal(SIGPIPE)])
    const [r, w] = posix.pipe2()
    posix.close(r)
    for (let i = 0; i < 3; i++) assert.throws(() => posix.write(w, 'x'), { code: 'EPIPE' })
    posix.close(w)
    assert.deepEqual(counts(kq.kevent([], 8, LONG)), [[SIGPIPE, 3]])
  })

  it('sent while its knote is disabled is counted', () => {
    const kq = queue()
    kq.kevent([signal(SIGPWR, EV_DISABLE)])
    posix.raise(SIGPWR)
    assert.deepEqual(kq.kevent([], 8, 0), [])
    assert.deepEqual(counts(kq.kevent([EV_SET(SIGPWR, EVFILT_SIGNAL, EV_ENABLE)], 8, LONG)), [
      [SIGPWR, 1],
    ])
  })

  it('is counted for each queue since that queue was told', () => {
    const [first, second] = [queue(), queue()]
    first.kevent([signal(SIGPWR)])
    posix.raise(SIGPWR)
    second.kevent([signal(SIGPWR)])
    posix.raise(SIGPWR)
    assert.deepEqual(counts(first.kevent([], 8, LONG)), [[SIGPWR, 2]])
    posix.raise(SIGPWR)
    assert.deepEqual(counts(second.kevent([], 8, LONG)), [[SIGPWR, 2]])
    assert.deepEqual(counts(first.kevent([], 8, LONG)), [[SIGPWR, 1]])
    first.close()
    posix.raise(SIGPWR)
    assert.deepEqual(counts(second.kevent([], 8, LONG)), [[SIGPWR, 1]])
  })

  it('that is blocked is counted when it is unblocked', () => {
    const kq = queue()
    kq.kevent([signal(SIGRTMIN)])
    posix.sigmask(SIGRTMIN, 'block')
    for (let i = 0; i < 5; i++) posix.tgkill(SIGRTMIN)
    assert.deepEqual(kq.kevent([], 8, 0), [])
    posix.sigmask(SIGRTMIN, 'unblock')
    assert.deepEqual(counts(kq.kevent([], 8, LONG)), [[SIGRTMIN, 5]])
  })
})

describe('Ten thousand real-time signals', () => {
  const TIMES = 10_000
  const NUMBER = SIGRTMIN + 5
  const send = (times = TIMES) =>
    spawn(process.execPath, program(signals('queues', process.pid, NUMBER, times)), {
      stdio: 'inherit',
    })

  it('queued by another process are counted exactly in blocking calls', async () => {
    const kq = queue()
    kq.kevent([signal(NUMBER)])
    const sender = send()
    assert.equal(total(kq, TIMES), TIMES)
    await once(sender, 'exit')
    assert.deepEqual(kq.kevent([], 8, 0), [])
  })

  it('queued by four processes at once are counted exactly in wait', async () => {
    const kq = queue()
    kq.kevent([signal(NUMBER)])
    const senders = [1, 2, 3, 4].map(() => once(send(), 'exit'))
    let sum = 0
    while (sum < 4 * TIMES) {
      const events = await kq.wait({ timeout: LONG })
      assert.notEqual(events.length, 0)
      for (const { data } of events) sum += data
    }
    await Promise.all(senders)
    assert.equal(sum, 4 * TIMES)
    assert.deepEqual(await kq.wait({ timeout: 0 }), [])
  })

  it('queued while nobody looks are one event', async () => {
    const kq = queue()
    kq.kevent([signal(NUMBER)])
    const sent = posix.sigqueue(process.pid, NUMBER, TIMES)
    assert.equal(sent, TIMES)
    assert.deepEqual(counts(kq.kevent([], 8, LONG)), [[NUMBER, TIMES]])
  })

  it('raised by eight threads for themselves are counted exactly', () => {
    const kq = queue()
    kq.kevent([signal(NUMBER)])
    posix.storm(NUMBER, 8, TIMES)
    assert.equal(total(kq, 8 * TIMES), 8 * TIMES)
    posix.calm()
    assert.deepEqual(kq.kevent([], 8, 0), [])
  })
})

describe('A signal directed at a thread', () => {
  it('is counted, whichever thread of the process it is', async () => {
    // Starts the threads of the pool.
    await Promise.all(Array.from({ length: 8 }, () => stat('/')))
    const kq = queue()
    kq.kevent([signal(SIGRTMIN + 1)])
    const threads = tasks().filter((tid) => !blocks(tid, SIGRTMIN + 1))
    assert.ok(threads.length > 4, `${threads.length} threads`)
    for (const tid of threads) posix.tgkill(SIGRTMIN + 1, tid)
    assert.equal(total(kq, threads.length), threads.length)
  })
})

describe('Waiting for a signal', () => {
  const exits: Promise<unknown>[] = []
  // Each is a SIGCHLD.
  after(() => Promise.all(exits))

  const sendSoon = (number: number): number => {
    const [r, w] = posix.pipe2()
    const words = program(signals('sends when told', process.pid, number))
    const child = spawn(process.execPath, words, { stdio: [r, 'inherit', 'inherit'] })
    exits.push(once(child, 'exit'))
    posix.close(r)
    return w
  }
  const begin = (w: number): void => {
    posix.write(w, 'x')
    posix.close(w)
  }

  it('ends a blocking kevent with the event', () => {
    const kq = queue()
    kq.kevent([signal(SIGPWR)])
    begin(sendSoon(SIGPWR))
    assert.deepEqual(counts(kq.kevent([], 8)), [[SIGPWR, 1]])
  })

  it('ends a blocking kevent with the event and not EINTR when there is a listener too', async () => {
    const kq = queue()
    const heard = listen('SIGPWR')
    kq.kevent([signal(SIGPWR)])
    begin(sendSoon(SIGPWR))
    assert.deepEqual(counts(kq.kevent([], 8)), [[SIGPWR, 1]])
    await heard
  })

  it('is EINTR for a queue that does not watch it', async () => {
    const [kq, other] = [queue(), queue()]
    const heard = listen('SIGPWR')
    kq.kevent([signal(SIGPWR)])
    begin(sendSoon(SIGPWR))
    assert.throws(() => other.kevent([], 1), { code: 'EINTR' })
    assert.deepEqual(counts(kq.kevent([], 8, 0)), [[SIGPWR, 1]])
    await heard
  })

  it('goes on when nobody listens and another queue watches it', () => {
    const [kq, other] = [queue(), queue()]
    kq.kevent([signal(SIGNALS.SIGALRM)])
    other.kevent([timer(1, 30)])
    posix.alarm(10)
    assert.deepEqual(
      other.kevent([], 1).map(({ filter }) => filter),
      [EVFILT_TIMER],
    )
    assert.deepEqual(counts(kq.kevent([], 8, 0)), [[SIGNALS.SIGALRM, 1]])
  })

  it('with wait resolves', async () => {
    const kq = queue()
    const waiting = kq.wait({ changelist: [signal(SIGTERM), signal(SIGINT)] })
    begin(sendSoon(SIGTERM))
    assert.deepEqual(counts(await waiting), [[SIGTERM, 1]])
  })

  it('by iteration goes on and on', async () => {
    const kq = queue()
    kq.kevent([signal(SIGWINCH)])
    let sum = 0
    posix.raise(SIGWINCH)
    for await (const { ident, data } of kq) {
      assert.equal(ident, SIGWINCH)
      sum += data
      if (sum === 5) break
      setImmediate(() => posix.raise(SIGWINCH))
    }
  })

  it('makes the descriptor of the queue readable', () => {
    const kq = queue()
    const { fd } = kq
    kq.kevent([signal(SIGPWR)])
    assert.equal(posix.poll(fd, posix.constants.POLLIN), 0)
    posix.raise(SIGPWR)
    assert.equal(posix.poll(fd, posix.constants.POLLIN, LONG), posix.constants.POLLIN)
    assert.equal(total(kq, 1), 1)
  })
})

describe('SIGCHLD', () => {
  it('is counted while child_process works as ever', async () => {
    const kq = queue()
    kq.kevent([signal(SIGCHLD)])
    let sum = 0
    for (let i = 0; i < 10; i++) {
      const child = spawn('sh', ['-c', `exit ${i}`])
      const [[code], events] = await Promise.all([once(child, 'exit'), kq.wait()])
      assert.equal(code, i)
      for (const { data } of events) sum += data
    }
    assert.equal(sum, 10)
    for (let i = 0; i < 3; i++) {
      assert.equal(spawnSync('sh', ['-c', 'exit 7']).status, 7)
      assert.deepEqual(counts(kq.kevent([], 8, LONG)), [[SIGCHLD, 1]])
    }
    kq.kevent([EV_SET(SIGCHLD, EVFILT_SIGNAL, EV_DELETE)])
    const [code] = (await once(spawn('sh', ['-c', 'exit 3']), 'exit')) as [number]
    assert.equal(code, 3)
  })

  it('is not counted for what it takes to watch other signals', () => {
    const kq = queue()
    kq.kevent([signal(SIGCHLD)])
    kq.kevent([signal(SIGPWR), signal(SIGPIPE), signal(SIGRTMIN)])
    queue().kevent([signal(SIGUSR1)])
    assert.deepEqual(kq.kevent([], 8, 0), [])
  })

  it('is not lost to child_process in a storm of another signal', async () => {
    const kq = queue()
    kq.kevent([signal(SIGRTMIN + 2)])
    const children = Array.from({ length: 5 }, (_, i) => spawn('sh', ['-c', `exit ${i}`]))
    const exits = children.map((child) => once(child, 'exit') as Promise<[number]>)
    posix.storm(SIGRTMIN + 2, 2, 20_000)
    assert.equal(total(kq, 40_000), 40_000)
    posix.calm()
    const codes = (await Promise.all(exits)).map(([code]) => code)
    assert.deepEqual(codes, [0, 1, 2, 3, 4])
  })
})

describe('A child that Node.js starts', () => {
  it('has the dispositions that it has without knotes', () => {
    const inherited = (): string =>
      spawnSync('grep', ['^Sig[BIC]', '/proc/self/status'], { encoding: 'utf8' }).stdout
    const before = inherited()
    const kq = queue()
    kq.kevent([SIGPIPE, SIGUSR1, SIGPWR, SIGTERM, SIGCHLD, SIGRTMIN].map((n) => signal(n)))
    assert.equal(inherited(), before)
  })
})

describe('A process that may have no more processes', () => {
  it('counts and gives back signals all the same', () => {
    const { signal, stderr, stdout } = run(signals('may have no more processes'))
    assert.equal(stderr, '')
    assert.deepEqual([stdout, signal], ['done', 'SIGKILL'])
  })
})

describe('Beyond the limit of pending signals', () => {
  it('real-time signals of kill are merged, and those of sigqueue refused', async () => {
    const words = program(signals('watches one', SIGRTMIN))
    const child = spawn('prlimit', ['--sigpending=0', process.execPath, ...words], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exit = once(child, 'exit')
    await once(child.stdout, 'data')
    const pid = child.pid!
    posix.kill(pid, SIGSTOP)
    // Not before it has stopped: until then signals are delivered one by one.
    const stopped = () => /^State:\tT/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
    await until(stopped, 'it has stopped')
    assert.throws(() => posix.sigqueue(pid, SIGRTMIN), { code: 'EAGAIN' })
    for (let i = 0; i < 25; i++) posix.kill(pid, SIGRTMIN)
    posix.kill(pid, SIGNALS.SIGCONT)
    assert.equal(await text(child.stdout), '1 0\n')
    assert.deepEqual(await exit, [0, null])
  })
})

describe('Where descriptors are scarce', () => {
  it('the first watch of a process works or fails with EMFILE, and then nothing is changed', () => {
    const { status, stderr, stdout } = run(scarce('watches a signal', SIGPWR), { files: 64 })
    assert.equal(stderr, '')
    assert.equal(stdout, '9 1\n')
    assert.equal(status, 0)
  })
})
