/**
 * A terminal without line editing: two ends, of which each reads what the other
 * writes (pts(4)). It sends no signals.
 */
import type { Knote } from '../core/knote.js'
import { EVFILT_READ } from '../event.js'
import { SimFile } from './file.js'
import { Pipe, type PipeFile } from './pipe.js'

class TerminalEnd extends SimFile {
  constructor(
    readonly input: PipeFile,
    readonly output: PipeFile,
  ) {
    super()
  }

  override read(n: number): Uint8Array {
    return this.input.read(n)
  }

  override write(bytes: Uint8Array): number {
    return this.output.write(bytes)
  }

  override release(): void {
    this.input.release()
    this.output.release()
  }

  kqfilter(kn: Knote): number {
    return this.#side(kn).kqfilter(kn)
  }

  override rewatch(kn: Knote): number {
    return this.#side(kn).rewatch(kn)
  }

  #side({ filter }: Knote): PipeFile {
    return filter === EVFILT_READ ? this.input : this.output
  }
}

/** The master and the slave. */
export function openTerminal(): [SimFile, SimFile] {
  const toSlave = new Pipe(true)
  const toMaster = new Pipe(true)
  const read = { read: true, write: false }
  const write = { read: false, write: true }
  return [
    new TerminalEnd(toMaster.open(read), toSlave.open(write)),
    new TerminalEnd(toSlave.open(read), toMaster.open(write)),
  ]
}
