/**
 * A filter of a part of the package that is read when something is attached to it first. Where the
 * part cannot be read then, the knote is refused, and the next one is another try.
 *
 *     filters.install(EVFILT_FS, lateFilter(false, () => this.mounts.filter))
 */
import type { FilterOps } from '../core/filter.js'

export function lateFilter(isFd: boolean, read: () => FilterOps): FilterOps {
  let known: FilterOps | undefined
  const ops = (): FilterOps => {
    known ??= read()
    return known
  }
  return {
    isFd,
    // From then on the knote has the filter itself.
    attach(kn) {
      kn.ops = ops()
      return kn.ops.attach(kn)
    },
    detach() {},
    event: () => false,
    image: (kn) => ops().image?.(kn) ?? null,
    restore(kn, state, origin) {
      kn.ops = ops()
      return kn.ops.restore!(kn, state, origin)
    },
  }
}
