/** The processes of a program: children by their place, and what became of them. */
import { EV_ADD, EV_ONESHOT, EV_SET, EVFILT_PROC, NOTE_EXIT } from 'kqueue/core'
import type { Child, Queue, World } from '../scenarios/world.js'
import { CHILDREN, type Command } from './command.js'

interface Member {
  readonly child: Child
  /** A child of the program itself, which waits for it. */
  readonly own: boolean
  ended: boolean
  reaped: boolean
}

/** For a process that was killed, in ms. */
const MOMENT = 5000

export class Family {
  readonly #world: World
  readonly #members: Member[] = []
  /** By place; the last one that was put there. */
  readonly #places = new Map<number, Member>()

  /** @param observer a queue that watches nothing else */
  constructor(
    world: World,
    readonly observer: Queue,
  ) {
    this.#world = world
  }

  /** Whether there are processes, which take their time. */
  get used(): boolean {
    return this.#members.length > 0 || this.#raised
  }
  #raised = false

  /** Those that are sent would end the program; chosen before anybody watches them. */
  ignoreSignals(): void {
    for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
      this.#world.processes!.sigaction(signal, 'ignore')
    }
  }

  run(command: Command): string {
    const processes = this.#world.processes!
    switch (command[0]) {
      case 'spawn':
        this.#put(command[1], processes.spawn(), true)
        return ''
      case 'fork': {
        const parent = this.#alive(command[1])
        if (parent === undefined) return 'no'
        this.#put(command[2], parent.child.fork(), false)
        return ''
      }
      case 'exec':
        this.#alive(command[1])?.child.exec()
        return ''
      case 'exit': {
        const member = this.#alive(command[1])
        if (member === undefined) return 'no'
        this.#end(member, () => member.child.exit(command[2]))
        return ''
      }
      case 'kill': {
        const member = this.#alive(command[1])
        if (member === undefined) return 'no'
        this.#end(member, () => processes.kill(member.child.pid, command[2]))
        return ''
      }
      case 'reap':
        return this.#reap(command[1])
      case 'raise':
        this.#raised = true
        processes.kill(processes.pid, command[1])
        return ''
      default:
        throw new Error(`there is no command ${command[0]}`)
    }
  }

  /** Ends a process, which takes a moment. */
  #end(member: Member, how: () => void): void {
    const { observer } = this
    const { pid } = member.child
    const watch = EV_SET(pid, EVFILT_PROC, EV_ADD | EV_ONESHOT, NOTE_EXIT)
    observer.kevent([watch], 0, 0)
    how()
    if (observer.kevent([], 1, MOMENT).length === 0) throw new Error(`${pid} does not end`)
    member.ended = true
  }

  #put(place: number, child: Child, own: boolean): void {
    const member = { child, own, ended: false, reaped: false }
    this.#members.push(member)
    this.#places.set(place % CHILDREN, member)
  }

  #alive(place: number): Member | undefined {
    const member = this.#places.get(place)
    return member?.ended ? undefined : member
  }

  #reap(place: number): string {
    const member = this.#places.get(place)
    if (!member?.own || !member.ended || member.reaped) return 'no'
    member.reaped = true
    for (const start = performance.now(); performance.now() - start < MOMENT; ) {
      const status = this.#world.processes!.waitpid(member.child.pid)
      if (status !== null) return `${status}`
    }
    return 'nothing'
  }

  pid(place: number): number | undefined {
    return this.#places.get(place)?.child.pid
  }

  /** Whether it is known what is there: who has no parent to wait for it may be gone. */
  isSteady(place: number): boolean {
    const member = this.#places.get(place)
    return member === undefined || member.own || !member.ended
  }

  pdopen(place: number): number {
    const member = this.#places.get(place)
    if (member === undefined || !this.isSteady(place)) {
      throw Object.assign(new Error('no process'), { code: 'ESRCH' })
    }
    return this.#world.processes!.pdopen(member.child.pid)
  }

  /** A process as the how many-th it was. */
  name(pid: number): string {
    const at = this.#members.findIndex(({ child }) => child.pid === pid)
    return at === -1 ? (pid === this.#world.processes!.pid ? 'itself' : `${pid}`) : `process ${at}`
  }
}
