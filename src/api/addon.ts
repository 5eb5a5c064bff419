/** Why there is no addon, for who asks for a queue of the system. */
import { ENOSYS, KqueueError } from '../errors.js'
import { EXTERNAL } from '../parts.js'

/** What would help where Node.js was started with less than it can do; by the code of its error. */
const FORBIDDEN = new Map([
  ['ERR_DLOPEN_DISABLED', 'to load addons: --permission takes --allow-addons, without --no-addons'],
  ['ERR_ACCESS_DENIED', "to read the addon: --permission takes --allow-fs-read of kqueue's folder"],
])

/** ENOSYS, with what the loader has thrown as its cause. */
export function noAddon(cause: unknown): KqueueError {
  const { platform, arch } = process
  const forbidden = FORBIDDEN.get(String((cause as NodeJS.ErrnoException).code))
  const why = forbidden
    ? `this process is not allowed ${forbidden}`
    : `the addon is not built for ${platform}-${arch}; 'npm rebuild kqueue' builds it, who bundles a program ${EXTERNAL}`
  const error = new KqueueError(ENOSYS, 'kqueue', { reason: `${why}, and kqueue/sim runs without` })
  return Object.assign(error, { cause })
}
