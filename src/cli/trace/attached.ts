/**
 * A process that runs already, in the place of a command: `kq trace -p PID`.
 */
import { readFileSync } from 'node:fs'
import { kinfo_getproc } from '../../index.js'
import { SourceError } from '../errors.js'
import type { Gate } from './gate.js'
import type { Traced } from './history.js'

/** It has begun, and nobody waits for it to. @throws SourceError there is none */
export function attachedGate(pid: number): Gate {
  try {
    kinfo_getproc(pid)
  } catch (error) {
    throw new SourceError(`--pid ${pid}`, error)
  }
  return { pid, go: async () => 0, shut() {} }
}

/** Bytes of a command line that are kept, as of those that are executed. */
const MOST = 4096

/**
 * What a process runs now: proc_pid_comm(5), proc_pid_cmdline(5). Its words are null for a
 * kernel thread, a zombie, and where nobody may know.
 */
export function programOf(pid: number): Pick<Traced, 'name' | 'words'> {
  const name = read(`/proc/${pid}/comm`).replace(/\n$/, '')
  const line = read(`/proc/${pid}/cmdline`)
  if (line === '') return { name, words: null }
  const kept = line.length > MOST ? `${line.slice(0, MOST)}…` : line.replace(/\0$/, '')
  return { name, words: kept.split('\0') }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // It is gone.
    return ''
  }
}
