/** Processes and workers that watch files, or change them. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_SET,
  EVFILT_VNODE,
  type Kqueue,
  kqueue,
  NOTE_ATTRIB,
  NOTE_DELETE,
  NOTE_RENAME,
  NOTE_WRITE,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { runCase, say } from './cases.js'
import { descriptors } from './descriptors.js'
import { becomeNobody } from './users.js'

const O_PATH = 0o10000000

function watch(kq: Kqueue, fd: number, notes: number): void {
  kq.kevent([EV_SET(fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, notes)])
}

const next = (kq: Kqueue, ms = 0): number | undefined => kq.kevent(null, 1, ms)[0]?.fflags

/** A queue of the user nobody. */
function ofNobody(): Kqueue {
  kqueue().close()
  becomeNobody()
  return kqueue()
}

const cases = {
  /** In a worker: says the notes of a file until it is deleted. */
  async tells(path: string) {
    const kq = kqueue()
    const fd = fs.openSync(path, 'r')
    watch(kq, fd, NOTE_WRITE | NOTE_DELETE)
    say('ready')
    for await (const { fflags } of kq) {
      say(fflags)
      if (fflags & NOTE_DELETE) break
    }
    fs.closeSync(fd)
  },

  /** In a worker. */
  blocks(path: string) {
    const fd = fs.openSync(path, O_PATH)
    const kq = kqueue()
    kq.kevent([EV_SET(fd, EVFILT_VNODE, EV_ADD, NOTE_DELETE)])
    say('ready')
    kq.kevent(null, 1)
  },

  /** Renames a file to and fro when it is told to on descriptor 0, and answers on 1. */
  renames(directory: string, rounds: number, renames: number) {
    for (let round = 0; round < rounds; round++) {
      posix.poll(0, posix.constants.POLLIN, 10_000)
      posix.read(0, 1)
      for (let i = 0; i < renames; i++) {
        fs.renameSync(`${directory}/file`, `${directory}/other`)
        fs.renameSync(`${directory}/other`, `${directory}/file`)
      }
      posix.write(1, '.')
    }
  },

  'may not read a file'(directory: string) {
    const kq = ofNobody()
    const file = `${directory}/file`
    fs.writeFileSync(file, '', { mode: 0o200 })
    const fd = fs.openSync(file, 'w')
    const refused = { code: 'EACCES', message: /only who may read it/ }
    assert.throws(() => watch(kq, fd, NOTE_DELETE), refused)
    assert.deepEqual(kq.knotes(), [])
    fs.fchmodSync(fd, 0o600)
    watch(kq, fd, NOTE_DELETE)
    fs.unlinkSync(file)
    assert.equal(next(kq), NOTE_DELETE)
  },

  'may not read a file any more'(directory: string) {
    const kq = ofNobody()
    const file = `${directory}/file`
    const fd = fs.openSync(file, 'w')
    watch(kq, fd, NOTE_RENAME)
    fs.fchmodSync(fd, 0)
    assert.throws(() => watch(kq, fd, NOTE_ATTRIB), { code: 'EACCES' })
    fs.fchmodSync(fd, 0o200)
    fs.renameSync(file, `${directory}/other`)
    assert.equal(next(kq), NOTE_RENAME)
  },

  'may not read the directory above'(directory: string) {
    const kq = ofNobody()
    const above = `${directory}/above`
    fs.mkdirSync(`${above}/empty`, { recursive: true })
    const fd = fs.openSync(`${above}/empty`, 'r')
    fs.chmodSync(above, 0o300)
    watch(kq, fd, NOTE_DELETE | NOTE_RENAME)
    fs.rmdirSync(`${above}/empty`)
    assert.equal(next(kq), NOTE_DELETE)
    fs.mkdirSync(`${above}/second`)
    const second = fs.openSync(`${above}/second`, 'r')
    watch(kq, second, NOTE_DELETE | NOTE_RENAME)
    fs.mkdirSync(`${directory}/open`)
    fs.renameSync(`${above}/second`, `${directory}/open/second`)
    assert.equal(next(kq), NOTE_RENAME)
    fs.rmdirSync(`${directory}/open/second`)
    assert.equal(next(kq, 10_000), NOTE_DELETE)
  },

  'may have three watches'(directory: string) {
    const kq = kqueue()
    const fds = [1, 2, 3, 4].map((n) => fs.openSync(`${directory}/file${n}`, 'w'))
    for (const fd of fds.slice(0, 3)) watch(kq, fd, NOTE_DELETE)
    const sysctl = 'sysctl user.max_inotify_watches of this user namespace allows no more than 3'
    const full = { code: 'ENOSPC', message: new RegExp(sysctl) }
    assert.throws(() => watch(kq, fds[3]!, NOTE_DELETE), full)
    fs.unlinkSync(`${directory}/file1`)
    assert.equal(kq.kevent(null, 8, 0).length, 1)
    kq.kevent([EV_SET(fds[0]!, EVFILT_VNODE, EV_DELETE)])
    fs.mkdirSync(`${directory}/inner`)
    const inner = fs.openSync(`${directory}/inner`, 'r')
    assert.throws(() => watch(kq, inner, NOTE_DELETE), full)
    watch(kq, inner, NOTE_RENAME)
    assert.equal(kq.knotes().length, 3)
  },

  'may have no inotify'() {
    const kq = kqueue()
    const sysctl = 'sysctl user.max_inotify_instances of this user namespace allows no more than 0'
    const refused = { code: 'EMFILE', message: new RegExp(sysctl) }
    assert.throws(() => watch(kq, fs.openSync('/tmp', 'r'), NOTE_DELETE), refused)
    const before = descriptors()
    assert.throws(() => watch(kq, fs.openSync('/tmp', 'r'), NOTE_DELETE), refused)
    assert.equal(descriptors(), before + 1)
  },
}

export type Cases = typeof cases
await runCase(cases)
