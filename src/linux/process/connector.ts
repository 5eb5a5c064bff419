/**
 * The process connector as the kernel of a thread hears it: which process has forked,
 * executed or exited. Listened to only while somebody wants to know, because it tells of
 * every process of the system. `linux/cn_proc.h`; the socket is in native/engines/connector/.
 */
import { attempt, orUndo } from '../../core/failure.js'
import { EAGAIN, ECONNREFUSED, ENOTSUP, EPERM, EPROTONOSUPPORT, refuse } from '../../errors.js'
import { CONNECTOR } from '../hub/facility.js'
import type { Hub } from '../hub/hub.js'
import {
  CMDLINE_MOST,
  EVENT_EXEC,
  EVENT_EXIT,
  EVENT_FORK,
  EVENT_NAME,
  EVENT_NAME_SIZE,
  EVENT_PID,
  EVENT_RECORD,
  EVENT_TGID,
  EVENT_TIME,
  EVENT_VALUE,
  EVENT_WHAT,
} from '../hub/native.js'

const ENOMSG = 42

/** Records of one call to the addon. */
const BATCH = 1024

/** Who is told. Times are CLOCK_MONOTONIC in ns. */
export interface ConnectorListener {
  /** A process has forked. */
  forked(parent: number, child: number, time: number): void
  /** A process has a new thread. */
  threaded(pid: number): void
  /** A process executes another program: see `programName` and `programWords`. */
  executed(pid: number, time: number): void
  /** A thread of a process has ended; when it is the last, `status` is that of the process. */
  ended(pid: number, status: number, time: number): void
  /** Something is missing here. */
  missed(): void
  /** All that has happened until now has been told. */
  stopIfIdle(): void
}

export class Connector {
  /** The eventfd that fires, -1 while nobody listens. */
  #fd = -1
  readonly #records = new Float64Array(EVENT_RECORD * BATCH)
  /** The same memory as bytes. */
  readonly #bytes = Buffer.from(this.#records.buffer)
  /** Where the record of the exec is that is being told. */
  #told = 0
  readonly #line = Buffer.alloc(CMDLINE_MOST)
  #draining = false
  /** What is to be done when all has been told. */
  readonly #afterwards: (() => void)[] = []

  constructor(
    readonly hub: Hub,
    readonly listener: ConnectorListener,
  ) {}

  /**
   * Begins to listen.
   * @param given a socket that was handed over, -1 for none
   * @throws KqueueError
   */
  start(given = -1): void {
    if (this.#fd !== -1) return
    const { hub } = this
    const fd = hub.native.connectorOpen(given)
    if (fd < 0) this.#refuse(-fd)
    orUndo(
      () => hub.adopt(fd, () => this.drain()),
      () => hub.native.connectorClose(),
    )
    this.#fd = fd
  }

  #refuse(error: number): never {
    if (error === EPERM && this.#mayHaveSockets()) {
      refuse(
        EPERM,
        'to hear of forks and execs needs Linux 6.6, or CAP_NET_ADMIN; NOTE_EXIT does not',
      )
    }
    if (error === EAGAIN) {
      refuse(EAGAIN, 'to hear of forks takes a thread, and RLIMIT_NPROC or pids.max allow no more')
    }
    if (error === ENOMSG) {
      refuse(
        EPERM,
        'the kernel tells of forks and execs only in its first pid and user namespace ' +
          '(for a container: --pid=host); NOTE_EXIT works without',
      )
    }
    if (error === EPROTONOSUPPORT) {
      refuse(
        ENOTSUP,
        'to hear of forks and execs needs a kernel with CONFIG_CONNECTOR and CONFIG_PROC_EVENTS, ' +
          'which this one is not; NOTE_EXIT works without',
      )
    }
    if (error === ECONNREFUSED) {
      refuse(
        EPERM,
        'to hear of forks and execs needs a kernel with CONFIG_PROC_EVENTS, and its first network ' +
          'namespace, of this process or of an ancestor whose namespaces it may enter ' +
          '(for a container: --network=host); NOTE_EXIT works without',
      )
    }
    throw CONNECTOR.failure(error)
  }

