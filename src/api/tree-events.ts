/** What happens below a directory, to which path: one watch a directory, none a file. */
import type { Abort } from '../core/abort.js'
import { options, wrongType } from '../core/copyin.js'
import { EV_ADD, EV_CLEAR, EV_SET, EVFILT_READ, KQUEUE_TRUSTFD } from '../event.js'
import { type Abortable, abortSignal } from './arguments.js'
import type { Kqueue } from './kqueue.js'
import { kqueuex } from './queues.js'
import type { Seldom } from './seldom.js'
import type { Bound, PathArgument, SystemProcesses } from './system.js'
import type { Tree, TreeEvent, TreeRules } from './trees/tree.js'

/** How a tree is watched. */
export interface TreeOptions extends Abortable {
  /** Whether directories below are watched, too; true by default. */
  recursive?: boolean | undefined
  /** Whether a symbolic link to a directory is one; false by default. */
  followSymlinks?: boolean | undefined
  /**
   * Whether a path is not told of and, if it is a directory, not entered: it takes no watch
   * then. The path is as in events. What it throws ends the iteration.
   */
  ignore?: ((path: string, directory: boolean) => boolean) | undefined
  /**
   * How names that are bytes become text: 'utf8', in which what is no UTF-8 is U+FFFD, by
   * default; or 'latin1', a character for each byte, from which `Buffer.from(path, 'latin1')`
   * makes any path that there is.
   */
  encoding?: 'utf8' | 'latin1' | undefined
  /** Called once: what happens from now on is told. */
  ready?: (() => void) | undefined
}

/** How long the program waits for a tree to be read before others have their turn: ms. */
const SLICE = 20
/** How long the second name of a rename may take to come: ms. */
const PAIR = 5

function rules(asked: TreeOptions): TreeRules {
  const { recursive = true, followSymlinks = false, encoding = 'utf8', ignore } = asked
  if (typeof recursive !== 'boolean') throw wrongType('recursive', 'a boolean', recursive)
  if (typeof followSymlinks !== 'boolean') {
    throw wrongType('followSymlinks', 'a boolean', followSymlinks)
  }
  if (ignore !== undefined && typeof ignore !== 'function') {
    throw wrongType('ignore', 'a function', ignore)
  }
  if (encoding !== 'utf8' && encoding !== 'latin1') {
    if (typeof encoding !== 'string') throw wrongType('encoding', 'a string', encoding)
    const error = new TypeError(`encoding must be 'utf8' or 'latin1', not '${encoding}'`)
    throw Object.assign(error, { code: 'ERR_INVALID_ARG_VALUE' })
  }
  return { recursive, follow: followSymlinks, encoding, ignore }
}

export async function* treeEvents(
  system: Bound,
  seldom: (syscall: string) => Seldom,
  path: PathArgument,
  given: TreeOptions = {},
): AsyncGenerator<TreeEvent, void, undefined> {
  const asked = options(given, 'options')
  const { ready } = asked
  const abort = abortSignal(asked.signal)
  abort?.throwIfAborted()
  const how = rules(asked)
  if (ready !== undefined && typeof ready !== 'function') {
    throw wrongType('ready', 'a function', ready)
  }
  if (typeof path === 'number') throw wrongType('path', 'a path', path)
  const { processes, trees } = system()
  const { Tree } = seldom('open')
  const source = trees.open(path)
  try {
    // Closed before the descriptor, which nobody else has, and read until it is empty.
    const kq = kqueuex(system, KQUEUE_TRUSTFD)
    try {
      kq.kevent([EV_SET(source.fd, EVFILT_READ, EV_ADD | EV_CLEAR)])
      const tree = new Tree(source, how)
      let start = processes.now()
      for (const _ of tree.begin()) {
        if (processes.now() - start < SLICE) continue
        await kq.wait({ nevents: 1, timeout: 0, signal: abort })
        start = processes.now()
      }
      ready?.()
      yield* follow(tree, kq, processes, abort)
    } finally {
      kq.close()
    }
  } finally {
    source.close()
  }
}

async function* follow(
  tree: Tree,
  kq: Kqueue,
  { now }: SystemProcesses,
  abort: Abort | undefined,
): AsyncGenerator<TreeEvent, void, undefined> {
  for (let held = 0; ; ) {
    const events = tree.take(held > 0 && now() - held >= PAIR)
    for (const event of events) {
      yield event
      abort?.throwIfAborted()
    }
    if (tree.ended) return
    if (!tree.holding) held = 0
    else if (held === 0) held = now()
    await kq.wait({ nevents: 1, timeout: held > 0 ? PAIR : null, signal: abort })
  }
}
