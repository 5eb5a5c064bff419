/** Processes of the simulated kernel: their lives, their signals, their descriptors. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  EV_ADD,
  EV_SET,
  EVFILT_READ,
  EVFILT_SIGNAL,
  KqueueError,
  SIGNALS,
  SimKernel,
  type SimProcess,
} from 'kqueue/sim'

function code(wanted: string, call: () => unknown): KqueueError {
  try {
    call()
  } catch (error) {
    assert.ok(error instanceof KqueueError, String(error))
    assert.equal(error.code, wanted, error.message)
    return error
  }
  assert.fail(`${wanted}, not success`)
}

/** A child of process 1, which can be killed without harm. */
function child(): { kernel: SimKernel; init: SimProcess; p: SimProcess } {
  const kernel = new SimKernel()
  return { kernel, init: kernel.init, p: kernel.init.fork() }
}

describe('the life of a process', () => {
  it('begins with process 1, whose parent is 0', () => {
    const { init } = new SimKernel()
    assert.deepEqual([init.pid, init.ppid, init.name], [1, 0, 'init'])
  })

  it('gives pids in order, and a parent', () => {
    const { init, p } = child()
    const grandchild = p.fork()
    assert.deepEqual([p.pid, p.ppid, grandchild.pid, grandchild.ppid], [2, init.pid, 3, 2])
  })

  it('ends as a zombie, until the parent waits', () => {
    const { kernel, init, p } = child()
    assert.equal(init.waitpid(p.pid), null)
    p.exit(7)
    assert.equal(p.exitStatus, 0x700)
    assert.equal(kernel.findProcess(p.pid), p)
    assert.deepEqual(init.waitpid(), { pid: 2, status: 0x700, code: 7, signal: null })
    assert.equal(kernel.findProcess(p.pid), null)
    code('ECHILD', () => init.waitpid())
    code('ECHILD', () => init.waitpid(p.pid))
  })

  it('ends with 8 bits of a status', () => {
    const { init, p } = child()
    p.exit(0x1ff)
    assert.equal(init.waitpid()?.code, 0xff)
  })

  it('ends by a signal', () => {
    const { init, p } = child()
    init.kill(p.pid, 'SIGTERM')
    assert.deepEqual(init.waitpid(p.pid), { pid: 2, status: 15, code: null, signal: 'SIGTERM' })
  })

  it('ends before that of its children, which process 1 adopts', () => {
    const { init, p } = child()
    const running = p.fork()
    const zombie = p.fork()
    zombie.exit(4)
    p.exit()
    assert.deepEqual([running.ppid, zombie.ppid], [1, 1])
    assert.equal(init.waitpid(zombie.pid)?.code, 4)
    running.exit(5)
    assert.equal(init.waitpid(running.pid)?.code, 5)
    assert.equal(init.waitpid(p.pid)?.code, 0)
  })

  it('leaves no zombie where the parent ignores SIGCHLD', () => {
    const { kernel, init, p } = child()
    init.sigaction('SIGCHLD', 'ignore')
    p.exit()
    assert.equal(kernel.findProcess(p.pid), null)
    code('ECHILD', () => init.waitpid())
  })

  it('does no calls when it is over', () => {
    const { p } = child()
    const kq = p.kqueue()
    p.exit()
    for (const call of [
      () => p.pipe(),
      () => p.kevent(kq),
      () => p.fork(),
      () => p.exit(),
      () => p.kill(1, 0),
      () => p.close(kq),
    ]) {
      code('ESRCH', call)
    }
  })

  it('does not end for process 1', () => {
    const { init } = new SimKernel()
    code('EPERM', () => init.exit())
    init.kill(1, 'SIGKILL')
    init.kill(1, 'SIGTERM')
    assert.equal(init.exited, false)
  })

  it('needs a pid, of which there are sysctl.pid_max', () => {
    const { kernel, init, p } = child()
    kernel.sysctl.pid_max = 3
    const second = init.fork()
    code('EAGAIN', () => init.fork())
    p.exit()
    code('EAGAIN', () => init.fork())
    init.waitpid(p.pid)
    assert.equal(init.fork().pid, p.pid)
    assert.equal(second.pid, 3)
  })
})

