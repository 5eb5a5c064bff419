/**
 * EVFILT_READ of regular files: reported while the offset is not at the end of
 * the file, `data` is the way from the offset to the end. See kqueue(2),
 * "EVFILT_READ", "Vnodes".
 */
import {
  EV_CLEAR,
  EV_DISABLE,
  EV_ONESHOT,
  EVFILT_READ,
  EVFILT_WRITE,
  NOTE_FILE_POLL,
} from 'kqueue/core'
import {
  add,
  byIdent,
  chapter,
  enable,
  expectEvents,
  expectGone,
  expectNothing,
  pending,
  wait,
} from './scenario.js'
import type { World } from './world.js'

const scenario = chapter('EVFILT_READ of files', { filters: [EVFILT_READ], needs: ['file'] })

/** A file with `content`, opened for appending and for reading. */
function file(w: World, content: string, name = 'file'): { writer: number; reader: number } {
  const writer = w.open(name, 'a')
  if (content !== '') w.write(writer, content)
  return { writer, reader: w.open(name, 'r') }
}

scenario('a file reports the bytes from its offset to its end', (w) => {
  const q = w.kqueue()
  const { reader } = file(w, 'hello world')
  q.kevent([add(reader, EVFILT_READ)])
  expectEvents(pending(q), { ident: reader, flags: 0, fflags: 0, data: 11 })
  w.read(reader, 6)
  expectEvents(pending(q), { ident: reader, data: 5 })
})

scenario('a file is not reported while its offset is at the end', (w) => {
  const q = w.kqueue()
  const { reader } = file(w, 'hello')
  q.kevent([add(reader, EVFILT_READ)])
  w.lseek(reader, 4)
  expectEvents(pending(q), { ident: reader, data: 1 })
  w.lseek(reader, 5)
  expectNothing(q)
  expectNothing(q, 5)
})

scenario('an empty file is not reported', (w) => {
  const q = w.kqueue()
  const { reader } = file(w, '')
  q.kevent([add(reader, EVFILT_READ)])
  expectNothing(q)
})

scenario('a file is reported again each time it grows', (w) => {
  const q = w.kqueue()
  const { reader, writer } = file(w, '')
  q.kevent([add(reader, EVFILT_READ)])
  expectNothing(q)
  for (let i = 1; i <= 4; i++) {
    w.write(writer, 'abcd')
    expectEvents(wait(q), { ident: reader, data: 4 })
    w.lseek(reader, 4 * i)
    expectNothing(q)
  }
})

scenario('reading to the end and growing is reported', (w) => {
  const q = w.kqueue()
  const { reader, writer } = file(w, 'start')
  q.kevent([add(reader, EVFILT_READ)])
  for (let i = 0; i < 3; i++) {
    expectEvents(wait(q), { ident: reader, data: 5 })
    w.read(reader, 64)
    expectNothing(q)
    w.write(writer, '12345')
  }
})

scenario('growth by truncating upwards is reported', (w) => {
  const q = w.kqueue()
  const { reader, writer } = file(w, '')
  q.kevent([add(reader, EVFILT_READ)])
  w.ftruncate(writer, 100)
  expectEvents(wait(q), { ident: reader, data: 100 })
})

scenario('an offset beyond the end is reported with negative data', (w) => {
  const q = w.kqueue()
  const { reader } = file(w, 'hello')
  w.lseek(reader, 8)
  q.kevent([add(reader, EVFILT_READ)])
  expectEvents(pending(q), { ident: reader, data: -3 })
})

scenario('a file that is cut below the offset is reported with negative data', (w) => {
  const q = w.kqueue()
  const { reader, writer } = file(w, 'hello')
  w.lseek(reader, 5)
  q.kevent([add(reader, EVFILT_READ)])
  expectNothing(q)
  w.ftruncate(writer, 2)
  expectEvents(wait(q), { ident: reader, data: -3 })
})

scenario('seeking back from the end is reported', (w) => {
  const q = w.kqueue()
  const { reader } = file(w, 'hello')
  w.lseek(reader, 5)
  q.kevent([add(reader, EVFILT_READ)])
  expectNothing(q)
  w.lseek(reader, 1)
  expectEvents(pending(q), { ident: reader, data: 4 })
})

scenario('a file with EV_CLEAR is reported once, and again when it is written', (w) => {
  const q = w.kqueue()
  const { reader, writer } = file(w, 'hello')
  q.kevent([add(reader, EVFILT_READ, EV_CLEAR)])
  expectEvents(pending(q), { ident: reader, data: 5 })
  expectNothing(q)
  w.write(writer, '!')
  expectEvents(wait(q), { ident: reader, data: 6 })
  expectNothing(q)
})

scenario('what a read leaves of a file with EV_CLEAR is reported again', (w) => {
  const q = w.kqueue()
  const { reader } = file(w, 'hello')
  q.kevent([add(reader, EVFILT_READ, EV_CLEAR)])
  for (const left of [5, 4, 2]) {
    expectEvents(pending(q), { ident: reader, data: left })
    expectNothing(q)
    w.read(reader, left === 5 ? 1 : 2)
  }
  w.read(reader, 8)
  expectNothing(q)
})

scenario('a one-shot watch of a file is gone after its event', (w) => {
  const q = w.kqueue()
  const { reader } = file(w, 'hello')
  q.kevent([add(reader, EVFILT_READ, EV_ONESHOT)])
  expectEvents(pending(q), { ident: reader, data: 5 })
  expectNothing(q)
  expectGone(q, reader, EVFILT_READ)
})

