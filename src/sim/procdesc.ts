/**
 * A process descriptor: a process as an open file (pdfork(2), `pidfd_open(2)`), with
 * EVFILT_PROCDESC, which reports what EVFILT_PROC does. It holds the process itself,
 * so a pid that is used again cannot be mistaken for it.
 */

import type { FilterOps } from '../core/filter.js'
import {
  checkProcess,
  imageOfProcess,
  type ProcessState,
  procFilter,
  resumeProcess,
  watchProcess,
} from '../core/filters/proc.js'
import type { Origin } from '../core/image.js'
import type { Process } from '../core/kernel.js'
import type { Knote } from '../core/knote.js'
import { EVFILT_PROCDESC } from '../event.js'
import { SimFile } from './file.js'
import { attachWith } from './file-filter.js'

export class ProcessDescriptor extends SimFile {
  constructor(readonly subject: Process) {
    super()
  }

  /** procdesc_kqfilter. */
  kqfilter(kn: Knote): number {
    const ops = kn.filter === EVFILT_PROCDESC ? procdescFilter : undefined
    return attachWith(kn, ops, 'a process descriptor')
  }

  override rewatch(kn: Knote): number {
    if (kn.filter !== EVFILT_PROCDESC) return this.kqfilter(kn)
    kn.ops = procdescFilter
    return 0
  }

  image(kn: Knote): ProcessState {
    return imageOfProcess(kn)
  }

  restored(kn: Knote, state: unknown, origin: Origin): void {
    resumeProcess(kn, checkProcess(kn, state), this.subject, origin)
  }
}

const procdescFilter: FilterOps = {
  ...procFilter,
  isFd: true,
  attach(kn) {
    watchProcess(kn, (kn.file as ProcessDescriptor).subject)
    return 0
  },
}
