/**
 * What few programs call: `import 'kqueue'` does not read it before it is called for, while
 * `kqueue/sim`, which reads no files, has it from the start.
 */
import * as aio from './aio.js'
import { processExit, processTree } from './processes.js'
import { Tree } from './trees/tree.js'

export type Seldom = typeof seldom

export const seldom = {
  aio_read: aio.aio_read,
  aio_write: aio.aio_write,
  aio_fsync: aio.aio_fsync,
  lio_listio: aio.lio_listio,
  aio_cancel: aio.aio_cancel,
  aio_error: aio.aio_error,
  aio_return: aio.aio_return,
  processExit,
  processTree,
  Tree,
}
