/**
 * What there is below a directory, as far as it counts: so that what a rename takes along,
 * and what has changed while nothing was watched, can be told.
 *
 * Paths are below that directory.
 */
import type { Bytes } from '../bytes.js'

export class Folder {
  // None where there is nothing, as in most of very many directories.
  #files: Map<Bytes, string> | undefined
  #folders: Map<Bytes, Folder> | undefined

  /** @param whole all that is in it counts, if the filter lets it */
  constructor(readonly whole: boolean) {}

  /** The mark of each file. */
  get files(): ReadonlyMap<Bytes, string> {
    return this.#files ?? NO_FILES
  }

  get folders(): ReadonlyMap<Bytes, Folder> {
    return this.#folders ?? NO_FOLDERS
  }

  set(name: Bytes, item: string | Folder): void {
    if (typeof item === 'string') {
      this.#files ??= new Map()
      this.#files.set(name, item)
    } else {
      this.#folders ??= new Map()
      this.#folders.set(name, item)
    }
  }

  deleteFile(name: Bytes): boolean {
    return this.#files?.delete(name) ?? false
  }

  deleteFolder(name: Bytes): void {
    this.#folders?.delete(name)
  }
}

const NO_FILES: ReadonlyMap<Bytes, string> = new Map()
const NO_FOLDERS: ReadonlyMap<Bytes, Folder> = new Map()

export class Contents {
  readonly #root = new Folder(false)
  #last = { directory: '', folder: this.#root }

  /** The folder that a path is in, and its name there. */
  at(path: Bytes): { folder: Folder | undefined; name: Bytes } {
    const cut = path.lastIndexOf('/')
    return {
      folder: this.#find(cut === -1 ? '' : path.slice(0, cut)),
      name: path.slice(cut + 1),
    }
  }

  mark(path: Bytes): string | undefined {
    const { folder, name } = this.at(path)
    return folder?.files.get(name)
  }

  setFile(path: Bytes, mark: string): void {
    const { folder, name } = this.at(path)
    folder?.set(name, mark)
  }

  setFolder(path: Bytes, folder: Folder): void {
    const { folder: above, name } = this.at(path)
    above?.set(name, folder)
  }

  deleteFile(path: Bytes): boolean {
    const { folder, name } = this.at(path)
    return folder?.deleteFile(name) ?? false
  }

  /** Takes a folder out, with what is in it. */
  deleteFolder(path: Bytes): Folder | undefined {
    const { folder: above, name } = this.at(path)
    const folder = above?.folders.get(name)
    above?.deleteFolder(name)
    this.#last = { directory: '', folder: this.#root }
    return folder
  }

  /** How many files there are, and directories in which all counts. */
  count(): { files: number; directories: number } {
    const count = { files: 0, directories: 0 }
    const left = [this.#root]
    for (let folder = left.pop(); folder !== undefined; folder = left.pop()) {
      count.files += folder.files.size
      if (folder.whole) count.directories++
      left.push(...folder.folders.values())
    }
    return count
  }

  /** All that there is. */
  all(): Generator<Item> {
    return itemsIn(this.#root, '')
  }

  #find(directory: Bytes): Folder | undefined {
    if (this.#last.directory === directory) return this.#last.folder
    let folder: Folder | undefined = this.#root
    if (directory !== '') {
      for (const name of directory.split('/')) folder = folder?.folders.get(name)
    }
    if (folder !== undefined) this.#last = { directory, folder }
    return folder
  }
}

export interface Item {
  readonly path: Bytes
  /** Of a file. */
  readonly mark?: string
  readonly folder?: Folder
}

/** What is in a folder and those below it, each folder before what is in it. */
export function* itemsIn(folder: Folder, path: Bytes): Generator<Item> {
  const start = path === '' ? '' : `${path}/`
  for (const [name, mark] of folder.files) yield { path: start + name, mark }
  for (const [name, inner] of folder.folders) {
    yield { path: start + name, folder: inner }
    yield* itemsIn(inner, start + name)
  }
}
