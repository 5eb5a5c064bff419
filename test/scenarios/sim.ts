/**
 * The World on the simulated kernel: one process of a fresh kernel, whose clock moves
 * when the scenario sleeps. Its queues are those of the public API. It has every capability and every filter.
 */
import {
  EV_ADD,
  EV_SET,
  EVFILT_READ,
  Knlist,
  O_APPEND,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  SimKernel,
  type SimProcess,
} from 'kqueue/sim'
import { aioCalls } from './aio-calls.js'
import { mountCalls, networkCalls, treeCalls } from './sim-calls.js'
import { inheritedQueue, processCalls } from './sim-processes.js'
import type {
  AioCalls,
  Forked,
  MountCalls,
  NetworkCalls,
  OpenMode,
  OutOfBand,
  Processes,
  Queue,
  TreeCalls,
  World,
  WorldKind,
} from './world.js'

const MODES: Record<OpenMode, number> = {
  r: O_RDONLY,
  w: O_WRONLY | O_CREAT,
  a: O_WRONLY | O_CREAT | O_APPEND,
  rw: O_RDWR | O_CREAT,
}

class SimWorld implements World {
  /** Where the listening sockets are; known after they are closed. */
  readonly #addresses = new Map<number, number | string>()
  #listeners = 0
  readonly #kernel: SimKernel
  readonly #process: SimProcess
  readonly calls
  readonly filters
  readonly sysctl
  readonly processes: Processes
  readonly oob: OutOfBand
  readonly tree: TreeCalls
  readonly mounts: MountCalls
  readonly network: NetworkCalls
  readonly aio: AioCalls

  constructor(kernel: SimKernel, process: SimProcess) {
    this.#kernel = kernel
    this.#process = process
    const { system } = process
    this.calls = system
    this.filters = { ...system, newKnlist: () => new Knlist() }
    this.sysctl = system.sysctl
    this.processes = processCalls(kernel, process, (child) => new ForkedWorld(kernel, child))
    this.oob = {
      send: (fd, data) => process.send(fd, data, { oob: true }),
      receive: (fd) => process.recv(fd, 1, { oob: true }),
    }
    this.tree = treeCalls(process)
    this.mounts = mountCalls(kernel)
    this.network = networkCalls(kernel)
    this.aio = aioCalls(system)
  }

  path(name: string): string {
    return name
  }

  kqueue(): Queue {
    return this.#process.system.kqueue()
  }

  pipe(): [number, number] {
    return this.#process.pipe()
  }

  socketpair(type: 'stream' | 'dgram'): [number, number] {
    return this.#process.socketpair(type)
  }

  socket(kind: 'tcp' | 'udp'): number {
    return this.#process.socket(kind)
  }

  listen(kind: 'tcp' | 'unix'): number {
    const process = this.#process
    const fd = process.listen(kind === 'tcp' ? 0 : `socket${this.#listeners++}`, 16)
    this.#addresses.set(fd, process.getsockname(fd)!)
    return fd
  }

  connect(listener: number, how: 'done' | 'started' = 'done'): number {
    const address = this.#addresses.get(listener)
    if (address === undefined) throw new TypeError(`${listener} does not listen`)
    return this.#process.connect(address, { started: how === 'started' })
  }

  accept(listener: number): number {
    return this.#process.accept(listener)
  }

  udpPair(): [number, number] {
    const process = this.#process
    const pair: [number, number] = [process.socket('udp'), process.socket('udp')]
    for (const fd of pair) process.bind(fd)
    process.connect(process.getsockname(pair[1])!, { socket: pair[0] })
    process.connect(process.getsockname(pair[0])!, { socket: pair[1] })
    return pair
  }

  pty(): [number, number] {
    return this.#process.openpty()
  }

  eventfd(initial: number): number {
    return this.#process.eventfd(initial)
  }

  mkfifo(name: string): void {
    this.#process.mkfifo(name)
  }

  open(name: string, mode: OpenMode): number {
    return this.#process.open(name, MODES[mode])
  }

  rename(from: string, to: string): void {
    this.#process.rename(from, to)
  }

  unlink(name: string): void {
    this.#process.unlink(name)
  }

  ftruncate(fd: number, length: number): void {
    this.#process.ftruncate(fd, length)
  }

  lseek(fd: number, offset: number): void {
    this.#process.lseek(fd, offset)
  }

  read(fd: number, n: number): Uint8Array {
    return this.#process.read(fd, n)
  }

  write(fd: number, data: Uint8Array | string): number {
    return this.#process.write(fd, data)
  }

  shutdown(fd: number, how: 'read' | 'write' | 'both'): void {
    this.#process.shutdown(fd, how)
  }

  dup(fd: number): number {
    return this.#process.dup(fd)
  }

  dup2(from: number, to: number): void {
    this.#process.dup2(from, to)
  }

  close(fd: number): void {
    this.#process.close(fd)
  }

  /** There is no poll(2): a queue of its own tells the same. */
  readable(fd: number, timeout = 0): boolean {
    const kq = this.#process.system.kqueue()
    try {
      return kq.kevent([EV_SET(fd, EVFILT_READ, EV_ADD)], 1, timeout).length > 0
    } finally {
      kq.close()
    }
  }

  sleep(ms: number): void {
    this.#kernel.advance(ms)
  }

  now(): number {
    return this.#kernel.uptime() / 1e6
  }

  time(): number {
    return this.#kernel.realtime() / 1e6
  }
}

/** The copy of a World in a child. */
class ForkedWorld extends SimWorld implements Forked {
  readonly #child: SimProcess

  constructor(kernel: SimKernel, child: SimProcess) {
    super(kernel, child)
    this.#child = child
  }

  get pid(): number {
    return this.#child.pid
  }

  fork(): Forked {
    return this.processes.fork()
  }

  exec(): void {
    this.#child.exec('another program')
  }

  exit(status: number): void {
    this.#child.exit(status)
  }

  queue(fd: number): Queue {
    return inheritedQueue(this.#child, fd)
  }
}

/** Ends all processes, and looks for what they leave. */
function dispose(kernel: SimKernel): void {
  const { init } = kernel
  for (const { pid } of kernel.processes) if (pid !== init.pid) init.kill(pid, 'SIGKILL')
  while (kernel.processes.length > 1) init.waitpid()
  const { timers, callouts } = kernel
  if (timers > 0 || callouts.size > 0) {
    throw new Error(`${timers} timers and ${callouts.size} callouts are left`)
  }
}

/** The simulated kernel. */
export const sim: WorldKind = {
  name: 'the simulated kernel',
  run(use) {
    const kernel = new SimKernel()
    const process = kernel.init.fork()
    process.sigaction('SIGPIPE', 'ignore')
    use(new SimWorld(kernel, process))
    dispose(kernel)
  },
  async start(program) {
    const kernel = new SimKernel()
    kernel.spawn((process) => {
      process.sigaction('SIGPIPE', 'ignore')
      return program(new SimWorld(kernel, process))
    })
    await kernel.run()
    dispose(kernel)
  },
  has: () => true,
  supports: () => true,
}
