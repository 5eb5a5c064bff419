/**
 * The indexes of network interfaces, which EVFILT_NETDEV takes, and their names:
 * if_nametoindex(3).
 */
import { wrongType } from '../core/copyin.js'
import { check, ENXIO, KqueueError } from '../errors.js'
import { LinuxKernel } from '../linux/kernel.js'

/**
 * if_nametoindex(3): the index of a network interface.
 * @param name 'eth0'
 * @throws TypeError; KqueueError ENXIO there is no such interface
 */
export function if_nametoindex(name: string): number {
  if (typeof name !== 'string') throw wrongType('name', 'a string', name)
  const reason = `there is no interface '${name}'`
  return check(LinuxKernel.ofThread().native.linkIndex(name), 'if_nametoindex', reason)
}

/**
 * if_indextoname(3): the name of a network interface now.
 * @throws TypeError; KqueueError ENXIO there is no such interface
 */
export function if_indextoname(index: number): string {
  if (typeof index !== 'number') throw wrongType('index', 'a number', index)
  const { native } = LinuxKernel.ofThread()
  const name = Number.isInteger(index) ? native.linkName(index) : -ENXIO
  if (typeof name === 'string') return name
  throw new KqueueError(ENXIO, 'if_indextoname', { reason: `there is no interface ${index}` })
}
