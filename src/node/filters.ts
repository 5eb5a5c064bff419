/**
 * Filters that the program adds to the kernel of its thread, and the limits of
 * that kernel.
 */
import { wrongType } from '../core/copyin.js'
import type { FilterOps } from '../core/filter.js'
import type { Sysctl } from '../core/kernel.js'
import { EINVAL, KqueueError } from '../errors.js'
import { LinuxKernel } from '../linux/kernel.js'

/**
 * kqueue_add_filteropts(9): adds a filter under a number.
 * @param filter -32768 to -1
 * @throws KqueueError EEXIST the number is taken; EINVAL it is out of range
 */
export function kqueue_add_filteropts(filter: number, ops: FilterOps): void {
  LinuxKernel.ofThread().filters.add(filter, ops)
}

/**
 * kqueue_del_filteropts(9): removes a filter that was added.
 * @throws KqueueError EINVAL there is none, or it belongs to the system; EBUSY knotes use it
 */
export function kqueue_del_filteropts(filter: number): void {
  LinuxKernel.ofThread().filters.remove(filter)
}

/**
 * kfilter_register(9) of NetBSD: adds a filter under a name and answers its number.
 * @throws KqueueError EEXIST the name is taken
 */
export function kfilter_register(name: string, ops: FilterOps): number {
  return LinuxKernel.ofThread().filters.register(name, ops)
}

/**
 * kfilter_unregister(9) of NetBSD: removes a filter that was registered by name.
 * @throws KqueueError EINVAL there is none; EBUSY knotes use it
 */
export function kfilter_unregister(name: string): void {
  LinuxKernel.ofThread().filters.unregister(name)
}

/** The limits of this thread's kernel: sysctl(8). Each is a whole number, or Infinity. */
export const sysctl: Sysctl = {
  get kq_calloutmax() {
    return LinuxKernel.ofThread().sysctl.kq_calloutmax
  },
  set kq_calloutmax(most: number) {
    LinuxKernel.ofThread().sysctl.kq_calloutmax = limit('sysctl.kq_calloutmax', most)
  },
  get kq_knotemax() {
    return LinuxKernel.ofThread().sysctl.kq_knotemax
  },
  set kq_knotemax(most: number) {
    LinuxKernel.ofThread().sysctl.kq_knotemax = limit('sysctl.kq_knotemax', most)
  },
}

function limit(name: string, most: number): number {
  if (typeof most !== 'number') throw wrongType(name, 'a number', most)
  if (most >= 0 && (Number.isInteger(most) || most === Number.POSITIVE_INFINITY)) return most
  throw new KqueueError(EINVAL, 'sysctl', { reason: `${name} must be 0 or more, not ${most}` })
}
