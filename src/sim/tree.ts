/**
 * The file tree: the calls that take a path. What each of them reports is what
 * FreeBSD's `vop_*_post` note (vfs_subr.c): names that come and go are NOTE_WRITE on
 * the directory, subdirectories NOTE_LINK as well, and what is moved from one
 * directory to another NOTE_EXTEND on both.
 *
 *     const tree = new Tree(kernel)
 *     const file = tree.open(process, '/tmp/log', O_WRONLY | O_CREAT)
 *
 * Everybody is root: modes are kept, and never refuse. There are no symbolic links.
 */
import { fileFilter } from '../core/filters/file.js'
import type { Kernel } from '../core/kernel.js'
import {
  EBUSY,
  EEXIST,
  EINVAL,
  EISDIR,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EPERM,
  EXDEV,
  KqueueError,
} from '../errors.js'
import {
  EVFILT_VNODE,
  NOTE_DELETE,
  NOTE_EXTEND,
  NOTE_LINK,
  NOTE_RENAME,
  NOTE_WRITE,
} from '../event.js'
import { Directory, DirectoryFile } from './directory.js'
import { O_ACCMODE, O_CREAT, O_DIRECTORY, O_EXCL, O_RDONLY, O_TRUNC } from './fcntl.js'
import type { SimFile } from './file.js'
import { MountTable } from './mount.js'
import { type Path, parsePath } from './path.js'
import { Regular, RegularFile } from './regular.js'
import { type Device, Special } from './special.js'
import type { Stat, Vnode, VnodeFile } from './vnode.js'

/** The process that makes a call, as far as the tree is concerned. */
export interface Caller {
  readonly pid: number
  /** Where relative paths start, the root by default. */
  readonly cwd?: Directory
  /** Permissions that new files do not get, none by default. */
  readonly umask?: number
}

/** Where a path leads: a name in a directory, and what has it. */
interface Place {
  readonly path: Path
  readonly directory: Directory
  /** The last name; empty for the root, `.` and `..` as they are. */
  readonly name: string
  /** What has the name; where a file system is mounted, its root. */
  readonly vnode: Vnode | null
}

function fail(errno: number, syscall: string, { text }: Path, why = ''): never {
  throw new KqueueError(errno, syscall, { reason: why === '' ? text : `${text}: ${why}` })
}

/** Through what is mounted on a directory. */
export function cross(vnode: Vnode): Vnode {
  let at = vnode
  while (at instanceof Directory && at.covered !== null) at = at.covered
  return at
}

/** Something in a directory changed. */
function noteEntries(directory: Directory, hint: number): void {
  directory.note(hint)
  directory.noteSize()
}

/** A name of a vnode is gone. */
function noteRemoved(vnode: Vnode): void {
  const named = !(vnode instanceof Directory) && vnode.links > 0
  vnode.note(NOTE_DELETE)
  if (named) vnode.note(NOTE_LINK)
}

function isNamed({ name }: Place): boolean {
  return name !== '' && name !== '.' && name !== '..'
}

export class Tree {
  readonly mounts: MountTable

  /** Installs EVFILT_VNODE and EVFILT_FS. */
  constructor(kernel: Kernel) {
    this.mounts = new MountTable(kernel)
    kernel.filters.install(EVFILT_VNODE, fileFilter)
  }

  /** The root of everything. */
  get root(): Directory {
    return cross(this.mounts.root.root) as Directory
  }

