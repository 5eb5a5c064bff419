// The file that the rows about files read: made in the system's directory for
// temporary files, and in the page cache since it was written.
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { READ_SIZE, READS } from './sizes.mjs'

/** A file of READS blocks that is open for reading, and READS buffers for them. */
export function openFile() {
  const directory = mkdtempSync(join(tmpdir(), 'kqueue-bench-'))
  const path = join(directory, 'file')
  writeFileSync(path, new Uint8Array(READS * READ_SIZE).fill(1))
  const fd = openSync(path, 'r')
  return {
    fd,
    path,
    buffers: Array.from({ length: READS }, () => new Uint8Array(READ_SIZE)),
    close() {
      closeSync(fd)
      rmSync(directory, { recursive: true })
    },
  }
}

/** @param {number} units that were read in full */
export function checkReads(units) {
  if (units !== READS) throw new Error(`${units} of ${READS} reads`)
  return units
}