describe('signals', () => {
  it('call their handler with their number', () => {
    const { init, p } = child()
    const seen: number[] = []
    assert.equal(
      p.sigaction('SIGUSR1', (n) => seen.push(n)),
      'default',
    )
    init.kill(p.pid, 'SIGUSR1')
    init.kill(p.pid, 10)
    assert.deepEqual(seen, [10, 10])
  })

  it('end the process by default, but not those of children, of windows and of urgent data', () => {
    const { init, p } = child()
    for (const signal of ['SIGCHLD', 'SIGWINCH', 'SIGURG', 'SIGCONT'] as const) {
      init.kill(p.pid, signal)
    }
    assert.equal(p.exited, false)
    init.kill(p.pid, SIGNALS.SIGUSR2)
    assert.equal(p.exitStatus, 12)
  })

  it('may be ignored, except two', () => {
    const { init, p } = child()
    p.sigaction('SIGTERM', 'ignore')
    init.kill(p.pid, 'SIGTERM')
    assert.equal(p.exited, false)
    for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
      code('EINVAL', () => p.sigaction(signal, 'ignore'))
    }
  })

  it('pass their dispositions to children, their handlers not to other programs', () => {
    const { init, p } = child()
    p.sigaction('SIGUSR1', () => {})
    p.sigaction('SIGUSR2', 'ignore')
    const grandchild = p.fork()
    init.kill(grandchild.pid, 'SIGUSR1')
    grandchild.exec('other')
    assert.equal(grandchild.name, 'other')
    assert.equal(grandchild.sigaction('SIGUSR1'), 'default')
    assert.equal(grandchild.sigaction('SIGUSR2'), 'ignore')
    init.kill(grandchild.pid, 'SIGUSR1')
    assert.equal(grandchild.exitStatus, 10)
  })

  it('reach the parent when a child exits', () => {
    const { init, p } = child()
    const kq = init.kqueue()
    init.kevent(kq, [EV_SET(SIGNALS.SIGCHLD, EVFILT_SIGNAL, EV_ADD)])
    p.exit()
    assert.equal(init.kevent(kq, [], 1, 0)[0]?.data, 1)
  })

  it('reach a process that is there, whether it has exited or not', () => {
    const { init, p } = child()
    init.kill(p.pid, 0)
    p.exit()
    init.kill(p.pid, 0)
    init.kill(p.pid, 'SIGTERM')
    assert.equal(init.waitpid(p.pid)?.code, 0)
    code('ESRCH', () => init.kill(p.pid, 0))
    for (const pid of [0, -1, 1.5]) code('EINVAL', () => init.kill(pid, 0))
    for (const signal of [-1, 65, 1.5]) code('EINVAL', () => init.kill(1, signal))
  })

  it('come with a broken pipe', () => {
    const { init, p } = child()
    const [r, w] = p.pipe()
    p.close(r)
    p.sigaction('SIGPIPE', 'ignore')
    code('EPIPE', () => p.write(w, 'x'))
    assert.equal(p.exited, false)
    p.sigaction('SIGPIPE', 'default')
    code('EPIPE', () => p.write(w, 'x'))
    assert.equal(init.waitpid(p.pid)?.signal, 'SIGPIPE')
  })
})