scenario('growth while the knote is disabled is reported when it is enabled', (w) => {
  const q = w.kqueue()
  const { reader, writer } = file(w, '')
  q.kevent([add(reader, EVFILT_READ, EV_DISABLE)])
  w.write(writer, 'abc')
  expectNothing(q)
  q.kevent([enable(reader, EVFILT_READ)])
  expectEvents(pending(q), { ident: reader, data: 3 })
})

scenario('a file that was unlinked is reported on', (w) => {
  const q = w.kqueue()
  const { reader, writer } = file(w, '')
  w.unlink('file')
  q.kevent([add(reader, EVFILT_READ)])
  expectNothing(q)
  for (let i = 1; i <= 2; i++) {
    w.write(writer, 'abcd')
    expectEvents(wait(q), { ident: reader, data: 4 })
    w.lseek(reader, 4 * i)
    expectNothing(q)
  }
})

scenario('a file that is unlinked while it is watched is reported on', (w) => {
  const q = w.kqueue()
  const { reader, writer } = file(w, '')
  q.kevent([add(reader, EVFILT_READ)])
  w.unlink('file')
  expectNothing(q)
  w.write(writer, 'abc')
  expectEvents(wait(q), { ident: reader, data: 3 })
})

scenario('a file that is renamed while it is watched is reported on', (w) => {
  const q = w.kqueue()
  const { reader, writer } = file(w, '')
  q.kevent([add(reader, EVFILT_READ)])
  w.rename('file', 'other')
  expectNothing(q)
  w.write(writer, 'abc')
  expectEvents(wait(q), { ident: reader, data: 3 })
})

scenario('a file that takes the name of a watched one is not reported for it', (w) => {
  const q = w.kqueue()
  const { reader } = file(w, '')
  q.kevent([add(reader, EVFILT_READ)])
  const other = file(w, '', 'other')
  w.rename('other', 'file')
  w.write(other.writer, 'abc')
  expectNothing(q, 5)
})

scenario('NOTE_FILE_POLL reports a file even at its end', (w) => {
  const q = w.kqueue()
  const { reader } = file(w, 'hello')
  q.kevent([add(reader, EVFILT_READ, 0, { fflags: NOTE_FILE_POLL })])
  expectEvents(pending(q), { ident: reader, data: 5 })
  w.lseek(reader, 5)
  expectEvents(pending(q), { ident: reader, data: 0 })
  expectEvents(pending(q), { ident: reader, data: 0 })
})

scenario('two descriptors of one file have their own offsets', (w) => {
  const q = w.kqueue()
  const { reader, writer } = file(w, 'hello')
  const other = w.open('file', 'r')
  q.kevent([add(reader, EVFILT_READ), add(other, EVFILT_READ)])
  w.lseek(reader, 5)
  expectEvents(pending(q), { ident: other, data: 5 })
  w.write(writer, '!')
  expectEvents(byIdent(wait(q)), { ident: reader, data: 1 }, { ident: other, data: 6 })
})

scenario('duplicates of one descriptor share the offset', (w) => {
  const q = w.kqueue()
  const { reader, writer } = file(w, 'hello')
  const other = w.dup(reader)
  q.kevent([add(reader, EVFILT_READ), add(other, EVFILT_READ)])
  w.lseek(other, 5)
  expectNothing(q)
  w.write(writer, 'xyz')
  expectEvents(byIdent(wait(q)), { ident: reader, data: 3 }, { ident: other, data: 3 })
  w.close(reader)
  expectEvents(pending(q), { ident: other, data: 3 })
})

scenario('two queues are both told that a file grows', (w) => {
  const one = w.kqueue()
  const two = w.kqueue()
  const { reader, writer } = file(w, '')
  one.kevent([add(reader, EVFILT_READ)])
  two.kevent([add(reader, EVFILT_READ)])
  w.write(writer, 'ab')
  expectEvents(wait(one), { ident: reader, data: 2 })
  expectEvents(wait(two), { ident: reader, data: 2 })
})

scenario('many files are told apart', (w) => {
  const q = w.kqueue()
  const files = Array.from({ length: 50 }, (_, i) => file(w, '', `file${i}`))
  q.kevent(files.map(({ reader }) => add(reader, EVFILT_READ)))
  expectNothing(q)
  for (const i of [7, 31]) w.write(files[i]!.writer, 'x'.repeat(i))
  const events = [...wait(q, 1), ...wait(q, 1)]
  expectEvents(
    byIdent(events),
    { ident: files[7]!.reader, data: 7 },
    { ident: files[31]!.reader, data: 31 },
  )
})

scenario('a queue becomes readable by itself when a file grows', { needs: ['poll'] }, (w) => {
  const q = w.kqueue()
  const { reader, writer } = file(w, '')
  q.kevent([add(reader, EVFILT_READ)])
  if (w.readable(q.fd)) expectNothing(q)
  w.write(writer, 'x')
  if (!w.readable(q.fd, 1000)) throw new Error('the queue is not readable')
  expectEvents(pending(q), { ident: reader, data: 1 })
})

scenario('a file can be watched for reading and for writing', { filters: [EVFILT_WRITE] }, (w) => {
  const q = w.kqueue()
  const fd = w.open('file', 'rw')
  q.kevent([add(fd, EVFILT_READ), add(fd, EVFILT_WRITE, EV_CLEAR)])
  expectEvents(pending(q), { ident: fd, filter: EVFILT_WRITE })
  expectNothing(q)
  w.write(fd, 'abc')
  w.lseek(fd, 1)
  const events = wait(q)
  expectEvents(
    events.filter((event) => event.filter === EVFILT_READ),
    { ident: fd, data: 2 },
  )
})
