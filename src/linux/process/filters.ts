/**
 * EVFILT_PROC and EVFILT_PROCDESC on Linux: the machine's filter of processes
 * (`core/filters/proc.ts`), with processes found by pid or by a pidfd of the program's.
 */
import { orUndo } from '../../core/failure.js'
import { EVENT_PROCESS, type FilterOps } from '../../core/filter.js'
import { procFilter } from '../../core/filters/proc.js'
import { Knote } from '../../core/knote.js'
import { EINVAL, ENOENT, refuse } from '../../errors.js'
import { EV_ADD, EV_CLEAR, EV_DROP, EV_EOF, EV_ONESHOT, type Kevent } from '../../event.js'
import { CONNECTOR_NOTES, type LinuxProcess } from './process.js'
import type { ProcessTable } from './table.js'

/** What /proc says that a pidfd is. */
const PIDFD = 'anon_inode:[pidfd]'

export function linuxProcFilter(table: ProcessTable): FilterOps {
  return {
    ...procFilter,

    attach: (kn) => table.watch(kn),
    image: (kn) => table.image(kn),
    restore: (kn, state, origin) => table.restore(kn, state, origin),

    touch(kn, kev, type) {
      if (type === EVENT_PROCESS) {
        kn.copyOut(kev)
        if (kn.flags & EV_CLEAR) kn.data = kn.fflags = 0
        return 0
      }
      const successor = kev.flags & EV_ADD ? table.successor(kn.hook as LinuxProcess) : null
      if (successor !== null) {
        watchAnew(table, kn, kev)
        return 0
      }
      kn.sdata = kev.data
      return table.change(kn, kev.fflags)
    },
  }
}

/**
 * A knote whose process has exited is added again, and its number is another process's by
 * now: it watches that one, and what it had to report is reported beside.
 */
function watchAnew(table: ProcessTable, kn: Knote, kev: Kevent): void {
  const { kq, ident, filter, flags, fflags, data, udata, sfflags, sdata, hook, ops } = kn
  kn.flags = (flags & ~(EV_EOF | EV_ONESHOT | EV_DROP)) | (kev.flags & EV_ONESHOT)
  kn.fflags = kn.data = 0
  kn.sfflags = kev.fflags
  kn.sdata = kev.data
  orUndo(
    () => table.watch(kn),
    () => Object.assign(kn, { flags, fflags, data, sfflags, sdata }),
  )
  if (fflags === 0) return
  const change = { ident, filter, flags, fflags: sfflags, data: sdata, udata }
  const report = new Knote(kq, change, ops, null)
  Object.assign(report, { hook, fflags, data })
  kq.adoptUnlisted(report)
  report.activate()
}

/** @param linkOf what /proc says of the descriptor of a knote; '' without /proc */
export function procdescFilter(table: ProcessTable, linkOf: (kn: Knote) => string): FilterOps {
  return {
    ...procFilter,
    isFd: true,

    attach(kn) {
      const link = linkOf(kn)
      if (link === '') {
        refuse(ENOENT, 'to know a pidfd takes /proc, which is not mounted')
      }
      if (link !== PIDFD) {
        refuse(EINVAL, `descriptor ${kn.ident} is not a pidfd`)
      }
      if (kn.sfflags & CONNECTOR_NOTES) {
        refuse(EINVAL, 'a pidfd tells of NOTE_EXIT and NOTE_REAP, no more')
      }
      return table.watch(kn)
    },

    image: (kn) => table.image(kn),
    restore(kn, state, origin) {
      if (linkOf(kn) !== PIDFD) {
        refuse(EINVAL, `descriptor ${kn.ident} is not a pidfd`)
      }
      return table.restore(kn, state, origin)
    },
  }
}
