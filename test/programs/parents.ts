/** Processes that have queues of their parents, and that start others with copies of theirs. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import {
  EV_ADD,
  EV_SET,
  EVFILT_USER,
  EVFILT_VNODE,
  fork,
  forkOptions,
  inheritedKqueues,
  type Kevent,
  KQUEUE_CPONFORK,
  type Kqueue,
  kqueuex,
  NOTE_TRIGGER,
  NOTE_WRITE,
} from 'kqueue'
import { runCase } from './cases.js'

/** A queue that is copied, with an event. */
function pending(): Kqueue {
  const kq = kqueuex(KQUEUE_CPONFORK)
  kq.kevent([EV_SET(1, EVFILT_USER, EV_ADD, NOTE_TRIGGER)])
  return kq
}

const cases = {
  'counts its queues'() {
    console.log(inheritedKqueues().size)
  },

  /** Exits when it has started a child that has its descriptor `fd`. */
  'leaves a child'(fd: number) {
    pending()
    const stdio: ('pipe' | 'inherit' | number)[] = ['pipe', fd, 'inherit']
    stdio[fd] = fd
    const words = [process.argv[1]!, 'is left', `${process.pid}`]
    spawn(process.execPath, words, forkOptions({ stdio, detached: true }))
    process.exit()
  },

  /** Prints how many events each of its queues has when its parent has ended. */
  'is left'(parent: number) {
    while (process.ppid === parent);
    for (const kq of inheritedKqueues().values()) console.log(kq.kevent([], 8, 0).length)
  },

  /** Starts a child that cannot have an inotify instance, and is told so. */
  async 'has the last inotify instance'(path: string, inheritor: string) {
    const kq = pending()
    kq.kevent([EV_SET(openSync(path, 'w'), EVFILT_VNODE, EV_ADD, NOTE_WRITE)])
    const child = fork(inheritor, [], { stdio: ['pipe', 'inherit', 'pipe', 'ipc'] })
    child.send({ what: 'events', fd: kq.fd, timeout: 0 })
    const [[events], [warning]] = (await Promise.all([
      once(child, 'message'),
      once(child.stderr!, 'data'),
    ])) as [[Kevent[]], [Buffer]]
    child.disconnect()
    assert.deepEqual(
      events.map(({ ident }) => ident),
      [1],
    )
    assert.match(
      String(warning),
      /KqueueWarning: one event is missing in the copy of a kqueue: ident \d+, filter -4: EMFILE, .*max_inotify_instances/,
    )
    console.log('whole')
  },
}

export type Cases = typeof cases
await runCase(cases)
