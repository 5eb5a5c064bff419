/**
 * The indexes of network interfaces, which EVFILT_NETDEV takes, and their names:
 * if_nametoindex(3).
 */
import { wrongType } from '../core/copyin.js'
import type { Bound } from './system.js'

export function if_nametoindex(system: Bound, name: string): number {
  if (typeof name !== 'string') throw wrongType('name', 'a string', name)
  return system().interfaces.index(name)
}

export function if_indextoname(system: Bound, index: number): string {
  if (typeof index !== 'number') throw wrongType('index', 'a number', index)
  return system().interfaces.name(index)
}
