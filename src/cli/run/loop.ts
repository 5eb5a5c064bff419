/**
 * Notices a command that is run again and again for what it writes itself.
 *
 *     const loop = new Loop()
 *     const path = loop.next(paths, true) // what to tell of, once
 */

/** So many runs in a row are no chance. */
const MANY = 5

export class Loop {
  #runs = 0
  /** Paths that each of these runs was for. */
  #common: readonly string[] = []
  #isTold = false

  /**
   * A run begins: the path to tell of, when it is time to.
   * @param paths what it is for
   * @param inside whether that has changed while the run before it went on
   */
  next(paths: readonly string[], inside: boolean): string | undefined {
    if (!inside || paths.length === 0) {
      this.#runs = 0
      return undefined
    }
    const common = this.#runs === 0 ? paths : this.#common.filter((path) => paths.includes(path))
    this.#common = common
    this.#runs++
    if (this.#runs < MANY || this.#isTold) return undefined
    this.#isTold = true
    return common[0] ?? paths[0]
  }
}
