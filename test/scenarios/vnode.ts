/**
 * EVFILT_VNODE of files: what happened to the file behind a descriptor, whatever its
 * names. See kqueue(2), "EVFILT_VNODE".
 */
import assert from 'node:assert/strict'
import {
  EV_CLEAR,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ONESHOT,
  EVFILT_READ,
  EVFILT_VNODE,
  NOTE_ATTRIB,
  NOTE_CLOSE,
  NOTE_CLOSE_WRITE,
  NOTE_DELETE,
  NOTE_EXTEND,
  NOTE_LINK,
  NOTE_OPEN,
  NOTE_READ,
  NOTE_RENAME,
  NOTE_WRITE,
} from 'kqueue/core'
import {
  add,
  byIdent,
  chapter,
  enable,
  expectError,
  expectEvents,
  expectGone,
  expectNothing,
  next,
  pending,
  remove,
  wait,
} from './scenario.js'
import type { Queue, World } from './world.js'

const scenario = chapter('EVFILT_VNODE', { filters: [EVFILT_VNODE], needs: ['file'] })

/** A file with `content` and a writer at its beginning, watched in a queue of its own for `notes`. */
function watched(w: World, notes: number, { content = 'as it was', flags = EV_CLEAR } = {}) {
  const writer = w.open('file', 'rw')
  if (content !== '') w.write(writer, content)
  w.lseek(writer, 0)
  const fd = w.open('file', 'r')
  const q = w.kqueue()
  q.kevent([add(fd, EVFILT_VNODE, flags, { fflags: notes })])
  return { q, fd, writer }
}

/** Exactly this was noted of `fd`. */
function expectNotes(q: Queue, fd: number, fflags: number): void {
  expectEvents([next(q)], { ident: fd, filter: EVFILT_VNODE, fflags, data: 0 })
}

scenario('nothing is reported before something happens', (w) => {
  const { q } = watched(w, NOTE_WRITE | NOTE_DELETE, { content: 'hello' })
  expectNothing(q)
  expectNothing(q, 5)
})

scenario('writing is NOTE_WRITE, and NOTE_EXTEND where the file grows', (w) => {
  const { q, fd, writer } = watched(w, NOTE_WRITE | NOTE_EXTEND, { content: 'hello' })
  w.write(writer, 'HELLO')
  expectNotes(q, fd, NOTE_WRITE)
  w.write(writer, '!')
  expectNotes(q, fd, NOTE_WRITE | NOTE_EXTEND)
  expectNothing(q)
})

scenario('growing by ftruncate is NOTE_EXTEND', (w) => {
  const { q, writer } = watched(w, NOTE_EXTEND)
  w.ftruncate(writer, 100)
  assert.ok(next(q).fflags & NOTE_EXTEND)
  expectNothing(q)
})

scenario('changing the mode is NOTE_ATTRIB', { needs: ['tree'] }, (w) => {
  const { q, fd } = watched(w, NOTE_ATTRIB)
  w.tree!.chmod('file', 0o600)
  expectNotes(q, fd, NOTE_ATTRIB)
})

scenario('a new name is NOTE_LINK, and one less as well', { needs: ['tree'] }, (w) => {
  const { q, fd } = watched(w, NOTE_LINK)
  w.tree!.link('file', 'other')
  expectNotes(q, fd, NOTE_LINK)
  w.unlink('file')
  expectNotes(q, fd, NOTE_LINK)
})

scenario('one of several names less is NOTE_DELETE as well', { needs: ['tree'] }, (w) => {
  const { q, fd } = watched(w, NOTE_LINK | NOTE_DELETE)
  w.tree!.link('file', 'other')
  expectNotes(q, fd, NOTE_LINK)
  w.unlink('other')
  expectNotes(q, fd, NOTE_LINK | NOTE_DELETE)
  w.unlink('file')
  expectNotes(q, fd, NOTE_DELETE)
})

scenario('losing its last name is NOTE_DELETE while the file is open', (w) => {
  const { q, fd } = watched(w, NOTE_DELETE)
  w.unlink('file')
  expectNotes(q, fd, NOTE_DELETE)
  expectNothing(q)
})