describe('descriptors', () => {
  it('are the lowest that are free', () => {
    const { p } = child()
    assert.deepEqual(p.pipe(), [0, 1])
    assert.deepEqual([p.kqueue(), p.dup(0)], [2, 3])
    p.close(1)
    p.close(2)
    assert.deepEqual([p.dup(0), p.dup(0), p.dup(0)], [1, 2, 4])
  })

  it('share the open file with duplicates and children', () => {
    const { p } = child()
    const [r, w] = p.pipe()
    const grandchild = p.fork()
    grandchild.write(w, 'abc')
    assert.equal(p.read(p.dup(r), 1).length, 1)
    assert.equal(grandchild.read(r, 9).length, 2)
    p.close(w)
    code('EAGAIN', () => p.read(r, 1))
    grandchild.exit()
    assert.equal(p.read(r, 1).length, 0)
  })

  it('of 1,000 are the most with a limit of 1,000', () => {
    const { kernel, p } = child()
    kernel.sysctl.maxfilesperproc = 1000
    const [r, w] = p.pipe()
    for (let i = 2; i < 999; i++) p.dup(r)
    code('EMFILE', () => p.pipe())
    assert.equal(p.kqueue(), 999)
    for (const call of [() => p.kqueue(), () => p.dup(r), () => p.eventfd()]) code('EMFILE', call)
    p.write(w, 'x')
    p.close(500)
    code('EMFILE', () => p.socketpair())
    assert.equal(p.dup(r), 500)
  })

  it('are closed by exec when they are marked', () => {
    const { p } = child()
    const [r, w] = p.pipe()
    const duplicate = p.dup(r)
    p.setCloexec(r, true)
    p.setCloexec(w, true)
    p.setCloexec(w, false)
    p.exec('other')
    code('EBADF', () => p.read(r, 1))
    p.write(w, 'x')
    assert.equal(p.read(duplicate, 1).length, 1)
  })

  it('that are closed are EBADF, whatever they are asked', () => {
    const { p } = child()
    for (const fd of [0, -1, 1.5, 1e9]) {
      for (const call of [
        () => p.read(fd, 1),
        () => p.write(fd, 'x'),
        () => p.close(fd),
        () => p.dup(fd),
        () => p.dup2(fd, 1),
        () => p.kevent(fd),
        () => p.accept(fd),
        () => p.lseek(fd, 0),
        () => p.ftruncate(fd, 0),
        () => p.setCloexec(fd, true),
        () => p.pdgetpid(fd),
      ]) {
        code('EBADF', call)
      }
    }
    const [r] = p.pipe()
    for (const to of [-1, 1.5, 1e9]) code('EBADF', () => p.dup2(r, to))
    code('EINVAL', () => p.kevent(r))
    code('ENOTSOCK', () => p.accept(r))
    code('EINVAL', () => p.pdgetpid(r))
  })

  it('that dup2 replaces are closed, and their knotes gone', () => {
    const { p } = child()
    const kq = p.kqueue()
    const [r, w] = p.pipe()
    const [other] = p.pipe()
    p.kevent(kq, [EV_SET(r, EVFILT_READ, EV_ADD)])
    p.write(w, 'x')
    assert.equal(p.dup2(other, r), r)
    assert.deepEqual(p.kevent(kq, [], 8, 0), [])
    code('EPIPE', () => {
      p.sigaction('SIGPIPE', 'ignore')
      p.write(w, 'x')
    })
  })

  it('take bytes and text, and nothing else', () => {
    const { p } = child()
    const [r, w] = p.pipe()
    assert.equal(p.write(w, 'é€😀'), 9)
    assert.equal(new TextDecoder().decode(p.read(r, 64)), 'é€😀')
    assert.throws(() => p.write(w, 5 as unknown as string), { code: 'ERR_INVALID_ARG_TYPE' })
    for (const n of [-1, 1.5, Number.NaN]) code('EINVAL', () => p.read(r, n))
  })

  it('of processes name the process for ever', () => {
    const { init, p } = child()
    const fd = init.pdopen(p.pid)
    assert.equal(init.pdgetpid(fd), p.pid)
    p.exit()
    init.waitpid()
    assert.equal(init.pdgetpid(fd), p.pid)
    code('ESRCH', () => init.pdopen(p.pid))
  })
})
