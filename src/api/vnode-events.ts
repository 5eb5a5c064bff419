/** What happens to a file or directory, a few lines over kevent, with the names of entries. */
import { options, wrongType } from '../core/copyin.js'
import { NameLog } from '../core/name-log.js'
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
import { type Abortable, abortSignal, assertDescriptor } from './arguments.js'
import { kqueue } from './queues.js'
import type { Bound, PathArgument } from './system.js'

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

/** A path, also as bytes or a `URL`, or a descriptor. */
export type FileArgument = PathArgument | number

export async function* vnodeEvents(
  system: Bound,
  file: FileArgument,
  notes: number = CHANGES,
  given: Abortable = {},
): AsyncGenerator<VnodeEvent, void, undefined> {
  const abort = abortSignal(options(given, 'options').signal)
  abort?.throwIfAborted()
  if (typeof notes !== 'number') throw wrongType('notes', 'a number', notes)
  const log = new NameLog()
  if (typeof file === 'number') assertDescriptor(system(), file)
  const fd = system().files.open(file)
  try {
    const kq = kqueue(system)
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
    system().files.close(fd)
  }
}