scenario('a file without a name is reported on', (w) => {
  const { q, fd, writer } = watched(w, NOTE_DELETE | NOTE_WRITE)
  w.unlink('file')
  expectNotes(q, fd, NOTE_DELETE)
  w.write(writer, 'x')
  expectNotes(q, fd, NOTE_WRITE)
})

scenario('a file of the same name as one that is gone is another one', (w) => {
  const { q, fd } = watched(w, NOTE_DELETE | NOTE_WRITE | NOTE_ATTRIB)
  w.unlink('file')
  assert.ok(next(q).fflags & NOTE_DELETE)
  const other = w.open('file', 'w')
  w.write(other, 'x')
  w.unlink('file')
  expectNothing(q, 5)
  w.close(fd)
})

scenario('a new name in place of the old is NOTE_RENAME', (w) => {
  const { q, fd } = watched(w, NOTE_RENAME | NOTE_DELETE)
  w.rename('file', 'other')
  expectNotes(q, fd, NOTE_RENAME)
})

scenario('a renamed file is followed, and its old name is not', (w) => {
  const { q, fd, writer } = watched(w, NOTE_WRITE | NOTE_DELETE)
  w.rename('file', 'other')
  const namesake = w.open('file', 'w')
  w.write(namesake, 'x')
  expectNothing(q, 5)
  w.write(writer, 'x')
  expectNotes(q, fd, NOTE_WRITE)
  w.unlink('other')
  expectNotes(q, fd, NOTE_DELETE)
})

scenario('a file that a rename replaces is NOTE_DELETE', (w) => {
  const { q, fd } = watched(w, NOTE_RENAME | NOTE_DELETE)
  w.close(w.open('other', 'w'))
  w.rename('other', 'file')
  expectNotes(q, fd, NOTE_DELETE)
})

scenario('what a rename moves and what it replaces are both told', (w) => {
  const { q, fd } = watched(w, NOTE_RENAME | NOTE_DELETE)
  w.close(w.open('other', 'w'))
  const replaced = w.open('other', 'r')
  q.kevent([add(replaced, EVFILT_VNODE, EV_CLEAR, { fflags: NOTE_RENAME | NOTE_DELETE })])
  w.rename('file', 'other')
  expectEvents(
    byIdent(wait(q)),
    { ident: fd, fflags: NOTE_RENAME },
    { ident: replaced, fflags: NOTE_DELETE },
  )
})

scenario('a file is one file under all its names', { needs: ['tree'] }, (w) => {
  const { q, fd } = watched(w, NOTE_WRITE | NOTE_RENAME)
  w.tree!.link('file', 'other')
  const other = w.open('other', 'w')
  w.write(other, 'x')
  expectNotes(q, fd, NOTE_WRITE)
  w.rename('other', 'another')
  expectNotes(q, fd, NOTE_RENAME)
})

scenario('opening, reading and closing are NOTE_OPEN, NOTE_READ and NOTE_CLOSE', (w) => {
  const { q, fd } = watched(w, NOTE_OPEN | NOTE_READ | NOTE_CLOSE, { content: 'hello' })
  const reader = w.open('file', 'r')
  expectNotes(q, fd, NOTE_OPEN)
  w.read(reader, 5)
  expectNotes(q, fd, NOTE_READ)
  w.close(reader)
  expectNotes(q, fd, NOTE_CLOSE)
})

scenario('closing what could write is NOTE_CLOSE_WRITE', (w) => {
  const { q, fd, writer } = watched(w, NOTE_CLOSE | NOTE_CLOSE_WRITE)
  w.close(writer)
  expectNotes(q, fd, NOTE_CLOSE_WRITE)
})

scenario('closing is noted with the last duplicate', (w) => {
  const { q, fd, writer } = watched(w, NOTE_CLOSE_WRITE)
  const other = w.dup(writer)
  w.close(writer)
  expectNothing(q, 5)
  w.close(other)
  expectNotes(q, fd, NOTE_CLOSE_WRITE)
})

