/**
 * EVFILT_VNODE of directories: NOTE_WRITE when an entry comes or goes, NOTE_LINK for
 * subdirectories, NOTE_EXTEND for what is moved in or out. See kqueue(2).
 */
import {
  EV_CLEAR,
  EVFILT_VNODE,
  NOTE_DELETE,
  NOTE_EXTEND,
  NOTE_LINK,
  NOTE_RENAME,
  NOTE_WRITE,
} from 'kqueue/core'
import { add, chapter, expectEvents, expectNothing, next } from './scenario.js'
import type { Queue, World } from './world.js'

const scenario = chapter('EVFILT_VNODE of directories', {
  filters: [EVFILT_VNODE],
  needs: ['file', 'tree'],
})

const ENTRIES = NOTE_WRITE | NOTE_LINK | NOTE_EXTEND

/** A new directory that is watched for `notes` in a queue of its own. */
function directory(w: World, name = 'directory', notes = ENTRIES) {
  w.tree!.mkdir(name)
  const fd = w.open(name, 'r')
  const q = w.kqueue()
  q.kevent([add(fd, EVFILT_VNODE, EV_CLEAR, { fflags: notes })])
  return { q, fd }
}

function expectNotes(q: Queue, fflags: number): void {
  expectEvents([next(q)], { filter: EVFILT_VNODE, fflags, data: 0 })
}

scenario('a file that is made in it is NOTE_WRITE', (w) => {
  const { q } = directory(w)
  w.close(w.open('directory/file', 'w'))
  expectNotes(q, NOTE_WRITE)
})

scenario('a file that is removed from it is NOTE_WRITE', (w) => {
  w.tree!.mkdir('outer')
  const { q } = directory(w, 'outer/inner')
  w.close(w.open('outer/inner/file', 'w'))
  expectNotes(q, NOTE_WRITE)
  w.unlink('outer/inner/file')
  expectNotes(q, NOTE_WRITE)
})

scenario('another name for a file is NOTE_WRITE', (w) => {
  const { q } = directory(w)
  w.close(w.open('file', 'w'))
  w.tree!.link('file', 'directory/file')
  expectNotes(q, NOTE_WRITE)
})

scenario('a rename within it is NOTE_WRITE', (w) => {
  const { q } = directory(w)
  w.close(w.open('directory/file', 'w'))
  expectNotes(q, NOTE_WRITE)
  w.rename('directory/file', 'directory/other')
  expectNotes(q, NOTE_WRITE)
})

scenario('a rename of a subdirectory within it is NOTE_WRITE', (w) => {
  const { q } = directory(w)
  w.tree!.mkdir('directory/inner')
  expectNotes(q, NOTE_WRITE | NOTE_LINK)
  w.rename('directory/inner', 'directory/other')
  expectNotes(q, NOTE_WRITE)
})

scenario('a subdirectory in place of another is NOTE_LINK where there is one less', (w) => {
  const { q } = directory(w)
  for (const name of ['directory/one', 'directory/two', 'outside']) {
    w.tree!.mkdir(name)
    if (name !== 'outside') expectNotes(q, NOTE_WRITE | NOTE_LINK)
  }
  w.rename('directory/one', 'directory/two')
  expectNotes(q, NOTE_WRITE | NOTE_LINK)
  w.rename('outside', 'directory/two')
  expectNotes(q, NOTE_WRITE | NOTE_EXTEND)
})

scenario('a subdirectory that comes or goes is NOTE_LINK as well', (w) => {
  const { q } = directory(w)
  w.tree!.mkdir('directory/inner')
  expectNotes(q, NOTE_WRITE | NOTE_LINK)
  w.tree!.rmdir('directory/inner')
  expectNotes(q, NOTE_WRITE | NOTE_LINK)
})

scenario('a file that is moved in or out is NOTE_EXTEND as well', (w) => {
  const { q } = directory(w)
  w.close(w.open('file', 'w'))
  w.rename('file', 'directory/file')
  expectNotes(q, NOTE_WRITE | NOTE_EXTEND)
  w.rename('directory/file', 'file')
  expectNotes(q, NOTE_WRITE | NOTE_EXTEND)
})

scenario('a subdirectory that is moved in or out is all three', (w) => {
  const { q } = directory(w)
  w.tree!.mkdir('inner')
  w.rename('inner', 'directory/inner')
  expectNotes(q, NOTE_WRITE | NOTE_EXTEND | NOTE_LINK)
  w.rename('directory/inner', 'inner')
  expectNotes(q, NOTE_WRITE | NOTE_EXTEND | NOTE_LINK)
})

scenario('what comes in the same breath comes along', (w) => {
  const { q: links } = directory(w, 'linked', NOTE_LINK)
  const { q: moves } = directory(w, 'moved', NOTE_EXTEND)
  w.close(w.open('linked/file', 'w'))
  w.tree!.mkdir('moved/inner')
  expectNothing(links, 5)
  expectNothing(moves, 5)
  w.rename('linked/file', 'moved/file')
  w.tree!.mkdir('linked/inner')
  w.rename('moved/inner', 'moved/other')
  expectNotes(links, NOTE_WRITE | NOTE_LINK)
  expectNotes(moves, NOTE_WRITE | NOTE_EXTEND)
  w.rename('moved/other', 'linked/other')
  expectNotes(links, ENTRIES)
  expectNotes(moves, ENTRIES)
})

scenario('what is written to a file in it is not reported', (w) => {
  const { q } = directory(w)
  const fd = w.open('directory/file', 'w')
  expectNotes(q, NOTE_WRITE)
  w.write(fd, 'hello')
  w.tree!.chmod('directory/file', 0o600)
  w.close(fd)
  expectNothing(q, 5)
})

scenario('what happens in a subdirectory is not reported', (w) => {
  const { q } = directory(w)
  w.tree!.mkdir('directory/inner')
  expectNotes(q, NOTE_WRITE | NOTE_LINK)
  w.close(w.open('directory/inner/file', 'w'))
  expectNothing(q, 5)
})

scenario('a directory that a rename replaces is NOTE_DELETE', (w) => {
  const { q } = directory(w, 'directory', NOTE_DELETE | NOTE_RENAME)
  w.tree!.mkdir('other')
  w.rename('other', 'directory')
  expectNotes(q, NOTE_DELETE)
})

scenario('the end of a directory that was moved is told', (w) => {
  const { q } = directory(w, 'directory', NOTE_DELETE)
  w.tree!.mkdir('other')
  w.rename('directory', 'other/moved')
  expectNothing(q)
  w.tree!.rmdir('other/moved')
  expectNotes(q, NOTE_DELETE)
})

scenario('its own end and its own new name are NOTE_DELETE and NOTE_RENAME', (w) => {
  const { q } = directory(w, 'directory', NOTE_DELETE | NOTE_RENAME)
  w.rename('directory', 'other')
  expectNotes(q, NOTE_RENAME)
  w.tree!.rmdir('other')
  expectNotes(q, NOTE_DELETE)
})
