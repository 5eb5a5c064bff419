/**
 * What /proc tells of processes: proc_pid_stat(5). It tells by number; whether that is
 * still the process that is meant is for the caller to know.
 */
import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs'

/** ns of a clock tick, in which /proc counts: USER_HZ is 100 wherever Node.js runs. */
export const TICK = 1e7

export interface ProcessStat {
  /** 'Z' for a zombie. */
  readonly state: string
  readonly parent: number
  readonly group: number
  readonly session: number
  /** The group that the keys of its terminal signal, -1 without a terminal. */
  readonly foreground: number
  /** When it began, CLOCK_BOOTTIME in ns, rounded down to a tick. */
  readonly start: number
  /** The wait(2) status of a zombie; 0 also where this process may not know it. */
  readonly status: number
}

const BUFFER = 4096
let buffer: Buffer | undefined

/** /proc/PID/stat, null when there is no such process or it is not shown. */
export function processStat(pid: number | 'self'): ProcessStat | null {
  const text = read(`/proc/${pid}/stat`)
  if (text === null) return null
  // The name of the program comes second, in parentheses, and may hold any character.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return {
    state: fields[0] ?? '',
    parent: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    foreground: Number(fields[5]),
    start: Number(fields[19]) * TICK,
    status: Number(fields[49] ?? 0),
  }
}

/** Whether a number is that of a thread, which /proc does not list, but knows. */
export function isThread(number: number): boolean {
  const status = read(`/proc/${number}/status`)
  return status !== null && !status.includes(`\nTgid:\t${number}\n`)
}

function read(path: string): string | null {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch {
    return null
  }
  buffer ??= Buffer.allocUnsafe(BUFFER)
  try {
    return buffer.toString('latin1', 0, readSync(fd, buffer, 0, BUFFER, 0))
  } catch {
    return null
  } finally {
    closeSync(fd)
  }
}

/** Whether /proc is of our own pid namespace, so that its numbers are ours. */
export function procfsIsOurs(): boolean {
  try {
    return readlinkSync('/proc/self') === String(process.pid)
  } catch {
    return false
  }
}

/** All processes by the number of their parent. */
export function childrenByParent(): Map<number, { pid: number; start: number }[]> {
  const children = new Map<number, { pid: number; start: number }[]>()
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    const stat = Number.isInteger(pid) ? processStat(pid) : null
    if (stat === null) continue
    const siblings = children.get(stat.parent)
    if (siblings === undefined) children.set(stat.parent, [{ pid, start: stat.start }])
    else siblings.push({ pid, start: stat.start })
  }
  return children
}

/**
 * Whether this process may know how a zombie ended: all of its user and group ids are
 * ours, or we have CAP_SYS_PTRACE. ptrace(2), "PTRACE_MODE_READ_FSCREDS".
 */
export function mayReadStatus(pid: number): boolean {
  const status = read(`/proc/${pid}/status`)
  if (status === null) return false
  const isOurs =
    isAll('Uid', status, process.geteuid?.()) && isAll('Gid', status, process.getegid?.())
  return isOurs || capableOfPtrace()
}

/** Whether the real, effective and saved id are this one. */
function isAll(field: 'Uid' | 'Gid', status: string, id: number | undefined): boolean {
  return status.includes(`\n${field}:\t${id}\t${id}\t${id}\t`)
}

const CAP_SYS_PTRACE = 1n << 19n

function capableOfPtrace(): boolean {
  const line = /^CapEff:\s*([0-9a-f]+)/m.exec(read('/proc/self/status') ?? '')
  return line !== null && (BigInt(`0x${line[1]}`) & CAP_SYS_PTRACE) !== 0n
}

/** The pid that /proc gives the process behind a pidfd of ours, -1 when it was reaped. */
export function pidOfDescriptor(fd: number): number {
  const found = /^Pid:\s*(-?\d+)/m.exec(read(`/proc/self/fdinfo/${fd}`) ?? '')
  return Number(found?.[1] ?? -1)
}
