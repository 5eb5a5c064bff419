/** What does instead, where a system lacks what a program asks of its kqueue. */

const INSTEAD: Readonly<Record<string, string>> = {
  EVFILT_AIO: 'node:fs reads and writes without blocking',
  EVFILT_LIO: 'node:fs reads and writes without blocking',
  EVFILT_PROCDESC: 'EVFILT_PROC with the pid tells of its exit',
  EVFILT_FS: 'getmntinfo() tells what is mounted, when it is asked',
  EVFILT_USER: 'a pipe of your own, watched with EVFILT_READ, can be triggered',
  EVFILT_EMPTY: 'EVFILT_WRITE tells how much room there is',
  EVFILT_NETDEV: 'a routing socket, watched with EVFILT_READ, tells of interfaces',
  EVFILT_EXCEPT: 'with SO_OOBINLINE the data come to EVFILT_READ',
  EV_FORCEONESHOT: 'an EVFILT_USER event with NOTE_TRIGGER is reported at once',
  NOTE_FILE_POLL: 'regular files need no waiting',
  NOTE_FORK: 'EVFILT_PROC with the pid has it',
  NOTE_EXEC: 'EVFILT_PROC with the pid has it',
  NOTE_REAP: 'NOTE_EXIT tells of the exit',
  NOTE_TRACK: 'NOTE_FORK tells that a process has children',
  NOTE_REVOKE: 'NOTE_DELETE tells of the removal',
  NOTE_OPEN: 'NOTE_ATTRIB and NOTE_WRITE tell of changes',
  NOTE_CLOSE: 'NOTE_ATTRIB and NOTE_WRITE tell of changes',
  NOTE_CLOSE_WRITE: 'NOTE_WRITE tells of each write',
  NOTE_READ: 'NOTE_ATTRIB and NOTE_WRITE tell of changes',
  NOTE_ABSTIME: 'an interval until that time, with EV_ONESHOT, is set anew when the clock is',
}

/** A clause for the reason of an error. */
export function insteadOf(name: string, system: string): string {
  return INSTEAD[name] ?? `this version of ${system} counts in milliseconds only`
}
