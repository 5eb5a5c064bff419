/**
 * A terminal with a program in its foreground, which leads its session:
 *
 *     const terminal = new Terminal(kq('watch', '--timer', '1s'))
 *     await terminal.shows('expired')
 *     terminal.hangUp()
 *     const { signal } = await terminal.program.ended
 */
import { ReadStream } from 'node:tty'
import * as posix from '../native/posix.js'
import { MAIN, type Running, type Setting, startProgram } from './command.js'
import { has } from './running.js'

/** Whether there can be none, as for `test`. */
export const skip = !(await has('setsid'))

/** The words that run kq. */
export function kq(...args: string[]): string[] {
  return [process.execPath, MAIN, ...args]
}

/** Words of kq as a shell reads them. */
export function quoted(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ')
}

export class Terminal {
  readonly program: Running
  readonly #master: number
  readonly #screen: ReadStream
  readonly #closed: Promise<unknown>
  #text = ''

  /** @param setting what does not lead to the terminal */
  constructor(words: readonly string[], setting: Setting = {}) {
    const [master, slave] = posix.openpty()
    for (const fd of [master, slave]) posix.fcntl(fd, posix.constants.F_SETFD, 1)
    const streams = { stdin: slave, stdout: slave, stderr: slave, ...setting }
    this.program = startProgram('setsid', ['--ctty', ...words], streams)
    posix.close(slave)
    this.#master = master
    this.#screen = new ReadStream(master)
    this.#screen.on('data', (bytes: Buffer) => {
      this.#text += bytes.toString()
    })
    // Nobody has it open any more, which is told after the last that the program has shown:
    // its end may be heard of before that.
    this.#screen.on('error', () => {})
    this.#closed = new Promise((resolve) => this.#screen.on('close', resolve))
  }

  get pid(): number {
    return this.program.child.pid!
  }

  /** Presses keys. */
  type(text: string): void {
    posix.write(this.#master, text)
  }

  /** What is on the terminal, once it holds `text`. */
  shows(text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (!this.#text.includes(text)) return
        this.#screen.off('data', look)
        resolve(this.#text)
      }
      this.#screen.on('data', look)
      look()
      this.program.ended.catch(reject)
      this.#closed.then(() => reject(new Error(`it has ended, and shows ${this.#text}`)))
    })
  }

  /** Closes it, with the program in it. */
  hangUp(): void {
    this.#screen.destroy()
  }
}
