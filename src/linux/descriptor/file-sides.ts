/**
 * How the sides are made that `sides.ts` has no epoll for: of regular files, directories and what
 * else epoll refuses, with those of regular files that it takes all the same.
 */
import { constants } from 'node:fs'
import { EINVAL, refuse } from '../../errors.js'
import { EVFILT_EXCEPT, EVFILT_READ } from '../../event.js'
import { SIDE_FILE } from '../hub/native.js'
import { refusePoll } from '../hub/nesting.js'
import type { Descriptor } from './descriptor.js'
import { FileSide, ReadySide, StillSide } from './file-side.js'
import { KERNFS, PROCFS } from './file-systems.js'
import { givesNotice, silenceOf, TellingSide, tellingOf } from './polled-file.js'
import type { Side } from './side.js'
import { WriteSide } from './write-side.js'

const { S_IFREG } = constants

/** The read side of a regular file or a directory, for which `hub.stat` has been asked. */
export function openRead(descriptor: Descriptor): Side {
  const { hub, fd } = descriptor
  const polled = hub.mode === S_IFREG ? openTelling(descriptor, EVFILT_READ) : null
  if (polled !== null) return polled
  const silence = silenceOf(descriptor)
  if (silence !== '') return new StillSide(descriptor, silence)
  return new FileSide(descriptor, hub.vnodes.open(fd, 0, true))
}

/**
 * The side of a regular file that has a poll of its own; null when it has none, or not what
 * `filter` is for.
 */
function openTelling(descriptor: Descriptor, filter: number): TellingSide | null {
  const { hub, fd } = descriptor
  if (!hub.takesPoll(fd)) return null
  const telling = tellingOf(descriptor)
  if (telling === null) return null
  if (filter === EVFILT_EXCEPT && !givesNotice(telling.ops)) return null
  const set = hub.openSet(SIDE_FILE)
  const generation = set.add(fd, true)
  if (generation < 0) {
    hub.closeSetIfEmpty(set)
    refusePoll(-generation, fd)
  }
  const side = new TellingSide(descriptor, set, generation, telling)
  descriptor.extras.polled = side
  hub.descriptors.remember(descriptor)
  hub.greet(set)
  side.greeted()
  return side
}

/** The side of a regular file that gives notice: EVFILT_EXCEPT. @throws KqueueError EINVAL */
export function openNotice(descriptor: Descriptor): TellingSide {
  const side = descriptor.polled ?? openTelling(descriptor, EVFILT_EXCEPT)
  if (side !== null && givesNotice(side.ops)) return side
  refuse(
    EINVAL,
    `descriptor ${descriptor.fd} gives no notice, as some files of sysfs and procfs do`,
  )
}

/** The write side of a regular file or a directory, for which `hub.stat` has been asked. */
export function openWrite(descriptor: Descriptor): Side {
  return descriptor.hub.mode === S_IFREG ? openRegular(descriptor) : openReady(descriptor)
}

/** The write side of a regular file. In procfs and kernfs the poll is about reading only. */
function openRegular(descriptor: Descriptor): Side {
  const { hub, fd } = descriptor
  const magic = hub.native.fileSystem(fd)
  const set = hub.writeSet
  const generation = magic === PROCFS || KERNFS.has(magic) ? 0 : set.add(fd, true)
  return generation > 0 ? new WriteSide(descriptor, set, generation) : openReady(descriptor)
}

/** The side of what is always ready. */
export function openReady(descriptor: Descriptor): Side {
  return new ReadySide(descriptor)
}
