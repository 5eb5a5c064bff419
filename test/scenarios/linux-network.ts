/**
 * The network interface of the World on real Linux: one end of a veth(4) pair, in the
 * network namespace that this process has, so root's affair. Its link is up while both
 * ends are switched on.
 */
import { spawnSync } from 'node:child_process'
import { if_nametoindex } from 'kqueue'
import type { NetworkCalls } from './world.js'

function ip(...args: string[]): void {
  const { status, stderr, error } = spawnSync('ip', args, { encoding: 'utf8' })
  if (status !== 0) throw error ?? new Error(`ip ${args.join(' ')}: ${stderr}`)
}

let made = 0

export class Interface implements NetworkCalls {
  readonly #name = `kq${process.pid}x${made++ % 1000}`
  readonly ifindex: number

  constructor() {
    const peer = `${this.#name}p`
    ip('link', 'add', this.#name, 'type', 'veth', 'peer', 'name', peer)
    try {
      ip('link', 'set', peer, 'up')
      this.ifindex = if_nametoindex(this.#name)
    } catch (error) {
      this.dispose()
      throw error
    }
  }

  link(state: 'up' | 'down'): void {
    ip('link', 'set', this.#name, state)
  }

  /** Its peer goes with it. */
  dispose(): void {
    ip('link', 'delete', this.#name)
  }
}

let allowed: boolean | undefined

/** Whether this process may make interfaces: found out by trying. */
export function mayMakeInterfaces(): boolean {
  if (allowed !== undefined) return allowed
  try {
    new Interface().dispose()
    allowed = true
  } catch {
    allowed = false
  }
  return allowed
}
