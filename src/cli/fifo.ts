/**
 * Keeps a fifo open whose last reader kq was: what is in a pipe is gone with the last
 * descriptor of it, and `kq wait --read fifo && cat fifo` would find nothing.
 *
 *     keepBytes(descriptor)
 *
 * A process of its own does it: holder.ts.
 */
import { childProcess } from '../late.js'
import { type Descriptor, hasBytes } from './descriptor.js'
import { programPath } from './package.js'

/** Fifos that are kept. */
const kept = new Set<string>()

/** Keeps a fifo that holds bytes; where that cannot be, they are lost as with any reader. */
export function keepBytes({ fd, stats: { dev, ino } }: Descriptor): void {
  const name = `${dev}:${ino}`
  if (kept.has(name)) return
  try {
    if (!hasBytes(fd)) return
    kept.add(name)
    holdOpen(fd)
  } catch {
    // There is no descriptor or process left.
  }
}

function holdOpen(fd: number): void {
  const child = childProcess().spawn(process.execPath, [programPath('holder.js')], {
    stdio: [fd, 'ignore', 'ignore'],
    // Of no terminal, and in no directory.
    detached: true,
    cwd: '/',
  })
  child.on('error', () => {})
  child.unref()
}
