/** Who gets the signals of a terminal's keys. */
import { processStat } from '../linux/procfs.js'

/** Whether the keys of a terminal signal this process and those of its group. */
export function isForeground(): boolean {
  const stat = processStat('self')
  return stat !== null && stat.group === stat.foreground
}
