/**
 * The keys of the terminal, as long as no command has it: the space bar runs the command
 * again, and q quits.
 *
 *     const keys = Keys.open(queue)
 *     keys?.listen()
 *     const [event] = await queue.wait({ nevents: 1 })
 *     if (isKey(event)) keys.pressed() // 'again'
 *     keys?.rest() // the terminal is as it was, for the command
 *
 * Keys that make signals go on to do so. Modes are set by stty(1), since Node.js has only one
 * mode, in which they do not.
 */
import { readSync } from 'node:fs'
import { EV_ADD, EV_DELETE, EV_SET, EVFILT_READ, type Kevent, type Kqueue } from '../../index.js'
import { childProcess, tty } from '../../late.js'
import { hasBytes } from '../descriptor.js'
import { isForeground } from '../foreground.js'

const STDIN = 0
/** Each key comes at once, and is not shown. */
const AT_ONCE = ['-icanon', '-echo', 'min', '1', 'time', '0']

export type Key = 'again' | 'quit'

/** Whether an event of the queue is of keys. */
export function isKey(event: Kevent | undefined): boolean {
  return event?.filter === EVFILT_READ && event.ident === STDIN
}

export class Keys {
  readonly #queue: Kqueue
  /** The modes that the terminal had, as stty(1) writes them. */
  readonly #modes: string
  #isWanted = false
  #isListening = false
  readonly #goOn = (): void => {
    // Stopped and continued: the shell has set modes in between.
    this.#isListening = false
    if (this.#isWanted) this.listen()
  }

  /** undefined where standard input is no terminal. */
  static open(queue: Kqueue): Keys | undefined {
    if (!tty().isatty(STDIN)) return undefined
    const modes = stty(['-g'])
    return modes === undefined ? undefined : new Keys(queue, modes)
  }

  private constructor(queue: Kqueue, modes: string) {
    this.#queue = queue
    this.#modes = modes
    process.on('SIGCONT', this.#goOn)
  }

  listen(): void {
    this.#isWanted = true
    // Who is in the background has no terminal to set, and would be stopped for it.
    if (this.#isListening || !isForeground()) return
    // A command that was killed may have left any modes.
    if (stty([this.#modes, ...AT_ONCE]) === undefined) return
    this.#isListening = true
    // What was typed for others: the command that had the terminal, or what ran before.
    if (hasBytes(STDIN)) read()
    this.#queue.kevent([EV_SET(STDIN, EVFILT_READ, EV_ADD)])
  }

  rest(): void {
    this.#isWanted = false
    if (!this.#isListening) return
    this.#deafen()
    if (isForeground()) stty([this.#modes])
  }

  /** What is meant by the keys that were pressed. */
  pressed(): Key | undefined {
    if (!this.#isListening) return undefined
    if (!isForeground()) {
      this.#deafen()
      return undefined
    }
    const keys = read()
    if (keys === '') this.#deafen()
    if (keys.includes('q')) return 'quit'
    return keys.includes(' ') ? 'again' : undefined
  }

  close(): void {
    this.rest()
    process.off('SIGCONT', this.#goOn)
  }

  #deafen(): void {
    this.#isListening = false
    this.#queue.kevent([EV_SET(STDIN, EVFILT_READ, EV_DELETE)])
  }
}

/** '' at the end. */
function read(): string {
  const bytes = Buffer.alloc(256)
  try {
    return bytes.toString('latin1', 0, readSync(STDIN, bytes))
  } catch {
    // It was hung up.
    return ''
  }
}

/** What it prints; undefined when it fails. */
function stty(args: readonly string[]): string | undefined {
  const { status, stdout } = childProcess().spawnSync('stty', args, {
    stdio: ['inherit', 'pipe', 'ignore'],
    encoding: 'latin1',
  })
  return status === 0 ? stdout.trim() : undefined
}
