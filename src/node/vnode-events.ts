/** What happens to a file or directory, a few lines over kevent, with the names of entries. */
import { closeSync, openSync, type PathLike } from 'node:fs'
import { options, wrongType } from '../core/copyin.js'
import {
  EV_ADD,
  EV_CLEAR,
  EV_SET,
  EVFILT_VNODE,
  NOTE_ATTRIB,
  NOTE_DELETE,
  NOTE_EXTEND,
  NOTE_LINK,
  NOTE_RENAME,
  NOTE_REVOKE,
  NOTE_WRITE,
} from '../event.js'
import { NameLog } from '../linux/name-log.js'
import { abortSignal, assertDescriptor } from './arguments.js'
import { kqueue } from './kqueue.js'

/** What happened to a file or directory. */
export interface VnodeEvent {
  /** NOTE_* of EVFILT_VNODE. */
  readonly notes: number
  /**
   * Of a directory, the names that came, went or were renamed, each once; not those in its
   * subdirectories. None when nothing of the kind happened, or when there was more than the
   * system could keep; then `notes` are all that were asked for.
   */
  readonly names: string[]
}

/** What changes a file; not who opens and reads it. */
const CHANGES =
  NOTE_DELETE | NOTE_WRITE | NOTE_EXTEND | NOTE_ATTRIB | NOTE_LINK | NOTE_RENAME | NOTE_REVOKE

/** O_PATH, which Node.js does not name: opens without reading, waiting, or being an event. */
const O_PATH = 0o10000000

/** A descriptor of our own for a file, or for what is behind a descriptor. */
function openOwn(file: PathLike | number): number {
  if (typeof file !== 'number') return openSync(file, O_PATH)
  assertDescriptor(file)
  return openSync(`/proc/self/fd/${file}`, O_PATH)
}

/**
 * What happens to a file or directory, from the first `next()` on until the loop is left:
 * EVFILT_VNODE. What happens between two turns of the loop gathers in one event. The file is
 * followed, not its path; after its removal there may be more events from those who have it
 * open.
 * @param file a path, or a descriptor, which may be closed as soon as the first event is
 *   waited for
 * @param notes what to report, NOTE_*; without, all but NOTE_OPEN, NOTE_CLOSE,
 *   NOTE_CLOSE_WRITE and NOTE_READ
 * @throws (rejects with) ENOENT, EACCES and what else open(2) fails with; KqueueError EBADF,
 *   EINVAL no file or directory, ENOTSUP, EACCES, ENOSPC, EMFILE, see docs/files.md; the
 *   signal's reason
 */
export async function* vnodeEvents(
  file: PathLike | number,
  notes: number = CHANGES,
  given: { signal?: AbortSignal } = {},
): AsyncGenerator<VnodeEvent, void, undefined> {
  const abort = abortSignal(options(given, 'options').signal)
  abort?.throwIfAborted()
  if (typeof notes !== 'number') throw wrongType('notes', 'a number', notes)
  const log = new NameLog()
  const fd = openOwn(file)
  try {
    const kq = kqueue()
    try {
      kq.kevent([EV_SET(fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, notes, 0, log)])
      for (;;) {
        const [event] = await kq.wait({ nevents: 1, signal: abort })
        const names = log.take()
        yield { notes: names === null ? notes : event!.fflags, names: names ?? [] }
      }
    } finally {
      kq.close()
    }
  } finally {
    closeSync(fd)
  }
}
