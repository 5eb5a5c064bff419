// Bytes of memory a registered EVFILT_USER takes.
import { EVFILT_USER } from 'kqueue'
import { MEMORY_USER_EVENTS } from '../sizes.mjs'

/** @type {import('../measure.mjs').Row} */
export default {
  name: 'knote-memory-user',
  unit: 'bytes',
  registrations: () => ({
    count: MEMORY_USER_EVENTS,
    filter: EVFILT_USER,
    ident: (i) => i,
    close() {},
  }),
}
