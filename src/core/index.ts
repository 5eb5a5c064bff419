/**
 * `kqueue/core`: the machine, for people who bring their own kernel.
 * See docs/machine.md.
 */
export * from '../errors.js'
export * from '../event.js'
export { Callout, CalloutQueue } from './callout.js'
export { EventArray, EventList } from './event-list.js'
export { EVENT_PROCESS, EVENT_REGISTER, type FilterOps, FilterTable } from './filter.js'
export { fsFilter } from './filters/fs.js'
export { procFilter, watchProcess } from './filters/proc.js'
export { HINT_SIGNAL, signalFilter } from './filters/signal.js'
export { copyKnotes, noteFork } from './fork.js'
export { type FileTable, Kernel, type OpenFile, type Process, type Sysctl } from './kernel.js'
export { applyChanges } from './kevent.js'
export { Knlist } from './knlist.js'
export {
  KN_ACTIVE,
  KN_DISABLED,
  KN_DROPPED,
  KN_FORCED,
  KN_QUEUED,
  Knote,
} from './knote.js'
export { Kqueue } from './kqueue.js'
