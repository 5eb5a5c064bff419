/**
 * `--fs`: file systems are mounted and unmounted. The event only says that, so the table
 * of what is mounted is compared for the words.
 */
import { readFileSync } from 'node:fs'
import { EV_ADD, EV_SET, EVFILT_FS, type Kevent, VQ_MOUNT, VQ_UNMOUNT } from '../../index.js'
import { mountsOf } from '../../linux/mounts.js'
import type { Condition } from '../conditions.js'

export const MOUNTS: Condition = {
  option: 'fs',
  value: '',
  help: 'a file system is mounted or unmounted',
  notes: { VQ_MOUNT, VQ_UNMOUNT },
  parse: () => (ident) => {
    let before = mounted()
    return {
      changes: [EV_SET(ident, EVFILT_FS, EV_ADD, VQ_MOUNT | VQ_UNMOUNT)],
      say(event) {
        const now = mounted()
        const words = [...places('unmounted', before, now), ...places('mounted', now, before)]
        before = now
        return words.length > 0 ? words.join(', ') : inGeneral(event)
      },
    }
  },
}

/** What is in one table and not in the other: 'mounted /mnt'. */
function* places(what: string, table: Map<string, string>, other: Map<string, string>) {
  for (const [mount, place] of table) {
    if (!other.has(mount)) yield `${what} ${place.replace(/\\(\d{3})/g, unescaped)}`
  }
}

/** Blanks and the like are in octal. */
function unescaped(_: string, octal: string): string {
  return String.fromCharCode(Number.parseInt(octal, 8))
}

/** What has gone again. */
function inGeneral({ fflags }: Kevent): string {
  if ((fflags & VQ_UNMOUNT) === 0) return 'mounted'
  return fflags & VQ_MOUNT ? 'mounted and unmounted' : 'unmounted'
}

function mounted(): Map<string, string> {
  return mountsOf(readFileSync('/proc/self/mountinfo', 'utf8'))
}
