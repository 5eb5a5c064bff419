/**
 * Network interfaces and processes that there are now, one by one. An event says that
 * something has changed; these say how it is.
 */
import { wrongType } from '../core/copyin.js'
import { ENXIO, ESRCH, fail } from '../errors.js'
import type { Bound, ProcessInfo } from './system.js'

export function if_nametoindex(system: Bound, name: string): number {
  if (typeof name !== 'string') throw wrongType('name', 'a string', name)
  const index = system().interfaces.index(name)
  if (index !== 0) return index
  fail(ENXIO, 'if_nametoindex', `there is no interface '${name}'`)
}

export function if_indextoname(system: Bound, index: number): string {
  if (typeof index !== 'number') throw wrongType('index', 'a number', index)
  const name = system().interfaces.name(index)
  if (name !== null) return name
  fail(ENXIO, 'if_indextoname', `there is no interface ${index}`)
}

export function kinfo_getproc(system: Bound, pid: number): ProcessInfo {
  if (typeof pid !== 'number') throw wrongType('pid', 'a number', pid)
  const info = Number.isInteger(pid) && pid > 0 ? system().processes.info(pid) : null
  if (info !== null) return info
  fail(ESRCH, 'kinfo_getproc', `there is no process ${pid}`)
}
