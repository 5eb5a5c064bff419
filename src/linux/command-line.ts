/**
 * The words that a process was given: proc_pid_cmdline(5).
 */
import { isUtf8 } from 'node:buffer'
import { closeSync, openSync, readSync } from 'node:fs'

/** Bytes of a command line that are kept. */
const MOST = 4096
const buffer = Buffer.alloc(MOST)

/** The words, the last one ending in '…' where they are long; null when it is gone. */
export function commandLine(pid: number): string[] | null {
  const length = read(`/proc/${pid}/cmdline`)
  if (length === 0) return null
  const words: string[] = []
  for (let from = 0; from < length; ) {
    const end = buffer.indexOf(0, from)
    const to = end === -1 || end > length ? length : end
    words.push(decode(buffer.subarray(from, to)))
    from = to + 1
  }
  if (length === MOST) words.push(`${words.pop()}…`)
  return words
}

function read(path: string): number {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch {
    return 0
  }
  try {
    return readSync(fd, buffer, 0, MOST, 0)
  } catch {
    return 0
  } finally {
    closeSync(fd)
  }
}

/** As text; bytes that are none as '\xff'. */
function decode(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8')
  return bytes
    .toString('latin1')
    .replace(/[\x80-\xff]/g, (c) => `\\x${c.charCodeAt(0).toString(16)}`)
}
