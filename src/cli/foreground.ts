/** Who gets the signals of a terminal's keys. */
import { kinfo_getproc } from '../index.js'

/** Whether the keys of a terminal signal this process and those of its group. */
export function isForeground(): boolean {
  const { pgid, tpgid } = kinfo_getproc(process.pid)
  return pgid === tpgid
}
