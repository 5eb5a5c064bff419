/**
 * All that `import 'kqueue'` has, bound to a system.
 *
 *     const calls = bindAll(() => system)
 *     const kq = calls.kqueue()
 */
import { EventList } from '../core/event-list.js'
import { EVENT_PROCESS, EVENT_REGISTER } from '../core/filter.js'
import { AIO_ALLDONE, AIO_CANCELED, AIO_NOTCANCELED } from '../core/filters/completion.js'
import { STATUS_UNKNOWN } from '../core/kernel.js'
import { Knlist } from '../core/knlist.js'
import { KqueueError } from '../errors.js'
import { bind } from './bind.js'
import { userEvent } from './conveniences.js'
import { seldom } from './seldom.js'
import type { Bound } from './system.js'
import { vocabulary } from './vocabulary.js'

/** What is the same on every system. */
const common = {
  AIO_ALLDONE,
  AIO_CANCELED,
  AIO_NOTCANCELED,
  EVENT_PROCESS,
  EVENT_REGISTER,
  EventList,
  Knlist,
  KqueueError,
  STATUS_UNKNOWN,
  userEvent,
}

/** Every export of `kqueue`. */
export type Calls = ReturnType<typeof bindAll>

export function bindAll(system: Bound) {
  return Object.assign(
    vocabulary(),
    common,
    bind(system, () => seldom),
  )
}