  /** Whether it is not the socket that is forbidden, but what it is for. */
  #mayHaveSockets(): boolean {
    const { native } = this.hub
    const fd = native.linkOpen(false)
    if (fd >= 0) native.close(fd)
    return fd !== -EPERM
  }

  // From one process to another

  /** A socket for another process, or a negative errno; what it tells is not told here before. */
  handOver(): number {
    const fd = this.hub.native.connectorHandOver()
    this.drain()
    return fd
  }

  /** It was handed over: it tells when the knotes are there. */
  takeOver(socket: number): void {
    this.#draining = attempt(() => this.start(socket)) !== null
  }

  /** Whether what has happened since an image that is being restored is told. */
  get handed(): boolean {
    return this.#draining
  }

  takenOver(): void {
    if (!this.#draining) return
    this.#draining = false
    this.drain()
  }

  /** Nobody wants to know any more. While it tells, it goes on; see `stopIfIdle`. */
  stop(): void {
    if (this.#fd === -1 || this.#draining) return
    this.hub.disown(this.#fd)
    this.hub.native.connectorClose()
    this.#fd = -1
  }

  /** Tells all that has happened until now. */
  drain(): void {
    if (this.#fd === -1 || this.#draining) return
    this.#draining = true
    try {
      do {
        const actions = this.#afterwards.splice(0)
        while (this.#read() === BATCH);
        for (const action of actions) action()
      } while (this.#afterwards.length > 0)
    } finally {
      this.#draining = false
      this.listener.stopIfIdle()
    }
  }

  /** Does something when all that has happened until now has been told. */
  after(action: () => void): void {
    if (this.#fd === -1) {
      action()
      return
    }
    this.#afterwards.push(action)
    this.drain()
  }

  /** The name of the program that is executed, while `executed` is told; '' when nobody knows. */
  programName(): string {
    const from = (this.#told + EVENT_NAME) * Float64Array.BYTES_PER_ELEMENT
    const name = this.#bytes.subarray(from, from + EVENT_NAME_SIZE)
    const end = name.indexOf(0)
    return name.toString('utf8', 0, end === -1 ? name.length : end)
  }

  /**
   * The words of the program that is executed, while `executed` is told, the last one ending in '…' where
   * there were more than are kept; null when nobody knows.
   */
  programWords(): string[] | null {
    const place = this.#records[this.#told + EVENT_VALUE]!
    const length = this.hub.native.connectorCmdline(place, this.#line)
    if (length <= 0) return null
    const isWhole = length < CMDLINE_MOST || this.#line[length - 1] === 0
    const text = this.#line.toString('utf8', 0, length)
    return (isWhole ? text.replace(/\0$/, '') : `${text}\u2026`).split('\0')
  }

  #read(): number {
    const n = this.hub.native.connectorRead(this.#records)
    for (let at = 0; at < n * EVENT_RECORD; at += EVENT_RECORD) this.#tell(this.#records, at)
    return n
  }

  /** Hot path: most records are of processes that nobody watches. */
  #tell(records: Float64Array, at: number): void {
    const { listener } = this
    const pid = records[at + EVENT_PID]!
    const process = records[at + EVENT_TGID]!
    const value = records[at + EVENT_VALUE]!
    switch (records[at + EVENT_WHAT]) {
      case EVENT_FORK:
        if (pid === process) listener.forked(value, pid, records[at + EVENT_TIME]!)
        else listener.threaded(process)
        break
      case EVENT_EXEC:
        this.#told = at
        listener.executed(process, records[at + EVENT_TIME]!)
        break
      case EVENT_EXIT:
        listener.ended(process, value, records[at + EVENT_TIME]!)
        break
      default:
        listener.missed()
    }
  }
}
