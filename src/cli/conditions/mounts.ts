/**
 * `--fs`: file systems are mounted and unmounted. The event only says that, so the table
 * of what is mounted is compared for the words.
 */
import {
  EV_ADD,
  EV_SET,
  EVFILT_FS,
  getmntinfo,
  type Kevent,
  VQ_MOUNT,
  VQ_UNMOUNT,
} from '../../index.js'
import type { Condition } from '../condition.js'

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
  for (const [mount, path] of table) if (!other.has(mount)) yield `${what} ${path}`
}

/** What has gone again. */
function inGeneral({ fflags }: Kevent): string {
  if ((fflags & VQ_UNMOUNT) === 0) return 'mounted'
  return fflags & VQ_MOUNT ? 'mounted and unmounted' : 'unmounted'
}

/** Where each is mounted. */
function mounted(): Map<string, string> {
  return new Map(getmntinfo().map((mount) => [JSON.stringify(mount), mount.path]))
}
