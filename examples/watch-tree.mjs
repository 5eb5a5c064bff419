// Follows a whole tree: EVFILT_VNODE of every directory and file in it, in one queue. A
// new directory is watched first and listed then, so nothing that is made in it is missed,
// and everything is opened through the descriptor of its directory, so nothing is mistaken
// when directories are moved. What is held open keeps its inode number to itself: the same
// number is the same file.
//
//     node examples/watch-tree.mjs DIRECTORY      until Ctrl-C
//     node examples/watch-tree.mjs                makes a tree of its own, and ends
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EV_ADD, EV_CLEAR, EV_SET, EVFILT_VNODE, kqueue, NOTE_DELETE, NOTE_WRITE } from 'kqueue'

/** Opens without reading or waiting, and not what a symbolic link leads to; O_PATH has no name in Node.js. */
const LOOK = 0o10000000 | fs.constants.O_NOFOLLOW

/** What the demonstration does next, each time something has been told. */
const steps = []
const [path = demo()] = process.argv.slice(2)
const kq = kqueue()
const root = open(path, '')
scan(root)
console.log(`watching ${count(root)} files and directories`)

for (let gone = false; !gone; steps.shift()?.()) {
  for (const { fflags, udata: node } of await kq.wait({ nevents: 1024 })) {
    if (node === root && fflags & NOTE_DELETE) gone = true
    // What was removed earlier in this batch has been told.
    else if (node.fd === -1) continue
    else if (node.entries === null) console.log(`~ ${node.path}`)
    else scan(node, console.log)
  }
}
console.log('the tree is gone')
kq.close()

/** Watches one file or directory from now on. */
function open(from, path) {
  const fd = fs.openSync(from, LOOK)
  const stats = fs.fstatSync(fd, { bigint: true })
  const entries = stats.isDirectory() ? new Map() : null
  const node = { fd, path, entries, ino: stats.ino, dev: stats.dev }
  const notes = path === '' ? NOTE_WRITE | NOTE_DELETE : NOTE_WRITE
  try {
    kq.kevent([EV_SET(fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, notes, 0, node)])
  } catch (error) {
    // A device or socket has no events, and what may not be read is not told of.
    if (error.code !== 'EINVAL' && error.code !== 'EACCES') throw error
  }
  return node
}

/** Compares a directory with what is known of it. */
function scan(directory, tell = () => {}) {
  const { fd, entries } = directory
  const names = new Set(list(fd))
  for (const [name, node] of entries) {
    const stats = fs.lstatSync(`/proc/self/fd/${fd}/${name}`, {
      bigint: true,
      throwIfNoEntry: false,
    })
    if (names.has(name) && stats?.ino === node.ino && stats.dev === node.dev) continue
    entries.delete(name)
    close(node, tell)
  }
  for (const name of names) if (!entries.has(name)) enter(directory, name, tell)
}

function list(fd) {
  try {
    return fs.readdirSync(`/proc/self/fd/${fd}`)
  } catch {
    // Removed meanwhile, which the directory above tells; or not to be read.
    return []
  }
}

function enter(directory, name, tell) {
  let node
  try {
    node = open(`/proc/self/fd/${directory.fd}/${name}`, join(directory.path, name))
  } catch (error) {
    // Removed again, of which there is another event.
    if (error.code === 'ENOENT') return
    throw error
  }
  directory.entries.set(name, node)
  tell(`+ ${node.path}`)
  if (node.entries !== null) scan(node, tell)
}

/** Closing the descriptor ends the watch. */
function close(node, tell) {
  for (const inner of node.entries?.values() ?? []) close(inner, tell)
  tell(`- ${node.path}`)
  fs.closeSync(node.fd)
  node.fd = -1
}

function count({ entries }) {
  return [...(entries?.values() ?? [])].reduce((sum, node) => sum + count(node), 1)
}

/** A tree, and what is to be done to it. */
function demo() {
  const top = fs.mkdtempSync(join(tmpdir(), 'kqueue-tree-'))
  const at = (name) => join(top, name)
  fs.writeFileSync(at('file'), 'hello')
  steps.push(
    () => fs.mkdirSync(at('one/two'), { recursive: true }),
    () => fs.writeFileSync(at('one/two/three'), 'hello'),
    () => fs.appendFileSync(at('one/two/three'), ' again'),
    () => fs.renameSync(at('one/two'), at('four')),
    () => fs.rmSync(top, { recursive: true }),
  )
  setTimeout(() => fs.appendFileSync(at('file'), ' again'), 10)
  return top
}
