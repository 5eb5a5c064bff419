/**
 * What this system has of what the package asks Linux for, by which tests are skipped; see
 * posix_system.c. Whether this user may have it is another question.
 */
import { readFileSync } from 'node:fs'
import { addon } from './posix.js'

interface System {
  hasConnector(): number
  hasAcceptQueue(): number
  hasBytesAcked(): number
  hasLateStatus(): number
  hasNocldwait(): number
  hasIoSetup(): number
  hasSeccomp(): number
  hasPacketMode(): number
}

const system = addon('posix') as System

/** The process connector, which tells of forks and execs. */
export const hasConnector = (): boolean => system.hasConnector() === 1
/** Of a socket that listens, how many connections wait. */
export const hasAcceptQueue = (): boolean => system.hasAcceptQueue() === 1
/** How much the other end of a TCP connection has taken, `TCP_INFO`. */
export const hasBytesAcked = (): boolean => system.hasBytesAcked() === 1
/** The status of a process that somebody else has waited for, `PIDFD_GET_INFO`. */
export const hasLateStatus = (): boolean => system.hasLateStatus() === 1
/** Children without zombies while there is a handler of SIGCHLD, `SA_NOCLDWAIT`. */
export const hasNocldwait = (): boolean => system.hasNocldwait() === 1
/** `TIOCGPKT`, by which the master of a pseudo-terminal is known. */
export const hasPacketMode = (): boolean => system.hasPacketMode() === 1

/** When this process began, as a file of /proc tells. */
const startIn = (path: string) => readFileSync(path, 'latin1').split(') ').at(-1)!.split(' ')[19]
/** Whether all threads are told the same of that; an emulator may make it up for each. */
export const hasStart = (): boolean =>
  startIn('/proc/self/stat') === startIn(`/proc/self/task/${process.pid}/stat`)

/** Why tests of each draining of a TCP connection are skipped, false where they are not. */
export const lacksBytesAcked: string | false =
  !hasBytesAcked() && 'this system does not tell how much of TCP was taken'
/** Why tests of a status that was waited for are skipped, false where they are not. */
export const lacksLateStatus: string | false =
  !hasLateStatus() && 'this system tells no status of who was waited for'
/** Why tests of files whose poll never tells are skipped, false where they are not. */
export const lacksIoSetup: string | false =
  system.hasIoSetup() !== 1 && 'this system has no io_setup(2)'
/** Why tests where system calls are refused are skipped, false where they are not. */
export const lacksSeccomp: string | false =
  system.hasSeccomp() !== 1 && 'this system has no seccomp(2)'
/** Why tests of forks and execs are skipped, false where they are not. */
export const lacksForks: string | false = !hasConnector() && 'this system has no process connector'