scenario('only what was asked for is reported', { needs: ['tree'] }, (w) => {
  const { q, fd, writer } = watched(w, NOTE_RENAME)
  w.write(writer, 'x')
  w.tree!.chmod('file', 0o600)
  expectNothing(q, 5)
  w.rename('file', 'other')
  expectNotes(q, fd, NOTE_RENAME)
})

scenario('what comes in the same breath comes along', { needs: ['tree'] }, (w) => {
  const { q, fd, writer } = watched(w, NOTE_WRITE, { content: '' })
  w.write(writer, 'x')
  w.tree!.chmod('file', 0o600)
  expectNotes(q, fd, NOTE_WRITE | NOTE_EXTEND)
  q.kevent([add(fd, EVFILT_VNODE, EV_CLEAR, { fflags: NOTE_EXTEND })])
  w.lseek(writer, 0)
  w.write(writer, 'y')
  expectNothing(q)
  w.write(writer, 'z')
  expectNotes(q, fd, NOTE_WRITE | NOTE_EXTEND)
})

scenario('growing comes along to all who ask for writing, and to nobody who came later', (w) => {
  const { q, fd, writer } = watched(w, NOTE_WRITE, { content: 'hello' })
  const also = w.kqueue()
  const later = w.kqueue()
  const writes = [add(fd, EVFILT_VNODE, EV_CLEAR, { fflags: NOTE_WRITE })]
  also.kevent(writes)
  w.write(writer, 'hello!')
  later.kevent(writes)
  w.lseek(writer, 0)
  w.write(writer, 'H')
  expectNotes(later, fd, NOTE_WRITE)
  expectNotes(q, fd, NOTE_WRITE | NOTE_EXTEND)
  expectNotes(also, fd, NOTE_WRITE | NOTE_EXTEND)
  w.write(writer, 'E')
  for (const each of [q, also, later]) expectNotes(each, fd, NOTE_WRITE)
})

scenario('adding again changes what is asked for', (w) => {
  const { q, fd, writer } = watched(w, NOTE_RENAME)
  q.kevent([add(fd, EVFILT_VNODE, EV_CLEAR, { fflags: NOTE_WRITE, udata: 'second' })])
  w.rename('file', 'other')
  expectNothing(q, 5)
  w.write(writer, 'x')
  expectEvents([next(q)], { fflags: NOTE_WRITE, udata: 'second' })
})

scenario('what happens is gathered until it is handed out', { needs: ['tree'] }, (w) => {
  const { q, fd, writer } = watched(w, NOTE_WRITE | NOTE_ATTRIB | NOTE_RENAME)
  w.write(writer, 'x')
  w.write(writer, 'y')
  w.tree!.chmod('file', 0o600)
  w.rename('file', 'other')
  expectNotes(q, fd, NOTE_WRITE | NOTE_ATTRIB | NOTE_RENAME)
  expectNothing(q)
})

scenario('attributes and growth are gathered in one event', { needs: ['tree'] }, (w) => {
  const { q, fd, writer } = watched(w, NOTE_ATTRIB | NOTE_EXTEND)
  w.tree!.chmod('file', 0o600)
  w.lseek(writer, 4096)
  w.write(writer, 'x')
  expectNotes(q, fd, NOTE_ATTRIB | NOTE_WRITE | NOTE_EXTEND)
  expectNothing(q)
})

scenario('without EV_CLEAR what happened stays', (w) => {
  const { q, fd, writer } = watched(w, NOTE_WRITE | NOTE_RENAME, { flags: 0 })
  w.write(writer, 'x')
  expectNotes(q, fd, NOTE_WRITE)
  expectNotes(q, fd, NOTE_WRITE)
  w.rename('file', 'other')
  expectNotes(q, fd, NOTE_WRITE | NOTE_RENAME)
})

scenario('a one-shot watch is gone after its event', (w) => {
  const { q, fd, writer } = watched(w, NOTE_WRITE, { flags: EV_ONESHOT })
  w.write(writer, 'x')
  expectNotes(q, fd, NOTE_WRITE)
  w.write(writer, 'x')
  expectNothing(q)
  expectGone(q, fd, EVFILT_VNODE)
})