  /**
   * open(2).
   * @param flags O_RDONLY, O_WRONLY or O_RDWR, with O_CREAT, O_EXCL, O_TRUNC, O_APPEND,
   * O_DIRECTORY
   * @throws KqueueError ENOENT, EEXIST, ENOTDIR, ENAMETOOLONG; EISDIR a directory that is
   * to be written or made; EINVAL flags that exclude each other
   */
  open(caller: Caller, path: string, flags: number, mode = 0o666): SimFile {
    const place = this.#find(caller, path, 'open')
    if ((flags & O_ACCMODE) === O_ACCMODE || (flags & O_CREAT && flags & O_DIRECTORY)) {
      fail(EINVAL, 'open', place.path, 'these flags exclude each other')
    }
    if (place.vnode === null) {
      if ((flags & O_CREAT) === 0) fail(ENOENT, 'open', place.path)
      if (place.path.directory) fail(EISDIR, 'open', place.path)
      const made = new Regular(place.directory.fs, this.#mode(caller, mode))
      this.#enter(place, made, 'open', NOTE_WRITE)
      return new RegularFile(made, flags)
    }
    if (flags & O_CREAT && flags & O_EXCL) fail(EEXIST, 'open', place.path)
    return this.#openExisting(place.vnode, place.path, flags)
  }

  /** What is open, opened once more with other flags: open(2) of /proc/self/fd. */
  reopen({ vnode }: VnodeFile, flags: number): SimFile {
    return this.#openExisting(vnode, parsePath('/', 'open'), flags)
  }

  #openExisting(vnode: Vnode, path: Path, flags: number): SimFile {
    if (vnode instanceof Directory) {
      const reading = (flags & (O_ACCMODE | O_CREAT | O_TRUNC)) === O_RDONLY
      if (!reading) fail(EISDIR, 'open', path)
      return new DirectoryFile(vnode, flags)
    }
    if (flags & O_DIRECTORY) fail(ENOTDIR, 'open', path)
    if (vnode instanceof Special) return vnode.device.open(flags)
    const file = new RegularFile(vnode as Regular, flags)
    if (flags & O_TRUNC) file.regular.resize(0)
    return file
  }

