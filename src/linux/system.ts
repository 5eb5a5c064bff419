/** The System that Linux is to a thread: the kernel made of its facilities, for the public API. */
import { closeSync, constants, openSync, type PathLike, readdirSync } from 'node:fs'
import { constants as os } from 'node:os'
import type {
  AioRequest,
  ProcessInfo,
  System,
  SystemAio,
  SystemFiles,
  SystemFork,
  SystemInterfaces,
  SystemProcesses,
} from '../api/system.js'
import { check, ENXIO } from '../errors.js'
import { files, processes, rare, seldom } from '../parts.js'
import type { Arrival } from './fork/arrival.js'
import { VARIABLE } from './fork/handed.js'
import { monotonicTime } from './hub/clock.js'
import { usable } from './hub/load.js'
import { type Native, O_CLOEXEC, O_PATH } from './hub/native.js'
import { LinuxKernel } from './kernel.js'
import { isThread, processStat } from './process/procfs.js'
import { LinuxQueue } from './queue.js'

let ofThread: System | undefined

/** The system of this thread. @throws KqueueError ENOSYS where there can be none; EMFILE */
export function linuxSystem(): System {
  ofThread ??= begin()
  return ofThread
}

/** The first call in this thread; in the first one of a process, what was handed over arrives. */
function begin(): System {
  const native = usable()
  const arrival = VARIABLE in process.env ? arrive(native) : null
  const kernel = LinuxKernel.ofThread(arrival?.sets)
  arrival?.settle(kernel)
  return systemOf(kernel)
}

/** What has come is lost where it cannot be taken over, so all that this may take is read before. */
function arrive(native: Native): Arrival | null {
  files('kqueue')
  processes('kqueue')
  return rare('kqueue').arrive(native)
}

function systemOf(kernel: LinuxKernel): System {
  const { filters, sysctl, native } = kernel
  const { O_NONBLOCK, O_SYNC, O_DSYNC } = constants
  const systemFiles = filesOf(kernel)
  let fork: SystemFork | undefined
  return {
    // Queues are always closed on exec here.
    openQueue: (flags) => new LinuxQueue(kernel, flags),
    openImage: (given) => openImage(kernel, given),
    filters,
    sysctl,
    files: systemFiles,
    trees: { open: (path) => rare('open').LinuxTree.open(native, systemFiles, path) },
    processes: processesOf(kernel),
    interfaces: interfacesOf(kernel),
    aio: aioOf(kernel),
    get fork() {
      fork ??= new (rare('fork').LinuxFork)(kernel)
      return fork
    },
    flags: { O_CLOEXEC, O_NONBLOCK, O_SYNC, O_DSYNC },
  }
}

function openImage(kernel: LinuxKernel, given: unknown): LinuxQueue {
  const { checkImage, fill } = seldom('fromImage')
  const { imageHome } = kernel
  const image = checkImage(given, imageHome)
  const kq = new LinuxQueue(kernel, image.flags)
  try {
    kernel.drainProcesses()
    fill(kq, image, imageHome)
    return kq
  } catch (error) {
    kq.close()
    throw error
  } finally {
    kernel.settle()
  }
}

function aioOf(kernel: LinuxKernel): SystemAio {
  const aio = (syscall: string): SystemAio => kernel.aio(syscall)
  return {
    submit: (job, notification) => aio(job.syscall).submit(job, notification),
    submitList: (jobs, notification) => aio('lio_listio').submitList(jobs, notification),
    // Before the first request there is none.
    pending: (fd) => kernel.sources.aio?.pending(fd) ?? [],
    made: (request): request is AioRequest => kernel.sources.aio?.made(request) ?? false,
    cancel: (request) => aio('aio_cancel').cancel(request),
    forget: (request) => aio('aio_return').forget(request),
  }
}

function filesOf(kernel: LinuxKernel): SystemFiles {
  return {
    isOpen: (fd) => kernel.stat(fd) === 0,
    open(file) {
      const path = typeof file === 'number' ? `/proc/self/fd/${file}` : file
      return openSync(path as PathLike, O_PATH)
    },
    close: closeSync,
    mounts: () => rare('getmntinfo').mountTable(),
  }
}

function processesOf(kernel: LinuxKernel): SystemProcesses {
  return {
    get journals() {
      return kernel.processes.journals
    },
    now: () => performance.now(),
    // Those of a journal are CLOCK_MONOTONIC.
    shift: () => performance.now() - monotonicTime(kernel.native) / 1e6,
    signals: os.signals,
    // A thread has a number, too, and is shown to who asks for it.
    info: (pid) => (isThread(pid) ? null : processInfo(pid)),
    all: () =>
      readdirSync('/proc').flatMap((name) => (isNumber(name) ? processInfo(+name) : null) ?? []),
  }
}

const isNumber = (name: string): boolean => /^\d+$/.test(name)

function processInfo(pid: number): ProcessInfo | null {
  const stat = processStat(pid)
  if (stat === null) return null
  const { parent: ppid, group: pgid, session: sid, foreground: tpgid, state, start } = stat
  return { pid, ppid, pgid, sid, tpgid, zombie: state === 'Z' || state === 'X', start }
}

function interfacesOf({ native }: LinuxKernel): SystemInterfaces {
  return {
    index(name) {
      const index = native.linkIndex(name)
      return index === -ENXIO ? 0 : check(index, 'if_nametoindex')
    },
    name(index) {
      const name = Number.isInteger(index) ? native.linkName(index) : null
      return typeof name === 'string' ? name : null
    },
    all() {
      return [...rare('if_nameindex').linkStates(native)].flatMap(([index, up]) => {
        const name = native.linkName(index)
        // One that goes at this moment is left out.
        return typeof name === 'string' ? { index, name, up } : []
      })
    },
  }
}
