/** Processes that follow others: where they may not know all, as ordinary users, too late. */
import { spawn } from 'node:child_process'
import { closeSync, readdirSync } from 'node:fs'
import {
  EV_ADD,
  EV_SET,
  EVFILT_PROC,
  type Kevent,
  type Kqueue,
  kqueue,
  NOTE_CHILD,
  NOTE_EXEC,
  NOTE_EXIT,
  NOTE_TRACK,
  NOTE_TRACKERR,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { LONG, runCase } from './cases.js'
import { becomeNobody } from './users.js'

const { SOL_SOCKET, SO_PROTOCOL, SO_RCVBUF } = posix.constants
const NETLINK_CONNECTOR = 11

function watch(kq: Kqueue, pid: number, notes: number): void {
  kq.kevent([EV_SET(pid, EVFILT_PROC, EV_ADD, notes >>> 0)])
}

/** The wait(2) status with which a process has exited. */
function exit(pid: number, go = () => {}): number | undefined {
  const kq = kqueue()
  watch(kq, pid, NOTE_EXIT)
  go()
  return kq.kevent([], 1, LONG)[0]?.data
}

/** Gives the connector's socket so little room. */
function shrink(room: number): void {
  for (const fd of readdirSync('/proc/self/fd').map(Number)) {
    try {
      if (posix.getsockopt(fd, SOL_SOCKET, SO_PROTOCOL) !== NETLINK_CONNECTOR) continue
      posix.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, room)
    } catch {
      // No socket.
    }
  }
}

const cases = {
  /** Prints what tracking a child fails with, and how that exits. */
  'may not track'() {
    const child = spawn('sh', ['-c', 'read x; exit 7'])
    try {
      watch(kqueue(), child.pid!, NOTE_TRACK | NOTE_EXIT)
    } catch (error) {
      console.log((error as Error).message)
    }
    console.log(
      'exit',
      exit(child.pid!, () => child.stdin.write('go\n')),
    )
  },

  /** Prints how often a child forks and how often it executes, and how all of them exit. */
  async 'follows a child as nobody'() {
    becomeNobody()
    const kq = kqueue()
    const script = 'read x; for i in 1 2 3; do /bin/true; done; exit 5'
    // Without what sanitizers preload, which makes processes of its own.
    const child = spawn('/bin/sh', ['-c', script], { env: {} })
    watch(kq, child.pid!, NOTE_TRACK | NOTE_EXIT | NOTE_EXEC)
    child.stdin.write('go\n')
    let forks = 0
    let execs = 0
    const exits: number[] = []
    while (exits.length < 4) {
      for (const { fflags, data } of await kq.wait()) {
        if (fflags & NOTE_CHILD) forks++
        if (fflags & NOTE_EXEC) execs++
        if (fflags & NOTE_EXIT) exits.push(data)
      }
    }
    console.log(JSON.stringify({ forks, execs, exits: exits.sort() }))
    kq.close()
  },

  /**
   * Follows a shell and all that it starts; prints how many children were announced, how many
   * processes ended, how many of them were told of twice, and how many were lost.
   */
  async 'follows a crowd as nobody'(script: string, count: number) {
    becomeNobody()
    const kq = kqueue()
    const shell = spawn('/bin/sh', ['-c', script], { env: {} })
    watch(kq, shell.pid!, NOTE_TRACK | NOTE_EXIT)
    shell.stdin.write('go\n')
    const announced = new Set<number>()
    const exited = new Set<number>()
    let twice = 0
    let errors = 0
    const add = (to: Set<number>, pid: number): void => {
      if (to.has(pid)) twice++
      to.add(pid)
    }
    while (exited.size < count) {
      for (const { ident, fflags } of await kq.wait({ nevents: 1024 })) {
        if (fflags & NOTE_CHILD) add(announced, ident)
        if (fflags & NOTE_EXIT) add(exited, ident)
        if (fflags & NOTE_TRACKERR) errors++
      }
    }
    console.log(JSON.stringify([announced.size, exited.size, twice, errors]))
    kq.close()
  },

  /** Prints how a process exits. */
  'asks as nobody'(pid: number) {
    becomeNobody()
    console.log(exit(pid))
  },

  /** The same of one that reads what is written to descriptor 3. */
  'asks as nobody, then tells it to go'(pid: number) {
    becomeNobody()
    console.log(exit(pid, () => posix.write(3, 'go\n')))
  },

  /**
   * Follows a shell with a socket that is soon full, and stops itself. The three children
   * that the shell leaves are found then, and end.
   */
  async 'is stopped for too long'(script: string, room: number) {
    const kq = kqueue()
    // With this process the shell is killed, also when it is stopped.
    const shell = spawn('setpriv', ['--pdeathsig', 'KILL', '/bin/sh', '-c', script], {
      stdio: ['pipe', 'ignore', 'inherit', 3],
    })
    closeSync(3)
    watch(kq, shell.pid!, NOTE_TRACK | NOTE_EXIT)
    shrink(room)
    shell.stdin!.write('go\n')
    process.kill(process.pid, 'SIGSTOP')
    const living = new Set<number>()
    let errors = 0
    const take = (events: Kevent[]): void => {
      for (const { ident, fflags } of events) {
        if (fflags & NOTE_CHILD) living.add(ident)
        if (fflags & NOTE_EXIT) living.delete(ident)
        if (fflags & NOTE_TRACKERR) errors++
      }
    }
    while (errors === 0 || living.size !== 3) take(await kq.wait({ nevents: 1024 }))
    for (const pid of living) process.kill(pid)
    while (living.size > 0) take(await kq.wait())
    shell.stdin!.end('go\n')
    kq.close()
    console.log('found')
  },
}

export type Cases = typeof cases
await runCase(cases)
