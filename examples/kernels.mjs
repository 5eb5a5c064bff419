// Runs the programs of an example on Linux, each in a process of its own, or with
// --simulated on a kernel in memory, where time is virtual. A program is a function of
//
//     calls   all that `import 'kqueue'` has
//     unix    the few calls on files, signals and processes that the examples make
//
// The one called `main` runs first; `unix.start(name)` starts another one.
import { execFileSync, fork } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as linux from 'kqueue'
import { SimKernel } from 'kqueue/sim'

const FLAGS = {
  r: constants.O_RDONLY | constants.O_NONBLOCK,
  w: constants.O_WRONLY | constants.O_CREAT | constants.O_NONBLOCK,
  a: constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND,
}

/** @param url `import.meta.url` of the example */
export async function run(url, programs) {
  const args = process.argv.slice(2).filter((word) => word !== '--simulated')
  if (args.length < process.argv.length - 2) return simulate(programs, args)
  const name = process.env.EXAMPLE_PROGRAM ?? 'main'
  const directory = process.env.EXAMPLE_DIRECTORY ?? mkdtempSync(resolve(tmpdir(), 'kqueue-'))
  try {
    await programs[name](linux, onLinux(fileURLToPath(url), directory, args))
  } finally {
    if (name === 'main') rmSync(directory, { recursive: true })
  }
}

function onLinux(example, directory, args) {
  return {
    args,
    pid: process.pid,
    now: () => performance.now(),
    mkfifo: (name) => execFileSync('mkfifo', [resolve(directory, name)]),
    open: (name, how) => openSync(resolve(directory, name), FLAGS[how]),
    read(fd, n) {
      const buffer = new Uint8Array(n)
      return buffer.subarray(0, readSync(fd, buffer, 0, n, null))
    },
    write: (fd, data) => writeSync(fd, data),
    close: (fd) => closeSync(fd),
    onSignal: (signal, handler) => process.once(signal, handler),
    kill: (pid, signal) => process.kill(pid, signal),
    start(name) {
      const env = { ...process.env, EXAMPLE_PROGRAM: name, EXAMPLE_DIRECTORY: directory }
      return fork(example, { env }).pid
    },
  }
}

async function simulate(programs, args) {
  const kernel = new SimKernel()
  kernel.spawn((process) => programs.main(process.system, onSimulated(process, programs, args)))
  await kernel.run()
}

function onSimulated(process, programs, args) {
  const { kernel } = process
  return {
    args,
    pid: process.pid,
    now: () => Number(kernel.now) / 1e6,
    mkfifo: (name) => process.mkfifo(name),
    open: (name, how) => process.open(name, FLAGS[how]),
    read: (fd, n) => process.read(fd, n),
    write: (fd, data) => process.write(fd, data),
    close: (fd) => process.close(fd),
    onSignal: (signal, handler) => process.sigaction(signal, handler),
    kill: (pid, signal) => process.kill(pid, signal),
    start: (name) =>
      process.fork((child) => programs[name](child.system, onSimulated(child, programs, []))).pid,
  }
}