  /** mkdir(2). @throws KqueueError EEXIST, ENOENT, ENOTDIR, ENAMETOOLONG */
  mkdir(caller: Caller, path: string, mode = 0o777): void {
    const place = this.#find(caller, path, 'mkdir')
    const made = new Directory(place.directory.fs, this.#mode(caller, mode))
    this.#enter(place, made, 'mkdir', NOTE_WRITE | NOTE_LINK)
  }

  /** Makes a special file. mknod(2). @throws KqueueError EEXIST, ENOENT, ENOTDIR, ENAMETOOLONG */
  mknod(caller: Caller, path: string, device: Device, mode = 0o666): void {
    const place = this.#find(caller, path, 'mknod')
    const made = new Special(place.directory.fs, this.#mode(caller, mode), device)
    this.#enter(place, made, 'mknod', NOTE_WRITE)
  }

  /**
   * unlink(2). The file lives on while it is open.
   * @throws KqueueError ENOENT, ENOTDIR, ENAMETOOLONG; EISDIR a directory
   */
  unlink(caller: Caller, path: string): void {
    const place = this.#find(caller, path, 'unlink')
    const { directory, name, vnode } = place
    if (vnode === null) fail(ENOENT, 'unlink', place.path)
    if (vnode instanceof Directory) fail(EISDIR, 'unlink', place.path, 'rmdir removes it')
    directory.remove(name)
    noteEntries(directory, NOTE_WRITE)
    noteRemoved(vnode)
    directory.observe('delete', name, vnode)
  }

  /**
   * rmdir(2).
   * @throws KqueueError ENOENT, ENOTDIR, ENAMETOOLONG; ENOTEMPTY; EINVAL for `.`; EBUSY
   * something is mounted there
   */
  rmdir(caller: Caller, path: string): void {
    const place = this.#find(caller, path, 'rmdir')
    const { directory, name, vnode } = place
    if (vnode === null) fail(ENOENT, 'rmdir', place.path)
    if (!(vnode instanceof Directory)) fail(ENOTDIR, 'rmdir', place.path)
    if (name === '.') fail(EINVAL, 'rmdir', place.path)
    if (name === '..') fail(ENOTEMPTY, 'rmdir', place.path)
    if (vnode.isRoot) fail(EBUSY, 'rmdir', place.path, 'a file system is mounted there')
    if (vnode.entries.size > 0) fail(ENOTEMPTY, 'rmdir', place.path)
    directory.remove(name)
    noteEntries(directory, NOTE_WRITE | NOTE_LINK)
    noteRemoved(vnode)
    for (const each of [...vnode.observers]) each.left(vnode, true)
    directory.observe('delete', name, vnode)
  }

  /**
   * link(2): one more name for a file.
   * @throws KqueueError ENOENT, EEXIST, ENOTDIR, ENAMETOOLONG; EPERM a directory; EXDEV
   * another file system
   */
  link(caller: Caller, from: string, to: string): void {
    const { path, vnode } = this.#find(caller, from, 'link')
    if (vnode === null) fail(ENOENT, 'link', path)
    if (vnode instanceof Directory) fail(EPERM, 'link', path, 'it is a directory')
    const place = this.#find(caller, to, 'link')
    if (place.vnode === null && place.path.directory) fail(ENOENT, 'link', place.path)
    if (place.vnode === null && place.directory.fs !== vnode.fs) fail(EXDEV, 'link', place.path)
    this.#enter(place, vnode, 'link', NOTE_WRITE)
    vnode.note(NOTE_LINK)
  }

  /**
   * rename(2). What has the new name already is replaced; nothing happens when both are
   * names of one file.
   * @throws KqueueError ENOENT, ENAMETOOLONG; EINVAL `.`, `..`, or a directory into
   * itself; EISDIR, ENOTDIR a directory and another file; ENOTEMPTY; EXDEV another file
   * system; EBUSY something is mounted there
   */
  rename(caller: Caller, from: string, to: string): void {
    const source = this.#find(caller, from, 'rename')
    const target = this.#find(caller, to, 'rename')
    const { vnode } = source
    if (vnode === null) fail(ENOENT, 'rename', source.path)
    this.#checkRename(source, target, vnode)
    if (vnode === target.vnode) return
    source.directory.remove(source.name)
    if (target.vnode !== null) target.directory.remove(target.name)
    target.directory.enter(target.name, vnode)
    noteRenamed(source, target, vnode)
    tellRenamed(source, target, vnode)
  }

  #checkRename(source: Place, target: Place, vnode: Vnode): void {
    for (const place of [source, target]) {
      const { vnode: named, path } = place
      if (named instanceof Directory && named.isRoot) fail(EBUSY, 'rename', path)
      if (!isNamed(place)) fail(EINVAL, 'rename', path)
    }
    const { directory, path, vnode: replaced } = target
    if (directory.links === 0) fail(ENOENT, 'rename', path)
    if (directory.fs !== vnode.fs) fail(EXDEV, 'rename', path)
    if (vnode === replaced) return
    if (vnode instanceof Directory) {
      if (directory.isWithin(vnode)) fail(EINVAL, 'rename', path, 'it is within what is moved')
      if (replaced === null) return
      if (!(replaced instanceof Directory)) fail(ENOTDIR, 'rename', path)
      if (replaced.entries.size > 0) fail(ENOTEMPTY, 'rename', path)
    } else if (replaced instanceof Directory) {
      fail(EISDIR, 'rename', path)
    } else if (path.directory) {
      fail(ENOTDIR, 'rename', path)
    }
  }

  /** chmod(2). @throws KqueueError ENOENT, ENOTDIR, ENAMETOOLONG */
  chmod(caller: Caller, path: string, mode: number): void {
    this.#existing(caller, path, 'chmod').chmod(mode)
  }

  /** stat(2). @throws KqueueError ENOENT, ENOTDIR, ENAMETOOLONG */
  stat(caller: Caller, path: string): Stat {
    return this.#existing(caller, path, 'stat').stat()
  }

  /** The names in a directory, in the order in which they were made. @throws KqueueError ENOTDIR */
  readdir(caller: Caller, path: string): string[] {
    const file = this.open(caller, path, O_RDONLY | O_DIRECTORY) as DirectoryFile
    try {
      return file.readdir()
    } finally {
      file.release()
    }
  }

  /** A directory, for `cwd`. @throws KqueueError ENOENT, ENOTDIR, ENAMETOOLONG */
  directory(caller: Caller, path: string): Directory {
    const vnode = this.#existing(caller, path, 'chdir')
    if (!(vnode instanceof Directory)) throw new KqueueError(ENOTDIR, 'chdir', { reason: path })
    return vnode
  }

  /**
   * Withdraws a file from all who have it open: NOTE_REVOKE, and EV_EOF. revoke(2), which
   * in FreeBSD is for devices only.
   */
  revoke(caller: Caller, path: string): void {
    this.#existing(caller, path, 'revoke').revoke()
  }

  /** Mounts an empty file system on a directory. @throws KqueueError ENOENT, ENOTDIR, ENAMETOOLONG */
  mount(path: string): void {
    const over = this.#existing(undefined, path, 'mount')
    if (!(over instanceof Directory)) throw new KqueueError(ENOTDIR, 'mount', { reason: path })
    this.mounts.mount(over, `/${parsePath(path, 'mount').names.join('/')}`)
  }

  /**
   * Unmounts what is mounted on a directory, the last first. Its open files are revoked;
   * with `force` false they are a reason to refuse.
   * @throws KqueueError EINVAL nothing is mounted there, EBUSY it is in use, ENOENT
   */
  unmount(path: string, { force = true } = {}): void {
    const root = this.#existing(undefined, path, 'unmount')
    if (!(root instanceof Directory)) throw new KqueueError(EINVAL, 'unmount', { reason: path })
    this.mounts.unmount(root, force)
  }

  #mode(caller: Caller, mode: number): number {
    return mode & 0o7777 & ~(caller.umask ?? 0)
  }

