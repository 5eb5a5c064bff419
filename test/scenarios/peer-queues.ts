/**
 * The queues of a peer, by the way that KQUEUE_WAY names: the C library itself through koffi;
 * the package's system for a kernel's own kqueue on that library; or the package as it is, on a
 * kernel that has one.
 */
import { createRequire } from 'node:module'
import * as kqueueOf from 'kqueue'
import { bind } from '#api/bind.js'
import { seldom } from '#api/seldom.js'
import type { Native } from '#bsd/native.js'
import { BsdSystem } from '#bsd/system.js'
import { PeerLibrary } from './peer-library.js'
import { libkqueue } from './peer-vocabulary.js'
import type { Queue } from './world.js'

export type Way = 'library' | 'system' | 'package'

function ofLibrary(): () => Queue {
  const library = new PeerLibrary(process.env.KQUEUE_PEER!)
  return () => {
    const fd = library.kqueue()
    return {
      fd,
      kevent: (changes = [], nevents = 0, timeout = null) =>
        library.kevent(fd, changes, nevents, timeout),
      close: () => library.close(fd),
    }
  }
}

function ofCalls({ kqueue }: Pick<typeof kqueueOf, 'kqueue'>): () => Queue {
  return () => {
    const kq = kqueue()
    return {
      fd: kq.fd,
      kevent: (changes, nevents, timeout) => kq.kevent(changes, nevents, timeout),
      close: () => kq.close(),
    }
  }
}

/** What makes a queue. */
export function makerOf(way: Way): () => Queue {
  if (way === 'library') return ofLibrary()
  if (way === 'package') return ofCalls(kqueueOf)
  const native = createRequire(import.meta.url)(process.env.KQUEUE_ADDON!) as Native
  const system = new BsdSystem(native, libkqueue)
  return ofCalls(
    bind(
      () => system,
      () => seldom,
    ),
  )
}
