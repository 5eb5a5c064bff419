// EVFILT_VNODE: what is done to a file and to its directory, one thing after another, is
// reported as exactly that; and the names that come and go, as vnodeEvents tells them.
import * as fs from 'node:fs'
import { join } from 'node:path'
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_SET,
  EVFILT_VNODE,
  kqueue,
  NOTE_ATTRIB,
  NOTE_DELETE,
  NOTE_EXTEND,
  NOTE_LINK,
  NOTE_RENAME,
  NOTE_WRITE,
  vnodeEvents,
} from 'kqueue'
import { gather, SETTLE_MS } from '../take.mjs'

const ALL = NOTE_ATTRIB | NOTE_DELETE | NOTE_EXTEND | NOTE_LINK | NOTE_RENAME | NOTE_WRITE

/** What can be done, in order, to a file `name` that is empty: the file's notes, the directory's. */
const DEEDS = {
  append: [NOTE_WRITE | NOTE_EXTEND, 0],
  overwrite: [NOTE_WRITE, 0],
  chmod: [NOTE_ATTRIB, 0],
  link: [NOTE_LINK, NOTE_WRITE],
  rename: [NOTE_RENAME, NOTE_WRITE],
}

/** @type {import('../run.mjs').Churn} */
export default {
  name: 'files',
  start({ random, ledger, directory }) {
    const kq = kqueue()
    let made = 0

    /** Waits until the notes of the last deed are there, and no others. */
    async function expect(/** @type {string} */ deed, /** @type {Map<number, number>} */ wanted) {
      ledger.done(deed)
      /** @type {Map<number, number>} */
      const seen = new Map()
      const handle = (/** @type {import('kqueue').Kevent} */ { ident, fflags }) => {
        seen.set(ident, (seen.get(ident) ?? 0) | fflags)
      }
      const all = () => [...wanted].every(([fd, notes]) => ((seen.get(fd) ?? 0) & notes) === notes)
      const came = await gather(kq, random, handle, all)
      const right = came && [...seen].every(([fd, notes]) => wanted.get(fd) === notes)
      if (right) ledger.seen(deed)
      else ledger.fault(`${deed}: ${notesOf(seen)} instead of ${notesOf(wanted)}`)
    }

    async function deeds() {
      const home = join(directory, `files-${made++}`)
      fs.mkdirSync(home)
      let path = join(home, 'file')
      fs.writeFileSync(path, 'some')
      const [file, above] = [fs.openSync(path, 'r'), fs.openSync(home, 'r')]
      kq.kevent([file, above].map((fd) => EV_SET(fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, ALL)))
      const names = [path]
      for (let i = random.from(1, 12); i > 0; i--) {
        const deed = /** @type {keyof typeof DEEDS} */ (random.pick(Object.keys(DEEDS)))
        const next = join(home, `file-${i}`)
        if (deed === 'append') fs.appendFileSync(path, 'more')
        if (deed === 'overwrite') overwrite(path)
        if (deed === 'chmod') fs.chmodSync(path, random.pick([0o600, 0o644, 0o755]))
        if (deed === 'link') fs.linkSync(path, next)
        if (deed === 'rename') fs.renameSync(path, next)
        if (deed === 'rename') names.splice(names.indexOf(path), 1)
        if (deed === 'link' || deed === 'rename') names.push(next)
        if (deed === 'rename') path = next
        const [notes, notesAbove] = DEEDS[deed]
        await expect(deed, wanted([file, notes], [above, notesAbove]))
      }
      for (const name of names.reverse()) {
        const last = name === names.at(-1)
        fs.unlinkSync(name)
        const notes = last ? NOTE_DELETE : NOTE_DELETE | NOTE_LINK
        await expect(last ? 'last unlink' : 'unlink', wanted([file, notes], [above, NOTE_WRITE]))
      }
      if (random.chance(0.5)) {
        kq.kevent([file, above].map((fd) => EV_SET(fd, EVFILT_VNODE, EV_DELETE)))
      }
      fs.closeSync(file)
      fs.closeSync(above)
      fs.rmdirSync(home)
    }

    /** Names that come and go between two looks are all told. */
    async function names() {
      const home = join(directory, `names-${made++}`)
      fs.mkdirSync(home)
      const signal = AbortSignal.timeout(SETTLE_MS)
      const events = vnodeEvents(home, NOTE_WRITE, { signal })
      const first = events.next()
      const expected = Array.from({ length: random.from(1, 50) }, (_, i) => `name-${i}`)
      const seen = new Set()
      for (const name of expected) fs.writeFileSync(join(home, name), '')
      ledger.done('names', expected.length)
      try {
        for (let look = await first; !look.done; look = await events.next()) {
          for (const name of look.value.names) seen.add(name)
          if (seen.size >= expected.length) break
        }
      } catch (error) {
        if (error !== signal.reason) throw error
      }
      ledger.seen('names', seen.size)
      await events.return?.(undefined)
      fs.rmSync(home, { recursive: true })
    }

    return {
      turn: () => (random.chance(0.7) ? deeds() : names()),
      close: () => kq.close(),
    }
  },
}

/** @param {string} path */
function overwrite(path) {
  const fd = fs.openSync(path, 'r+')
  fs.writeSync(fd, 'x', 0)
  fs.closeSync(fd)
}

/** Those of which something is to be reported. @param {[number, number][]} notes */
const wanted = (...notes) => new Map(notes.filter(([, each]) => each !== 0))

/** @param {Map<number, number>} notes */
const notesOf = (notes) =>
  `{ ${[...notes].map(([fd, each]) => `${fd}: 0x${each.toString(16)}`).join(', ')} }`
