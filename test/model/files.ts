/** Processes, their descriptors and pipes, as the model sees them. */
import { PIPE_SIZE } from 'kqueue/sim'
import { ModelQueue } from './queue.js'

/** One end of a pipe: an open file. */
export class ModelEnd {
  /** Descriptors that refer to it, in all processes. */
  references = 0

  constructor(
    readonly pipe: ModelPipe,
    readonly reads: boolean,
  ) {}

  /** The other end is gone. */
  get isAlone(): boolean {
    return this.reads ? this.pipe.ended : this.pipe.broken
  }
}

export class ModelPipe {
  bytes = 0
  readonly reader = new ModelEnd(this, true)
  readonly writer = new ModelEnd(this, false)

  get space(): number {
    return PIPE_SIZE - this.bytes
  }

  /** Nobody writes it any more. */
  get ended(): boolean {
    return this.writer.references === 0
  }

  /** Nobody reads it any more. */
  get broken(): boolean {
    return this.reader.references === 0
  }
}

export type ModelFile = ModelEnd | ModelQueue

export class ModelProcess {
  readonly descriptors = new Map<number, { file: ModelFile; cloexec: boolean }>()
  /** The wait(2) status once it has exited. */
  status: number | null = null

  constructor(
    readonly pid: number,
    public parent: ModelProcess | null,
  ) {}

  file(fd: number): ModelFile | undefined {
    return this.descriptors.get(fd)?.file
  }

  /** Puts a file behind a number, or behind the lowest that is free. */
  install(file: ModelFile, fd = this.lowestFree(), cloexec = false): number {
    this.descriptors.set(fd, { file, cloexec })
    file.references++
    return fd
  }

  private lowestFree(): number {
    let fd = 0
    while (this.descriptors.has(fd)) fd++
    return fd
  }

  *queues(): Iterable<ModelQueue> {
    const told = new Set<ModelFile>()
    for (const { file } of this.descriptors.values()) {
      if (file instanceof ModelQueue && !told.has(file)) yield file
      told.add(file)
    }
  }

  /** Its descriptors in order. */
  numbers(): number[] {
    return [...this.descriptors.keys()].sort((a, b) => a - b)
  }
}
