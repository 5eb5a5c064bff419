/** Processes and queues of the World on the simulated kernel. */
import { EBADF, KqueueError, type SimKernel, type SimProcess } from 'kqueue/sim'
import type { Child, Forked, Processes, Queue } from './world.js'

function childOf(process: SimProcess): Child {
  return {
    pid: process.pid,
    fork: () => childOf(process.fork()),
    exec: () => process.exec('another program'),
    exit: (status) => process.exit(status),
  }
}

export function processCalls(
  kernel: SimKernel,
  process: SimProcess,
  worldOf: (child: SimProcess) => Forked,
): Processes {
  return {
    pid: process.pid,
    spawn: () => childOf(process.fork()),
    fork: () => worldOf(process.fork()),
    kill: (pid, signal) => process.kill(pid, signal),
    waitpid: (pid) => process.waitpid(pid)?.status ?? null,
    sigaction: (signal, disposition) => void process.sigaction(signal, disposition),
    pdopen: (pid) => process.pdopen(pid),
    kqueuex: (flags) => process.system.kqueuex(flags),
    setCloexec: (fd, on) => process.setCloexec(fd, on),
    setClofork: (fd, on) => process.setClofork(fd, on),
    limitPids(highest) {
      kernel.sysctl.pid_max = highest
    },
  }
}

/** A copy of the World's queue, as the program of a child finds it. */
export function inheritedQueue({ system }: SimProcess, fd: number): Queue {
  const kq = system.inheritedKqueues().get(fd)
  if (kq === undefined)
    throw new KqueueError(EBADF, 'kevent', { reason: `there is no queue ${fd}` })
  return kq
}