  /** Gives a vnode the name of a place, which has to be free. */
  #enter(place: Place, vnode: Vnode, syscall: string, hint: number): void {
    const { directory, name, path } = place
    if (place.vnode !== null) fail(EEXIST, syscall, path)
    if (directory.links === 0) fail(ENOENT, syscall, path, 'the directory was removed')
    directory.enter(name, vnode)
    noteEntries(directory, hint)
    directory.observe('create', name, vnode)
  }

  #existing(caller: Caller | undefined, path: string, syscall: string): Vnode {
    const place = this.#find(caller, path, syscall)
    return place.vnode ?? fail(ENOENT, syscall, place.path)
  }

  /** Walks a path, all but its last name. namei(9). */
  #find(caller: Caller | undefined, text: string, syscall: string): Place {
    const path = parsePath(text, syscall)
    let directory = path.absolute ? this.root : (caller?.cwd ?? this.root)
    const name = path.names.at(-1) ?? ''
    for (const step of path.names.slice(0, -1)) {
      const next = this.#step(directory, step)
      if (next === null) fail(ENOENT, syscall, path, `there is no ${step}`)
      if (!(next instanceof Directory)) fail(ENOTDIR, syscall, path, `${step} is none`)
      directory = next
    }
    const vnode = name === '' ? directory : this.#step(directory, name)
    if (path.directory && vnode !== null && !(vnode instanceof Directory)) {
      fail(ENOTDIR, syscall, path)
    }
    return { path, directory, name, vnode }
  }

  #step(directory: Directory, name: string): Vnode | null {
    if (name === '.') return directory
    if (name === '..') return directory.parent
    const vnode = directory.entries.get(name)
    return vnode === undefined ? null : cross(vnode)
  }
}

/** What a rename reports: vop_rename_post. */
function noteRenamed(source: Place, target: Place, vnode: Vnode): void {
  const replaced = target.vnode
  if (source.directory === target.directory) {
    const linked = replaced instanceof Directory ? NOTE_LINK : 0
    noteEntries(source.directory, NOTE_WRITE | linked)
  } else {
    const moved = NOTE_WRITE | NOTE_EXTEND
    const linked = vnode instanceof Directory ? NOTE_LINK : 0
    noteEntries(source.directory, moved | linked)
    // A directory in place of a directory: as many as before.
    noteEntries(target.directory, replaced instanceof Directory ? moved : moved | linked)
  }
  vnode.note(NOTE_RENAME)
  if (replaced !== null) noteRemoved(replaced)
}

/** The same for who watches directories. */
function tellRenamed({ directory: from, name }: Place, target: Place, vnode: Vnode): void {
  const { directory: to, name: newName, vnode: replaced } = target
  const isDirectory = vnode instanceof Directory
  if (replaced instanceof Directory) {
    for (const each of [...replaced.observers]) each.left(replaced, true)
  }
  for (const each of new Set([...from.observers, ...to.observers])) {
    each.moved(from, name, to, newName, isDirectory)
  }
  if (isDirectory) for (const each of [...vnode.observers]) each.left(vnode, false)
}
