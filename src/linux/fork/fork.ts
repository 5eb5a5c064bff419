/**
 * Starting processes with copies of queues: child_process.fork, and what spawn and cluster
 * take. Under Node.js a process is not forked but started anew; see departure.ts and
 * arrival.ts.
 */
import type { Forked, ForkGiven, ForkOptions, StartGiven, SystemFork } from '../../api/system.js'
import { EventArray } from '../../core/event-list.js'
import { EV_ADD, EV_SET, EVFILT_READ } from '../../event.js'
import { childProcess } from '../../late.js'
import { LinuxQueue } from '../queue.js'
import { inherited, takes } from './arrival.js'
import { depart, type ForkHost } from './departure.js'
import { VARIABLE } from './handed.js'
import { Places } from './places.js'

export class LinuxFork implements SystemFork {
  constructor(readonly host: ForkHost) {}

  start(modulePath: string | URL, args: readonly string[], options: ForkGiven | undefined): Forked {
    const { host } = this
    const places = Places.ofFork(options?.stdio, options?.silent === true)
    const departure = depart(host, places)
    if (departure === null) return childProcess().fork(modulePath, args, { ...options })
    try {
      const child = childProcess().fork(modulePath, args, {
        ...options,
        stdio: places.stdio,
        env: { ...(options?.env ?? process.env), [VARIABLE]: departure.variable },
      })
      if (child.pid !== undefined) new Announcement(host, child, departure.keepDone())
      return child
    } finally {
      departure.end()
    }
  }

  options(options: StartGiven | undefined): ForkOptions {
    const { host } = this
    const places = Places.ofSpawn(options?.stdio)
    const departure = depart(host, places)
    const close = (): void => departure?.end()
    const env = { ...(options?.env ?? process.env) }
    if (departure !== null) env[VARIABLE] = departure.variable
    return { ...options, stdio: places.stdio, env, close, [Symbol.dispose]: close }
  }

  inherited(): Iterable<readonly [number, LinuxQueue]> {
    return inherited
  }
}

/** Has a child emit 'kqueues' when its copies stand. Nothing is watched before somebody listens. */
class Announcement {
  #queue: LinuxQueue | null = null
  #done: number

  constructor(
    readonly host: ForkHost,
    readonly child: Forked,
    done: number,
  ) {
    this.#done = done
    child.on('newListener', (name) => {
      if (name === 'kqueues' && this.#done !== -1) this.#watch()
    })
    // Before others hear of the exit, the last chance.
    child.prependOnceListener('exit', () => this.#look(true))
  }

  #watch(): void {
    if (this.#queue !== null) return
    const kq = new LinuxQueue(this.host)
    this.#queue = kq
    kq.reference(false)
    kq.change([EV_SET(this.#done, EVFILT_READ, EV_ADD)], 1, new EventArray(), 0)
    kq.sleep(1, -1, undefined).then(
      () => this.#look(false),
      // It was closed.
      () => {},
    )
  }

  #look(isOver: boolean): void {
    if (this.#done === -1) return
    const stand = takes(this.#done)
    if (!stand && !isOver) return
    this.#queue?.close()
    this.host.native.close(this.#done)
    this.#done = -1
    if (stand) this.child.emit('kqueues')
  }
}
