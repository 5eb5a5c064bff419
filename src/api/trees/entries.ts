/**
 * The names in a directory of a tree, which has very many of them: one text for all while
 * nothing happens there, a map while something does.
 *
 * In the text each name comes after two characters: what it is (ENTRY_*), and its length.
 */
export const ENTRY_DIRECTORY = 1
/** What it holds may have been changed since records were lost. */
export const ENTRY_RECENT = 2

/** The entries of such a text. */
export function* unpack(text: string): Generator<[name: string, kind: number]> {
  for (let at = 0; at < text.length; ) {
    const end = at + 2 + text.charCodeAt(at + 1)
    yield [text.slice(at + 2, end), text.charCodeAt(at)]
    at = end
  }
}

/** What the entry of a name in such a text is; undefined when there is none. */
function find(text: string, name: string): number | undefined {
  for (let at = 0; at < text.length; ) {
    const length = text.charCodeAt(at + 1)
    if (length === name.length && text.startsWith(name, at + 2)) return text.charCodeAt(at)
    at += 2 + length
  }
  return undefined
}

/** The text for one entry, of which the name has at most 255 characters. */
export function pack(name: string, kind: number): string {
  return String.fromCharCode(kind, name.length) + name
}

/** In a text of so many characters a name is looked for as it is. */
const SHORT = 4096

export class Entries {
  #text = ''
  #map: Map<string, boolean> | null = null

  /** Takes the place of all. */
  reset(text: string): void {
    this.#text = text
    this.#map = null
  }

  get packed(): boolean {
    return this.#map === null
  }

  /** Whether it is a directory; undefined when there is none of that name. */
  get(name: string): boolean | undefined {
    if (this.#map !== null || this.#text.length > SHORT) return this.#loose().get(name)
    const kind = find(this.#text, name)
    return kind === undefined ? undefined : (kind & ENTRY_DIRECTORY) !== 0
  }

  set(name: string, directory: boolean): void {
    this.#loose().set(name, directory)
  }

  delete(name: string): void {
    this.#loose().delete(name)
  }

  /** Becomes a text again. */
  pack(): void {
    if (this.#map === null) return
    let text = ''
    for (const [name, directory] of this.#map) text += pack(name, directory ? ENTRY_DIRECTORY : 0)
    this.reset(text)
  }

  /** As they are now. */
  all(): [name: string, directory: boolean][] {
    return [...this.#loose()]
  }

  #loose(): Map<string, boolean> {
    if (this.#map !== null) return this.#map
    const map = new Map<string, boolean>()
    for (const [name, kind] of unpack(this.#text)) map.set(name, (kind & ENTRY_DIRECTORY) !== 0)
    this.#text = ''
    this.#map = map
    return map
  }
}

/** A directory of a tree. */
export class Dir {
  /** Its watch, -1 while it has none. */
  watch = -1
  readonly entries = new Entries()
  #children: Map<string, Dir> | null = null

  constructor(
    public parent: Dir | null,
    public name: string,
  ) {}

  /** Below the root; '' for that. */
  get path(): string {
    if (this.parent === null) return ''
    return this.parent.below(this.name)
  }

  /** The path of an entry. */
  below(name: string): string {
    const { path } = this
    return path === '' ? name : `${path}/${name}`
  }

  child(name: string): Dir | undefined {
    return this.#children?.get(name)
  }

  adopt(child: Dir): void {
    this.#children ??= new Map()
    this.#children.set(child.name, child)
    child.parent = this
  }

  drop(name: string): void {
    this.#children?.delete(name)
  }

  /** Whether it is another one, or below that. */
  isWithin(other: Dir): boolean {
    return this === other || (this.parent?.isWithin(other) ?? false)
  }
}
