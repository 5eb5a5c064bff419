/** The limits of a kernel: sysctl(8). */
import { wrongType } from '../core/copyin.js'
import type { Sysctl } from '../core/kernel.js'
import { EINVAL, fail } from '../errors.js'
import type { Bound } from './system.js'

/** The limits of a system, which checks what it is given. */
export function limits(system: Bound): Sysctl {
  return {
    get kq_calloutmax() {
      return system().sysctl.kq_calloutmax
    },
    set kq_calloutmax(most: number) {
      system().sysctl.kq_calloutmax = limit('sysctl.kq_calloutmax', most)
    },
    get kq_knotemax() {
      return system().sysctl.kq_knotemax
    },
    set kq_knotemax(most: number) {
      system().sysctl.kq_knotemax = limit('sysctl.kq_knotemax', most)
    },
  }
}

function limit(name: string, most: number): number {
  if (typeof most !== 'number') throw wrongType(name, 'a number', most)
  if (most >= 0 && (Number.isInteger(most) || most === Number.POSITIVE_INFINITY)) return most
  fail(EINVAL, 'sysctl', `${name} must be 0 or more, not ${most}`)
}