scenario('a dispatched watch reports again when it is enabled', (w) => {
  const { q, fd, writer } = watched(w, NOTE_WRITE, { flags: EV_CLEAR | EV_DISPATCH })
  w.write(writer, 'x')
  expectNotes(q, fd, NOTE_WRITE)
  w.write(writer, 'x')
  expectNothing(q, 5)
  q.kevent([enable(fd, EVFILT_VNODE)])
  q.kevent([add(fd, EVFILT_VNODE, EV_CLEAR | EV_DISPATCH, { fflags: NOTE_WRITE })])
  w.write(writer, 'x')
  expectNotes(q, fd, NOTE_WRITE)
})

scenario('what happens while the watch is disabled is reported when it is enabled', (w) => {
  const { q, fd, writer } = watched(w, NOTE_WRITE, { flags: EV_CLEAR | EV_DISABLE })
  w.write(writer, 'x')
  expectNothing(q, 5)
  q.kevent([enable(fd, EVFILT_VNODE)])
  expectNotes(q, fd, NOTE_WRITE)
})

scenario('what happened while it was disabled outlasts a change of what is asked for', (w) => {
  const { q, fd, writer } = watched(w, NOTE_WRITE, { flags: EV_CLEAR | EV_DISABLE })
  w.write(writer, 'x')
  q.kevent([enable(fd, EVFILT_VNODE)])
  expectNotes(q, fd, NOTE_WRITE)
  w.write(writer, 'x')
  expectNothing(q, 5)
})

scenario('a deleted watch is gone with what was pending', (w) => {
  const { q, fd, writer } = watched(w, NOTE_WRITE)
  w.write(writer, 'x')
  q.kevent([remove(fd, EVFILT_VNODE)])
  expectNothing(q, 5)
  expectGone(q, fd, EVFILT_VNODE)
})

scenario('closing the descriptor ends the watch', (w) => {
  const { q, fd, writer } = watched(w, NOTE_WRITE | NOTE_DELETE)
  w.close(fd)
  w.write(writer, 'x')
  w.unlink('file')
  expectNothing(q, 5)
})

scenario('two descriptors of one file are two watches', (w) => {
  const { q, fd, writer } = watched(w, NOTE_WRITE)
  const other = w.open('file', 'r')
  q.kevent([add(other, EVFILT_VNODE, EV_CLEAR, { fflags: NOTE_WRITE | NOTE_RENAME })])
  w.write(writer, 'x')
  expectEvents(
    byIdent(wait(q)),
    { ident: fd, fflags: NOTE_WRITE },
    { ident: other, fflags: NOTE_WRITE },
  )
  w.close(fd)
  w.rename('file', 'other')
  expectNotes(q, other, NOTE_RENAME)
})

scenario('two queues are both told', (w) => {
  const { q, fd, writer } = watched(w, NOTE_WRITE)
  const other = w.kqueue()
  other.kevent([add(fd, EVFILT_VNODE, EV_CLEAR, { fflags: NOTE_WRITE })])
  w.write(writer, 'x')
  expectNotes(q, fd, NOTE_WRITE)
  expectNotes(other, fd, NOTE_WRITE)
})

scenario('a descriptor can be watched for reading as well', { filters: [EVFILT_READ] }, (w) => {
  const { q, fd, writer } = watched(w, NOTE_RENAME, { content: '' })
  q.kevent([add(fd, EVFILT_READ, EV_CLEAR)])
  w.write(writer, 'abc')
  expectEvents([next(q)], { ident: fd, filter: EVFILT_READ, data: 3 })
  w.rename('file', 'other')
  expectNotes(q, fd, NOTE_RENAME)
})

scenario('what is not open is EBADF, and a pipe is EINVAL', (w) => {
  const q = w.kqueue()
  const [r] = w.pipe()
  const fd = w.open('file', 'w')
  w.close(fd)
  expectError('EBADF', () => q.kevent([add(fd, EVFILT_VNODE, 0, { fflags: NOTE_WRITE })]))
  expectError('EINVAL', () => q.kevent([add(r, EVFILT_VNODE, 0, { fflags: NOTE_WRITE })]))
  assert.deepEqual(pending(q), [])
})
