/** A queue that watches files in the simulated kernel, and says by name what it was told. */
import assert from 'node:assert/strict'
import {
  EV_ADD,
  EV_CLEAR,
  EV_SET,
  EVFILT_VNODE,
  type Kevent,
  NOTE_ATTRIB,
  NOTE_CLOSE,
  NOTE_CLOSE_WRITE,
  NOTE_DELETE,
  NOTE_EXTEND,
  NOTE_LINK,
  NOTE_OPEN,
  NOTE_READ,
  NOTE_RENAME,
  NOTE_REVOKE,
  NOTE_WRITE,
  O_CREAT,
  O_RDONLY,
  O_WRONLY,
  SimKernel,
} from 'kqueue/sim'

export type Process = SimKernel['init']

const NOTES = {
  DELETE: NOTE_DELETE,
  WRITE: NOTE_WRITE,
  EXTEND: NOTE_EXTEND,
  ATTRIB: NOTE_ATTRIB,
  LINK: NOTE_LINK,
  RENAME: NOTE_RENAME,
  REVOKE: NOTE_REVOKE,
  OPEN: NOTE_OPEN,
  CLOSE: NOTE_CLOSE,
  CLOSE_WRITE: NOTE_CLOSE_WRITE,
  READ: NOTE_READ,
}

export const ALL = Object.values(NOTES).reduce((all, note) => all | note)

/** A fresh kernel and its first process. */
export function unix() {
  const kernel = new SimKernel()
  return { kernel, p: kernel.init }
}

/** Makes a file with this content. */
export function write(p: Process, path: string, content = ''): void {
  const fd = p.open(path, O_WRONLY | O_CREAT)
  if (content !== '') p.write(fd, content)
  p.close(fd)
}

/** What a file says. */
export function read(p: Process, path: string): string {
  const fd = p.open(path, O_RDONLY)
  const text = new TextDecoder().decode(p.read(fd, 1 << 20))
  p.close(fd)
  return text
}

/** What is pending. */
export function pending(p: Process, kq: number): Kevent[] {
  return p.kevent(kq, [], 64, 0)
}

/** Watches a descriptor for `notes`; answers what was noted since the last time, 'WRITE EXTEND'. */
export function watch(p: Process, fd: number, notes = ALL): () => string {
  const kq = p.kqueue()
  p.kevent(kq, [EV_SET(fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, notes)])
  return () => {
    const events = pending(p, kq)
    assert.ok(events.length <= 1, 'one event a file')
    const event = events[0]
    if (event === undefined) return ''
    assert.deepEqual([event.ident, event.filter, event.data], [fd, EVFILT_VNODE, 0])
    return Object.entries(NOTES)
      .filter(([, note]) => event.fflags & note)
      .map(([name]) => name)
      .join(' ')
  }
}

/** Opens a file or directory to watch it. */
export function watchPath(p: Process, path: string, notes = ALL): () => string {
  return watch(p, p.open(path, O_RDONLY), notes)
}

/** The call fails with this code. */
export function fails(code: string, call: () => unknown): void {
  assert.throws(call, { name: 'KqueueError', code })
}
